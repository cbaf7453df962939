//! Sources are paused and counted.

use std::sync::Arc;

use rfe_mesh::caller::Reach;
use rfe_model::Fault;
use rfe_proto::ingest::QueueStats;
use rfe_queue::{QueueControl, SourceStats};

use crate::{sources::Sources, spool::Spool};

/// Who looks after the queue.
#[derive(Debug)]
pub(crate) struct Control {
    queue: Arc<dyn QueueControl>,
    sources: Arc<Sources>,
    spool: Option<Spool>,
}

impl Control {
    pub(crate) fn new(queue: Arc<dyn QueueControl>, sources: Arc<Sources>, spool: Option<Spool>) -> Self {
        Self { queue, sources, spool }
    }

    /// Stops leasing a source's jobs.
    pub(crate) async fn pause(&self, source: &str) -> Result<(), Fault> {
        self.sources.get(source).await?;
        self.queue.pause(source).await?;
        self.note(source, true).await;
        Ok(())
    }

    /// Leases them again.
    pub(crate) async fn resume(&self, source: &str) -> Result<(), Fault> {
        self.sources.get(source).await?;
        self.queue.resume(source).await?;
        self.note(source, false).await;
        Ok(())
    }

    // So that a queue that loses it at once is told again.
    async fn note(&self, source: &str, paused: bool) {
        if let Some(spool) = &self.spool {
            spool.note_paused(source, paused).await;
        }
    }

    /// Counts by source, and their sum, of those that the caller reaches; `source`: only that one.
    pub(crate) async fn stats(
        &self,
        source: &str,
        reach: &Reach,
    ) -> Result<(Vec<QueueStats>, QueueStats), Fault> {
        let all = self.queue.stats().await?;
        let sources: Vec<_> = all
            .into_iter()
            .filter(|of| (source.is_empty() || of.source == source) && reach.has(&of.source))
            .map(encode)
            .collect();
        let total = sources.iter().fold(QueueStats::default(), |sum, of| QueueStats {
            source: String::new(),
            queued_jobs: sum.queued_jobs + of.queued_jobs,
            running_jobs: sum.running_jobs + of.running_jobs,
            delayed_jobs: sum.delayed_jobs + of.delayed_jobs,
            events: sum.events + of.events,
            bytes: sum.bytes + of.bytes,
            oldest_age_seconds: sum.oldest_age_seconds.max(of.oldest_age_seconds),
            paused: false,
        });
        Ok((sources, total))
    }
}

fn encode(of: SourceStats) -> QueueStats {
    QueueStats {
        source: of.source,
        queued_jobs: of.queued_jobs,
        running_jobs: of.running_jobs,
        delayed_jobs: of.delayed_jobs,
        events: of.events,
        bytes: of.bytes,
        oldest_age_seconds: of.oldest_age.as_secs_f64(),
        paused: of.paused,
    }
}
