//! Any number of events: batches, a few calls at a time, back-pressure, redelivery with the same ids.

use std::time::{Duration, Instant};

use rfe_model::backoff::Backoff;
use rfe_proto::ingest as pb;
use tokio::task::JoinSet;

use crate::{Client, Error, Result, events::give_id};

const MAX_EVENTS: usize = 500;
const MAX_BYTES: usize = 1 << 20;
const MAX_CALLS: usize = 4;
const PATIENCE: Duration = Duration::from_secs(60);
const BACKOFF: Backoff =
    Backoff { attempts: u32::MAX, base: Duration::from_millis(200), cap: Duration::from_secs(5) };

/// What became of the events that were delivered.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Summary {
    /// Events that are durable now.
    pub accepted: u64,
    /// Events that were durable before.
    pub duplicates: u64,
    /// Events that the platform does not take.
    pub rejected: Vec<Rejected>,
}

/// An event that the platform does not take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// The number that the event was sent with.
    pub number: u64,
    /// Its id.
    pub event_id: String,
    /// Why.
    pub message: String,
}

/// Events could not be delivered. None of them is known to be durable; sending them again with their ids lands nothing twice.
#[derive(Debug, thiserror::Error)]
#[error("{} events were not delivered: {error}", undelivered.len())]
pub struct SendError {
    /// Why.
    #[source]
    pub error: Error,
    /// The events, in the order in which they were sent.
    pub undelivered: Vec<pb::Event>,
}

/// Sends events of one source. End with [`Self::finish`]: dropping it forgets what is not yet sent.
#[derive(Debug)]
#[must_use = "events wait in the sender until `flush` or `finish`"]
pub struct EventSender {
    client: Client,
    source: String,
    patience: Duration,
    max_events: usize,
    next_number: u64,
    pending: Vec<(u64, pb::Event)>,
    pending_bytes: usize,
    calls: JoinSet<Delivery>,
    failed: Vec<(u64, pb::Event)>,
    error: Option<Error>,
    summary: Summary,
}

#[derive(Debug)]
struct Delivery {
    events: Vec<(u64, pb::Event)>,
    outcome: Result<Vec<pb::EventResult>>,
}

impl EventSender {
    pub(crate) fn new(client: Client, source: &str) -> Self {
        Self {
            client,
            source: source.to_owned(),
            patience: PATIENCE,
            max_events: MAX_EVENTS,
            next_number: 1,
            pending: Vec::new(),
            pending_bytes: 0,
            calls: JoinSet::new(),
            failed: Vec::new(),
            error: None,
            summary: Summary::default(),
        }
    }

    /// How long a batch is repeated while the platform is full or away; 60 s by default.
    pub fn patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// How many events go into one call; 500 by default, and 1,000 at most.
    pub fn max_events(self, max_events: usize) -> Self {
        Self { max_events: max_events.clamp(1, 1000), ..self }
    }

    /// Takes an event, and waits while too many calls are under way. Events are numbered from 1.
    ///
    /// # Errors
    /// If events could not be delivered; it holds them all, this one included, and the sender is empty and usable again.
    pub async fn send(&mut self, event: pb::Event) -> Result<(), SendError> {
        self.send_numbered(self.next_number, event).await
    }

    /// As [`Self::send`], with the caller's number, such as a line's.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub async fn send_numbered(&mut self, number: u64, mut event: pb::Event) -> Result<(), SendError> {
        give_id(&mut event);
        let bytes = size(&event);
        let full = !self.pending.is_empty() && self.pending_bytes + bytes > MAX_BYTES;
        if full && let Err(mut error) = self.dispatch().await {
            error.undelivered.push(event);
            return Err(error);
        }
        self.next_number = number + 1;
        self.pending.push((number, event));
        self.pending_bytes += bytes;
        if self.pending.len() >= self.max_events || self.pending_bytes >= MAX_BYTES {
            self.dispatch().await?;
        }
        Ok(())
    }

    /// Sends what waits, and waits for every call that is under way.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub async fn flush(&mut self) -> Result<(), SendError> {
        self.dispatch().await?;
        while let Some(delivery) = self.calls.join_next().await {
            self.take(settled(delivery));
        }
        self.check().await
    }

    /// Flushes and says what became of the events.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub async fn finish(mut self) -> Result<Summary, SendError> {
        self.flush().await?;
        Ok(self.summary)
    }

    /// What became of the events so far.
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    /// Takes the rejected events out of the summary, so that they need not stay in memory.
    pub fn take_rejected(&mut self) -> Vec<Rejected> {
        std::mem::take(&mut self.summary.rejected)
    }

    async fn dispatch(&mut self) -> Result<(), SendError> {
        while let Some(delivery) = self.calls.try_join_next() {
            self.take(settled(delivery));
        }
        while self.calls.len() >= MAX_CALLS
            && let Some(delivery) = self.calls.join_next().await
        {
            self.take(settled(delivery));
        }
        self.check().await?;
        if !self.pending.is_empty() {
            let events = std::mem::take(&mut self.pending);
            self.pending_bytes = 0;
            self.calls.spawn(deliver(self.client.clone(), self.source.clone(), events, self.patience));
        }
        Ok(())
    }

    fn take(&mut self, delivery: Delivery) {
        match delivery.outcome {
            Ok(results) => {
                delivery.events.iter().zip(results).for_each(|((number, _), result)| {
                    self.count(*number, result);
                });
            }
            Err(error) => {
                self.failed.extend(delivery.events);
                self.error.get_or_insert(error);
            }
        }
    }

    fn count(&mut self, number: u64, result: pb::EventResult) {
        match result.outcome() {
            pb::EventOutcome::Accepted => self.summary.accepted += 1,
            pb::EventOutcome::Duplicate => self.summary.duplicates += 1,
            pb::EventOutcome::Rejected | pb::EventOutcome::Unspecified => {
                let rejected = Rejected { number, event_id: result.event_id, message: result.message };
                self.summary.rejected.push(rejected);
            }
        }
    }

    // One call that failed ends the others first: what is handed back is then all that is not durable.
    async fn check(&mut self) -> Result<(), SendError> {
        if self.error.is_none() {
            return Ok(());
        }
        while let Some(delivery) = self.calls.join_next().await {
            self.take(settled(delivery));
        }
        let Some(error) = self.error.take() else { return Ok(()) };
        let mut events = std::mem::take(&mut self.failed);
        events.append(&mut self.pending);
        self.pending_bytes = 0;
        events.sort_by_key(|(number, _)| *number);
        Err(SendError { error, undelivered: events.into_iter().map(|(_, event)| event).collect() })
    }
}

async fn deliver(
    client: Client,
    source: String,
    events: Vec<(u64, pb::Event)>,
    patience: Duration,
) -> Delivery {
    let request =
        pb::SubmitEventsRequest { source, events: events.iter().map(|(_, event)| event.clone()).collect() };
    let begun = Instant::now();
    let mut attempt = 1;
    let outcome = loop {
        let answer = client
            .ingest
            .once(request.clone(), |mut client, request| async move {
                Ok(client.submit_events(request).await?.into_inner().results)
            })
            .await
            .and_then(|results| client.check_results(events.len(), results));
        let error = match answer {
            Err(error) if error.is_transient() => error,
            settled => break settled,
        };
        let delay = BACKOFF.delay(attempt, fastrand::f64()).unwrap_or(BACKOFF.cap);
        let delay = delay.max(error.retry_after().unwrap_or_default());
        if begun.elapsed() + delay > patience {
            break Err(error);
        }
        tokio::time::sleep(delay).await;
        attempt += 1;
    };
    Delivery { events, outcome }
}

fn settled(joined: Result<Delivery, tokio::task::JoinError>) -> Delivery {
    match joined {
        Ok(delivery) => delivery,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

fn size(event: &pb::Event) -> usize {
    let headers: usize = event.headers.iter().map(|(name, value)| name.len() + value.len() + 8).sum();
    event.payload.len() + event.event_id.len() + event.content_type.len() + headers + 32
}
