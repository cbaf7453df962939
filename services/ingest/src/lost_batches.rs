//! Batches of events that the queue lost. Their events come again in other batches; the run of one that no worker holds any more
//! would stay open for ever, and is ended here. Ending it fences a worker that holds it all the same; and should the queue bring
//! the batch back, from an old copy of its own, its claim opens the run again. So a wrong guess costs time, and no event.

use std::time::Duration;

use rfe_model::{
    Fault,
    fault::reason,
    letter::Stage,
    time::{micros_from_proto, now_micros},
};
use rfe_proto::metadata::{ClaimRunRequest, FailRunRequest, ListRunsRequest, Run, RunKind, RunState};

use crate::registry::Registry;

const PAGE: i32 = 1000;
/// As whom the run of a batch that waited for its next attempt is claimed.
const WORKER: &str = "reconciler";

/// Ends the runs of batches of which nothing was heard for so long. How many there were.
pub(crate) async fn end(registry: &Registry, silent: Duration) -> Result<u64, Fault> {
    let before = now_micros().saturating_sub(i64::try_from(silent.as_micros()).unwrap_or(i64::MAX));
    let (mut page_token, mut ended) = (String::new(), 0);
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
        for run in runs.into_iter().filter(|run| last_heard(run) < before) {
            if end_one(registry, run).await? {
                ended += 1;
            }
        }
        if next.is_empty() {
            return Ok(ended);
        }
        page_token = next;
    }
}

// In µs since the Unix epoch. The time of an attempt to come counts as well.
fn last_heard(run: &Run) -> i64 {
    let times = [run.created_time, run.started_time, run.next_attempt_time];
    times.iter().flatten().map(micros_from_proto).max().unwrap_or(0)
}

async fn end_one(registry: &Registry, run: Run) -> Result<bool, Fault> {
    let (run_id, source) = (run.run_id.clone(), run.source.clone());
    match try_to_end(registry, run).await {
        Ok(()) => {
            tracing::warn!(
                run = run_id,
                source,
                "a batch was lost by the queue; its run is ended, and its events come again"
            );
            Ok(true)
        }
        // A worker was faster.
        Err(fault) if fault.reason == reason::STALE_EPOCH => Ok(false),
        Err(fault) if fault.is_transient() => Err(fault),
        Err(fault) => {
            tracing::warn!(run = run_id, source, error = %fault, "the run of a lost batch could not be ended");
            Ok(false)
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
            counters: run.counters,
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
        ..ClaimRunRequest::default()
    }
}
