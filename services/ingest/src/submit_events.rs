//! Events come in.

use std::sync::Arc;

use prometheus_client::metrics::counter::Counter;
use rfe_mesh::{Metrics, telemetry::trace::current_traceparent};
use rfe_model::{ErrorCode, Fault, fault::reason};
use rfe_proto::ingest::{Event, EventOutcome, EventResult};
use rfe_queue::{Accepted, NewEvents};

use crate::{
    event,
    sources::{Known, Sources},
    spool::Acceptance,
};

/// So many events are taken at once.
pub(crate) const MAX_EVENTS: usize = 1000;
const MAX_BYTES: usize = 4 << 20;

/// Where events come in.
#[derive(Debug)]
pub(crate) struct EventDoor {
    acceptance: Acceptance,
    sources: Arc<Sources>,
    accepted: Counter,
    duplicate: Counter,
    rejected: Counter,
}

impl EventDoor {
    pub(crate) fn new(acceptance: Acceptance, sources: Arc<Sources>, metrics: &Metrics) -> Self {
        Self {
            acceptance,
            sources,
            accepted: metrics.counter("rfe_events_accepted", "Events accepted"),
            duplicate: metrics.counter("rfe_events_duplicate", "Events whose id was accepted before"),
            rejected: metrics.counter("rfe_events_rejected", "Events that could not be taken"),
        }
    }

    /// Accepts the events of one call; one result an event, in the order of the call.
    pub(crate) async fn submit(&self, source: String, events: Vec<Event>) -> Result<Vec<EventResult>, Fault> {
        check_number(events.len())?;
        let known = self.sources.get(&source).await?;
        known.takes_events()?;
        check_bytes(&events, &known)?;
        self.enqueue(source, events, &known).await
    }

    /// Accepts a group of a stream, of whatever size.
    pub(crate) async fn accept(&self, source: String, events: Vec<Event>) -> Result<Vec<EventResult>, Fault> {
        let known = self.sources.get(&source).await?;
        known.takes_events()?;
        self.enqueue(source, events, &known).await
    }

    /// Refuses a source that takes no events.
    pub(crate) async fn check(&self, source: &str) -> Result<(), Fault> {
        self.sources.get(source).await?.takes_events()
    }

    async fn enqueue(
        &self,
        source: String,
        events: Vec<Event>,
        known: &Known,
    ) -> Result<Vec<EventResult>, Fault> {
        let (mut results, taken) = sort(events, known.max_body);
        if !taken.is_empty() {
            let call =
                NewEvents { id: rfe_model::id::new(), source, events: taken, trace: current_traceparent() };
            let answer = self.acceptance.accept(call).await?;
            answer_taken(&mut results, answer.outcomes);
        }
        self.count(&results);
        Ok(results)
    }

    fn count(&self, results: &[EventResult]) {
        for result in results {
            match result.outcome() {
                EventOutcome::Accepted => self.accepted.inc(),
                EventOutcome::Duplicate => self.duplicate.inc(),
                EventOutcome::Rejected | EventOutcome::Unspecified => self.rejected.inc(),
            };
        }
    }
}

fn check_number(events: usize) -> Result<(), Fault> {
    match events {
        0 => Err(Fault::invalid("events", "is empty; send at least 1")),
        1..=MAX_EVENTS => Ok(()),
        _ => Err(Fault::invalid("events", format!("has {events} events; send at most {MAX_EVENTS} a call"))),
    }
}

fn check_bytes(events: &[Event], known: &Known) -> Result<(), Fault> {
    if let ([event], Some(most)) = (events, known.max_body) {
        if event.payload.len() as u64 <= most {
            return Ok(());
        }
        let mut fault = Fault::invalid("events[0].payload", event::too_large(event.payload.len(), most));
        (fault.code, fault.reason) = (ErrorCode::InvalidArgument, reason::BODY_TOO_LARGE.to_owned());
        return Err(fault);
    }
    let bytes: usize = events.iter().map(|event| event.payload.len()).sum();
    if bytes > MAX_BYTES {
        return Err(Fault::invalid(
            "events",
            format!("have {bytes} bytes of payload; send at most {MAX_BYTES} a call"),
        ));
    }
    Ok(())
}

/// One result an event, those of taken ones not yet decided, and the events to take.
fn sort(events: Vec<Event>, max_body: Option<u64>) -> (Vec<EventResult>, Vec<Event>) {
    let mut results = Vec::with_capacity(events.len());
    let mut taken = Vec::with_capacity(events.len());
    for mut event in events {
        let refused = event::complete(&mut event, max_body).err();
        results.push(EventResult {
            event_id: event.event_id.clone(),
            outcome: if refused.is_some() { EventOutcome::Rejected } else { EventOutcome::Unspecified }
                as i32,
            job_id: String::new(),
            message: refused.clone().unwrap_or_default(),
        });
        if refused.is_none() {
            taken.push(event);
        }
    }
    (results, taken)
}

fn answer_taken(results: &mut [EventResult], outcomes: Vec<Accepted>) {
    let undecided = results.iter_mut().filter(|result| result.outcome() == EventOutcome::Unspecified);
    for (result, outcome) in undecided.zip(outcomes) {
        match outcome {
            Accepted::New { job_id } => {
                result.set_outcome(EventOutcome::Accepted);
                result.job_id = job_id;
            }
            Accepted::Duplicate => result.set_outcome(EventOutcome::Duplicate),
        }
    }
}
