//! Leased work, from its claim to what the queue shall do with it.

use std::sync::Arc;

use rfe_model::letter::Stage as At;
use rfe_proto::ingest::JobKind;
use rfe_queue::Leased;

use crate::{
    attempt::{Attempt, Claim, claim},
    end::{End, of_ended, of_stopped, of_unclaimed},
    failure::{Failed, WORKER_LOST},
    landing::Landing,
    progress::Progress,
    worker::Worker,
};

/// Does leased work, and says what the queue shall do with it.
pub(crate) async fn run(worker: &Arc<Worker>, leased: &Arc<Leased>, progress: &Progress) -> End {
    worker.crash.pass("after_lease");
    let attempt = match claim(worker, leased).await {
        Ok(Claim::Ours(attempt)) => attempt,
        Ok(Claim::Ended(run)) => return of_ended(&run, leased),
        Err(stop) => {
            tracing::warn!(run = leased.lease.id, source = leased.source, reason = %stop, "the run could not be claimed");
            return of_unclaimed(&stop);
        }
    };
    worker.crash.pass("after_claim");
    let mut landing = Landing::new(&attempt, progress.clone());
    let done = match lost_too_often(&attempt) {
        Some(failed) => Err(failed.into()),
        None => landing.land().await,
    };
    let counters = landing.counters();
    match done {
        Ok(()) => End::Complete,
        Err(stop) => of_stopped(&attempt, stop, counters).await,
    }
}

// Work that kills its workers: a batch is split after the second. What can't be split, a job or a single event, gives up with
// its attempts: a process that dies a few times in a row takes innocent work with it.
fn lost_too_often(attempt: &Attempt) -> Option<Failed> {
    let leased = &attempt.leased;
    let lost = leased.expired;
    let attempts = attempt.backoff().attempts;
    let (burnt, limit) = match (leased.kind, leased.events.len()) {
        (JobKind::Events, 0 | 1) => (lost, attempts.max(2)),
        (JobKind::Events, _) => (lost, 2),
        _ => (leased.attempts + lost, attempts),
    };
    (lost > 0 && burnt >= limit)
        .then(|| Failed::permanent(At::Write, WORKER_LOST, format!("{lost} workers died or froze over it")))
}
