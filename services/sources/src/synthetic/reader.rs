//! Makes events at their pace.

use std::time::Duration;

use async_trait::async_trait;
use rfe_model::SourceSpec;
use rfe_proto::ingest::Event;
use tokio::time::{Instant, sleep_until};

use super::{Config, clicks::Clicks};
use crate::{Chunk, ReadContext, ReadError, Reader, events, json_table::JsonColumns};

/// A paced chunk is what fell due in this time.
const BEAT: Duration = Duration::from_millis(500);
/// No event's body is larger.
const EVENT_BYTES: usize = 400;

/// Makes the events of one run.
#[derive(Debug)]
pub(super) struct SyntheticReader {
    clicks: Clicks,
    known: JsonColumns,
    next: u64,
    count: u64,
    rate: f64,
    chunk_events: u64,
    begun: Option<Instant>,
}

impl SyntheticReader {
    pub(super) fn new(spec: &SourceSpec, config: &Config, context: &ReadContext) -> Self {
        let fits = (context.chunk_bytes / EVENT_BYTES).max(1) as u64;
        let due = (config.rate * BEAT.as_secs_f64()).ceil().max(1.0) as u64;
        Self {
            clicks: Clicks::new(config.seed, &context.run_id, config.rate, config.error_share),
            known: JsonColumns::new(spec, context),
            next: 0,
            count: config.count,
            rate: config.rate,
            chunk_events: if config.rate > 0.0 { fits.min(due) } else { fits },
            begun: None,
        }
    }

    async fn wait_until_due(&mut self, number: u64) {
        let begun = *self.begun.get_or_insert_with(Instant::now);
        if self.rate > 0.0 {
            let since = Duration::try_from_secs_f64(number as f64 / self.rate).unwrap_or(Duration::MAX);
            sleep_until(begun.checked_add(since).unwrap_or(begun)).await;
        }
    }
}

#[async_trait]
impl Reader for SyntheticReader {
    async fn next(&mut self) -> Result<Option<Chunk>, ReadError> {
        let until = self.next.saturating_add(self.chunk_events).min(self.count);
        if self.next >= until {
            return Ok(None);
        }
        self.wait_until_due(until).await;
        let events: Vec<Event> = (self.next..until).map(|number| self.clicks.event(number)).collect();
        self.next = until;
        Ok(Some(events::decode_with(&mut self.known, &events)))
    }
}
