//! The spans of a piece of work: its own, in the trace of whoever brought it, and one for each of its steps.

use std::future::Future;

use rfe_mesh::telemetry::trace;
use rfe_queue::Leased;
use tracing::{Instrument as _, Span};

use crate::end::{End, kind_name};

/// The span of leased work, which goes on with the trace of the call that brought the work, or the first of its events.
pub(crate) fn of_work(leased: &Leased) -> Span {
    let span = trace::consumer_span(&leased.trace, &format!("work {}", kind_name(leased.kind)));
    trace::attribute(&span, "rfe.role", "worker");
    trace::attribute(&span, "rfe.source", leased.source.clone());
    trace::attribute(&span, "rfe.run_id", leased.lease.id.clone());
    trace::attribute(&span, "rfe.attempt", i64::from(leased.attempts + leased.expired + 1));
    if !leased.events.is_empty() {
        trace::attribute(&span, "rfe.events", i64::try_from(leased.events.len()).unwrap_or(i64::MAX));
    }
    span
}

/// Writes into the span how its work ended.
pub(crate) fn ended(span: &Span, end: &End) {
    trace::attribute(span, "rfe.outcome", end.outcome());
    if matches!(end, End::Retry(..) | End::Bisect) {
        // The reason may hold a value of a record; the registry has it.
        trace::failed(span, end.outcome());
    }
}

/// Runs a step in a span of its own.
pub(crate) async fn step<F: Future>(name: &str, step: F) -> F::Output {
    step.instrument(trace::span(name)).await
}
