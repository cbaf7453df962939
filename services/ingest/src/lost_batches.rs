//! Batches of events that the queue lost. Their events come again in other batches; the run of one that no worker holds any more
//! would stay open for ever, and is ended here. Ending it fences a worker that holds it all the same; and should the queue bring
//! the batch back, from an old copy of its own, its claim opens the run again. So a wrong guess costs time, and no event.

use std::time::{Duration, Instant};

use rfe_model::{
    Fault,
    fault::reason,
    letter::Stage,
    time::{micros_from_proto, now_micros},
};
use rfe_proto::metadata::{ClaimRunRequest, FailRunRequest, ListRunsRequest, Run, RunKind, RunState};

use crate::{Config, registry::Registry};

const PAGE: i32 = 1000;
/// As whom the run of a batch that waited for its next attempt is claimed.
const WORKER: &str = "reconciler";

/// How often silent batches are looked for.
const EVERY: Duration = Duration::from_secs(60);

/// Ends the runs of lost batches.
#[derive(Debug)]
pub(crate) struct LostBatches {
    grace: i64,
    silence: i64,
    looked: Instant,
    /// The loss whose batches were ended, in µs since the Unix epoch.
    dealt_with: Option<i64>,
}

/// Which runs are ended.
#[derive(Debug, Clone, Copy)]
enum Which {
    /// Those whose attempt began before this, in µs since the Unix epoch.
    BegunBefore(i64),
    /// Those of which nothing was heard since, the time of an attempt to come among it.
    SilentSince(i64),
}

// === impl Which ===

impl Which {
    fn takes(self, run: &Run) -> bool {
        let begun = run.started_time.or(run.created_time).as_ref().map(micros_from_proto);
        let (heard, before) = match self {
            Self::BegunBefore(at) => (begun, at),
            Self::SilentSince(at) => (begun.max(run.next_attempt_time.as_ref().map(micros_from_proto)), at),
        };
        heard.is_some_and(|heard| heard < before)
    }
}

// === impl LostBatches ===

impl LostBatches {
    pub(crate) fn new(config: &Config) -> Self {
        let micros = |time: Duration| i64::try_from(time.as_micros()).unwrap_or(i64::MAX);
        Self {
            grace: micros(config.batch_grace),
            silence: micros(config.batch_silence),
            looked: Instant::now(),
            dealt_with: None,
        }
    }

    /// Ends those that are due. `loss`: when the queue was last found to be another, in µs since the Unix epoch.
    pub(crate) async fn end(&mut self, registry: &Registry, loss: Option<i64>) -> Result<(), Fault> {
        let now = now_micros();
        if let Some(at) =
            loss.filter(|at| self.dealt_with != Some(*at) && now.saturating_sub(*at) >= self.grace)
        {
            end(registry, Which::BegunBefore(at)).await?;
            self.dealt_with = Some(at);
        }
        if self.looked.elapsed() >= EVERY {
            end(registry, Which::SilentSince(now.saturating_sub(self.silence))).await?;
            self.looked = Instant::now();
        }
        Ok(())
    }
}

async fn end(registry: &Registry, which: Which) -> Result<(), Fault> {
    let mut page_token = String::new();
    loop {
        let request = ListRunsRequest {
            states: [RunState::Queued, RunState::Running, RunState::Retrying]
                .map(|state| state as i32)
                .into(),
            kinds: vec![RunKind::Events as i32],
            page_size: PAGE,
            page_token,
            ..ListRunsRequest::default()
        };
        let (runs, next) = registry.list(request).await?;
        for run in runs.into_iter().filter(|run| which.takes(run)) {
            end_one(registry, run).await?;
        }
        if next.is_empty() {
            return Ok(());
        }
        page_token = next;
    }
}

async fn end_one(registry: &Registry, run: Run) -> Result<(), Fault> {
    let (run_id, source) = (run.run_id.clone(), run.source.clone());
    match try_to_end(registry, run).await {
        Ok(()) => {
            tracing::warn!(
                run = run_id,
                source,
                "a batch was lost by the queue; its run is ended, and its events come again"
            );
            Ok(())
        }
        // A worker was faster.
        Err(fault) if fault.reason == reason::STALE_EPOCH => Ok(()),
        Err(fault) if fault.is_transient() => Err(fault),
        Err(fault) => {
            tracing::warn!(run = run_id, source, error = %fault, "the run of a lost batch could not be ended");
            Ok(())
        }
    }
}

async fn try_to_end(registry: &Registry, run: Run) -> Result<(), Fault> {
    let epoch = match run.state() {
        RunState::Running => run.epoch,
        _ => registry.claim_run(claim(&run)).await?,
    };
    registry
        .fail_run(FailRunRequest {
            run_id: run.run_id,
            epoch,
            stage: Stage::Write.as_str().to_owned(),
            code: reason::BATCH_LOST.to_owned(),
            message: "the queue lost this batch; its events come again in others".to_owned(),
            ..FailRunRequest::default()
        })
        .await
}

fn claim(run: &Run) -> ClaimRunRequest {
    ClaimRunRequest {
        run_id: run.run_id.clone(),
        source: run.source.clone(),
        kind: run.kind,
        worker: WORKER.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use rfe_model::time::proto_from_micros;

    use super::*;

    #[test]
    fn a_run_is_old_by_its_latest_attempt() {
        let run = |started, next| Run {
            created_time: Some(proto_from_micros(1)),
            started_time: Some(proto_from_micros(started)),
            next_attempt_time: next,
            ..Run::default()
        };
        assert!(Which::SilentSince(11).takes(&run(10, None)));
        assert!(!Which::SilentSince(10).takes(&run(10, None)));
        let waits = run(10, Some(proto_from_micros(20)));
        assert!(!Which::SilentSince(11).takes(&waits), "it may well wait");
        assert!(Which::BegunBefore(11).takes(&waits), "but not for a queue that is gone");
    }
}
