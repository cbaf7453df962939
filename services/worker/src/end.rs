//! What becomes of leased work: told to the queue last, once the registry knows.

use std::time::Duration;

use rfe_model::{letter, time};
use rfe_proto::{
    ingest::JobKind,
    metadata::{FailRunRequest, Run, RunCounters, RunState},
};
use rfe_queue::{Leased, QueueError};

use crate::{
    attempt::Attempt,
    failure::{Failed, Stop},
    letters::Letters,
    poison, replay,
    worker::Worker,
};

/// How long work waits that was released because of a backend.
const BACKEND_PAUSE: Duration = Duration::from_secs(1);
const LETTER_NOT_OPEN: &str = rfe_model::fault::reason::LETTER_NOT_OPEN;

/// What the queue does with the work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    /// It leaves.
    Complete,
    /// It comes again; an attempt is burnt.
    Retry(Duration, String),
    /// It comes again; no attempt is burnt.
    Release(Duration),
    /// Its batch is split.
    Bisect,
    /// Nothing: it is not ours any more.
    Leave,
}

impl End {
    /// As metrics name it.
    pub fn outcome(&self) -> &'static str {
        match self {
            Self::Complete => "completed",
            Self::Retry(..) => "retried",
            Self::Release(_) => "released",
            Self::Bisect => "bisected",
            Self::Leave => "passed_on",
        }
    }
}

/// Work whose run had ended when it was claimed: the queue was not told the last time.
pub(crate) fn of_ended(run: &Run, leased: &Leased) -> End {
    // The letter of a single event went in with the run's failure; a larger batch has none and must be split.
    if run.state() == RunState::Failed && leased.events.len() > 1 { End::Bisect } else { End::Complete }
}

/// Work that stopped before it was claimed.
pub(crate) fn of_unclaimed(stop: &Stop) -> End {
    match stop {
        Stop::Backend(_) => End::Release(BACKEND_PAUSE),
        Stop::Fenced(_) => End::Leave,
        Stop::Failed(failed) if failed.code == rfe_model::fault::reason::RUN_NOT_FOUND => End::Complete,
        Stop::Failed(failed) => End::Retry(BACKEND_PAUSE, failed.message.clone()),
    }
}

/// Work that stopped after it was claimed; a failure is told to the registry first, with its letters.
pub(crate) async fn of_stopped(attempt: &Attempt, stop: Stop, counters: RunCounters) -> End {
    let failed = match stop {
        Stop::Backend(reason) => {
            tracing::warn!(run = attempt.run.run_id, reason, "a backend is down; the work is released");
            return End::Release(BACKEND_PAUSE);
        }
        Stop::Fenced(reason) => {
            tracing::info!(run = attempt.run.run_id, reason, "the run has passed on");
            return End::Leave;
        }
        Stop::Failed(failed) => failed,
    };
    tracing::warn!(
        run = attempt.run.run_id,
        source = attempt.spec.name,
        code = failed.code,
        error = failed.message,
        attempt = attempt.number,
        "an attempt failed"
    );
    attempt.steps.pass("before_fail").await;
    let told = tell(attempt, &failed, counters).await;
    attempt.steps.pass("after_fail").await;
    match told {
        Ok(end) => end,
        Err(Stop::Fenced(_)) => End::Leave,
        Err(Stop::Backend(_)) => End::Release(BACKEND_PAUSE),
        Err(Stop::Failed(other)) => {
            End::Retry(BACKEND_PAUSE, format!("{}; then FailRun: {}", failed.message, other.message))
        }
    }
}

async fn tell(attempt: &Attempt, failed: &Failed, counters: RunCounters) -> Result<End, Stop> {
    let delay = if failed.permanent { None } else { delay(attempt, failed) };
    let mut letters = Letters::of(&attempt.run);
    let end = match delay {
        Some(delay) => End::Retry(delay, failed.message.clone()),
        None if attempt.leased.events.len() > 1 => End::Bisect,
        None => {
            give_up(attempt, failed, &mut letters).await?;
            End::Complete
        }
    };
    let letters = letters.store(attempt.worker.lake.as_ref()).await?;
    let request = FailRunRequest {
        run_id: attempt.run.run_id.clone(),
        epoch: attempt.run.epoch,
        stage: failed.stage.as_str().to_owned(),
        code: failed.code.clone(),
        message: failed.message.clone(),
        next_attempt_time: delay
            .map(|delay| time::proto_from_micros(time::now_micros() + delay.as_micros() as i64)),
        letters,
        counters: Some(counters),
    };
    attempt.worker.runs().fail_run(request).await?;
    Ok(end)
}

fn delay(attempt: &Attempt, failed: &Failed) -> Option<Duration> {
    let delay = attempt.backoff().delay(attempt.number, fastrand::f64())?;
    Some(failed.retry_after.map_or(delay, |asked| asked.max(delay)))
}

// A replay's letter is the one that it replays, and it stays open. A compaction that gives up loses nothing: its files stay as
// they are.
async fn give_up(attempt: &Attempt, failed: &Failed, letters: &mut Letters) -> Result<(), Stop> {
    let sender = attempt.sender();
    let letter = match (&attempt.letter, attempt.leased.events.first()) {
        _ if failed.code == LETTER_NOT_OPEN || attempt.is_compaction() => return Ok(()),
        (Some(letter), _) => replay::failed_again(letter, failed, attempt.number),
        (None, Some(event)) => poison::letter(event, failed, &sender),
        (None, None) => letter::of_job(
            &sender.source,
            &sender.run_id,
            failed.stage,
            &failed.code,
            &failed.message,
            attempt.number,
        ),
    };
    letters.add(attempt.worker.lake.as_ref(), letter).await
}

/// Tells the queue, again where it does not answer, as long as the lease may last.
pub(crate) async fn tell_queue(worker: &Worker, leased: &Leased, end: &End) {
    const PAUSE: Duration = Duration::from_millis(200);
    let (queue, lease) = (&worker.queue, &leased.lease);
    let until = tokio::time::Instant::now() + lease.period / 2;
    loop {
        let told = match end {
            End::Complete => queue.complete(lease).await,
            End::Retry(delay, error) => queue.retry(lease, *delay, error).await,
            End::Release(delay) => queue.release(lease, *delay).await,
            End::Bisect => queue.bisect(lease).await,
            End::Leave => Ok(()),
        };
        match told {
            Ok(()) | Err(QueueError::Stale(_)) => return,
            Err(error) if tokio::time::Instant::now() >= until => {
                tracing::warn!(lease = lease.id, %error, "the queue could not be told; the lease will expire");
                return;
            }
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

/// The kind of work, as metrics name it.
pub(crate) fn kind_name(kind: JobKind) -> &'static str {
    match kind {
        JobKind::Pull => "pull",
        JobKind::Events => "events",
        JobKind::Replay => "replay",
        JobKind::Backfill => "backfill",
        JobKind::Compaction => "compaction",
        JobKind::Unspecified => "unknown",
    }
}
