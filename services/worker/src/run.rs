//! Leased work, from its claim to what the queue shall do with it.

use std::sync::Arc;

use rfe_model::letter::Stage as At;
use rfe_proto::ingest::JobKind;
use rfe_queue::Leased;

use crate::{
    attempt::{Attempt, Claim, claim},
    checkpoint,
    compaction::Compaction,
    end::{End, of_ended, of_stopped, of_unclaimed},
    failure::{Failed, WORKER_LOST},
    landing::Landing,
    progress::Progress,
    steps::Steps,
    worker::Worker,
};

/// Does leased work, and says what the queue shall do with it.
pub(crate) async fn run(
    worker: &Arc<Worker>,
    leased: &Arc<Leased>,
    progress: &Progress,
    steps: &Steps,
) -> End {
    steps.pass("after_lease").await;
    let attempt = match claim(worker, leased, steps).await {
        Ok(Claim::Ours(attempt)) => attempt,
        Ok(Claim::Ended(run)) => return of_ended(&run, leased),
        Err(stop) => {
            tracing::warn!(run = leased.lease.id, source = leased.source, reason = %stop, "the run could not be claimed");
            return of_unclaimed(&stop);
        }
    };
    steps.pass("after_claim").await;
    if attempt.is_compaction() { compact(&attempt, progress).await } else { land(&attempt, progress).await }
}

async fn land(attempt: &Attempt, progress: &Progress) -> End {
    let mut landing = Landing::new(attempt, progress.clone());
    let done = match lost_too_often(&attempt.leased, attempt.backoff().attempts) {
        Some(failed) => Err(failed.into()),
        None => landing.land().await,
    };
    let counters = landing.counters();
    let end = match done {
        Ok(()) => End::Complete,
        Err(stop) => {
            landing.keep_checkpoints(&stop).await;
            of_stopped(attempt, stop, counters).await
        }
    };
    let has_checkpoints = landing.has_checkpoints();
    drop(landing);
    if end == End::Complete && has_checkpoints {
        checkpoint::delete_later(attempt);
    }
    end
}

async fn compact(attempt: &Attempt, progress: &Progress) -> End {
    let mut compaction = Compaction::new(attempt, progress.clone());
    let done = match lost_too_often(&attempt.leased, attempt.backoff().attempts) {
        Some(failed) => Err(failed.into()),
        None => compaction.compact().await,
    };
    match done {
        Ok(()) => End::Complete,
        Err(stop) => of_stopped(attempt, stop, compaction.counters()).await,
    }
}

// Work that kills its workers: a batch is split after the second. What can't be split, a job or a single event, gives up with
// its attempts: a process that dies a few times in a row takes innocent work with it.
fn lost_too_often(leased: &Leased, attempts: u32) -> Option<Failed> {
    let lost = leased.expired;
    let (burnt, limit) = match (leased.kind, leased.events.len()) {
        (JobKind::Events, 0 | 1) => (lost, attempts.max(2)),
        (JobKind::Events, _) => (lost, 2),
        _ => (leased.attempts + lost, attempts),
    };
    (lost > 0 && burnt >= limit)
        .then(|| Failed::permanent(At::Write, WORKER_LOST, format!("{lost} workers died or froze over it")))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rfe_proto::ingest::Event;
    use rfe_queue::Lease;

    use super::*;

    fn gives_up(kind: JobKind, events: usize, attempts_burnt: u32, lost: u32, attempts: u32) -> bool {
        let leased = Leased {
            lease: Lease { id: "a".to_owned(), epoch: 1, period: Duration::from_secs(30) },
            source: "hooks".to_owned(),
            kind,
            events: vec![Event::default(); events],
            attempts: attempts_burnt,
            expired: lost,
            trace: String::new(),
        };
        lost_too_often(&leased, attempts).is_some()
    }

    #[test]
    fn a_batch_is_split_after_its_second_lost_lease() {
        assert!(!gives_up(JobKind::Events, 500, 0, 1, 5));
        assert!(gives_up(JobKind::Events, 500, 0, 2, 5));
    }

    #[test]
    fn a_single_event_survives_the_deaths_that_its_attempts_allow() {
        assert!(!gives_up(JobKind::Events, 1, 0, 4, 5));
        assert!(gives_up(JobKind::Events, 1, 0, 5, 5));
        assert!(!gives_up(JobKind::Events, 1, 0, 1, 1), "one death alone accuses nobody");
    }

    #[test]
    fn a_lost_lease_is_one_of_a_jobs_attempts() {
        assert!(!gives_up(JobKind::Compaction, 0, 0, 1, 5));
        assert!(gives_up(JobKind::Compaction, 0, 1, 4, 5));
        assert!(!gives_up(JobKind::Pull, 0, 3, 1, 5));
        assert!(gives_up(JobKind::Pull, 0, 3, 2, 5));
        assert!(!gives_up(JobKind::Pull, 0, 5, 0, 5), "no worker was lost: the failure itself decides");
    }
}
