//! The commit, and what became of it where its answer is lost.

use std::time::{Duration, Instant};

use rfe_mesh::fault_from_status;
use rfe_model::{ErrorCode, letter::Stage as At};
use rfe_proto::metadata::{CommitRunRequest, GetRunRequest, RunState};
use tonic::Status;

use crate::{
    attempt::Attempt,
    failure::{Failed, Stop},
};

const TRIES: u32 = 20;
const PAUSE: Duration = Duration::from_millis(500);
/// What one message holds besides rows of ids.
const MAX_COMMIT_BYTES: usize = 30 << 20;

/// What a commit did.
#[derive(Debug)]
pub(crate) enum Committed {
    /// The run is visible.
    Done,
    /// Nothing: these events landed before.
    Duplicates(Vec<String>),
}

/// Commits. An answer that is lost is settled by asking what became of the run.
pub(crate) async fn commit(attempt: &Attempt, request: &CommitRunRequest) -> Result<Committed, Stop> {
    check_size(request)?;
    let began = Instant::now();
    for _ in 0..TRIES {
        let status = match attempt.worker.runs().commit_run(request.clone()).await {
            Ok(response) => {
                let response = response.into_inner();
                if !response.duplicate_event_ids.is_empty() {
                    return Ok(Committed::Duplicates(response.duplicate_event_ids));
                }
                attempt.worker.metrics.committed(began.elapsed());
                return Ok(Committed::Done);
            }
            Err(status) => status,
        };
        if !leaves_doubt(&status) {
            return Err(status.into());
        }
        tracing::warn!(
            run = request.run_id,
            error = status.message(),
            "the answer to a commit is lost; asking again"
        );
        if let Some(done) = settled(attempt, request.epoch).await? {
            return Ok(done);
        }
        tokio::time::sleep(PAUSE).await;
    }
    Err(Stop::Backend("the registry did not answer a commit".to_owned()))
}

fn check_size(request: &CommitRunRequest) -> Result<(), Stop> {
    let bytes = prost::Message::encoded_len(request);
    if bytes <= MAX_COMMIT_BYTES {
        return Ok(());
    }
    let message = format!(
        "the commit of {} event ids, {} letters, {} data files and {} files read takes {bytes} bytes of {MAX_COMMIT_BYTES}; read the source in smaller runs",
        request.event_ids.len(),
        request.letters.len(),
        request.files.len(),
        request.files_read.len(),
    );
    Err(Failed::permanent(At::Write, "RUN_TOO_LARGE", message).into())
}

fn leaves_doubt(status: &Status) -> bool {
    matches!(
        fault_from_status(status).code,
        ErrorCode::Unavailable | ErrorCode::DeadlineExceeded | ErrorCode::Cancelled | ErrorCode::Internal
    )
}

async fn settled(attempt: &Attempt, epoch: u64) -> Result<Option<Committed>, Stop> {
    let request = GetRunRequest { run_id: attempt.run.run_id.clone() };
    // Whether it is down or slow, the next try tells.
    let Ok(response) = attempt.worker.registry().get_run(request).await else { return Ok(None) };
    let run = response.into_inner().run.unwrap_or_default();
    match run.state() {
        RunState::Succeeded => Ok(Some(Committed::Done)),
        RunState::Running if run.epoch == epoch => Ok(None),
        state => Err(Stop::Fenced(format!(
            "run `{}` is {} at epoch {}",
            run.run_id,
            state.as_str_name(),
            run.epoch
        ))),
    }
}
