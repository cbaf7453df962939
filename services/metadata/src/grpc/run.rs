//! `rfe.metadata.v1.RunService`.

use std::{sync::Arc, time::Instant};

use prometheus_client::metrics::{counter::Counter, histogram::Histogram};
use rfe_model::{Fault, time};
use rfe_proto::metadata as pb;
use rfe_registry::{Claim, Commit, Failure, MemoryStore, NewRun, RegistryError, RunStore};
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::{STAGES, one_of, required, status};
use crate::{page::List, raw::RawBytes};

const CHECKPOINTS: List = List::of_files("ListCheckpoints");

/// The service.
#[derive(Debug)]
pub(crate) struct Runs {
    pub(crate) runs: Arc<dyn RunStore>,
    pub(crate) memory: Arc<dyn MemoryStore>,
    pub(crate) raw: RawBytes,
    pub(crate) committed: Counter,
    pub(crate) commit_seconds: Histogram,
    pub(crate) duplicates: Counter,
    pub(crate) stale: Counter,
}

#[tonic::async_trait]
impl pb::run_service_server::RunService for Runs {
    async fn create_run(
        &self,
        request: Request<pb::CreateRunRequest>,
    ) -> Result<Response<pb::CreateRunResponse>, Status> {
        let run = new_run(request.into_inner())?;
        let (run, created) = self.runs.create_run(&run).await.map_err(status)?;
        Ok(Response::new(pb::CreateRunResponse { run: Some(run), created }))
    }

    async fn claim_run(
        &self,
        request: Request<pb::ClaimRunRequest>,
    ) -> Result<Response<pb::ClaimRunResponse>, Status> {
        let claim = claim(request.into_inner())?;
        let claimed = self.runs.claim(&claim).await.map_err(status)?;
        let letter = match claimed.letter.filter(|_| claimed.claimed) {
            Some(letter) => Some(self.raw.fill(letter).await.map_err(status)?),
            None => None,
        };
        Ok(Response::new(pb::ClaimRunResponse {
            run: Some(claimed.run),
            claimed: claimed.claimed,
            source: Some(claimed.source),
            schema: claimed.schema,
            letter,
            replay_raw: claimed.replay_raw,
            cursor: claimed.cursor,
            checkpoints: claimed.checkpoints,
            inputs: claimed.inputs,
        }))
    }

    async fn register_schema(
        &self,
        request: Request<pb::RegisterSchemaRequest>,
    ) -> Result<Response<pb::RegisterSchemaResponse>, Status> {
        let request = request.into_inner();
        let run_id = required("run_id", &request.run_id)?;
        let registered = self.runs.register_schema(run_id, request.epoch, &request.columns).await;
        let (schema, discarded_columns) = registered.map_err(status)?;
        Ok(Response::new(pb::RegisterSchemaResponse { schema: Some(schema), discarded_columns }))
    }

    async fn save_checkpoint(
        &self,
        request: Request<pb::SaveCheckpointRequest>,
    ) -> Result<Response<pb::SaveCheckpointResponse>, Status> {
        let request = request.into_inner();
        let run_id = required("run_id", &request.run_id)?;
        let checkpoint = checkpoint(request.checkpoint)?;
        self.memory.save_checkpoint(run_id, request.epoch, &checkpoint).await.map_err(status)?;
        Ok(Response::new(pb::SaveCheckpointResponse {}))
    }

    async fn list_checkpoints(
        &self,
        request: Request<pb::ListCheckpointsRequest>,
    ) -> Result<Response<pb::ListCheckpointsResponse>, Status> {
        let request = request.into_inner();
        let run_id = required("run_id", &request.run_id)?;
        let asked = CHECKPOINTS.page(request.page_size, &request.page_token).map_err(status)?;
        let found = self.memory.checkpoints(run_id, request.epoch, &asked.of_store()).await;
        let (checkpoints, next_page_token) =
            asked.cut(found.map_err(status)?, |checkpoint| checkpoint.place.to_string());
        Ok(Response::new(pb::ListCheckpointsResponse { checkpoints, next_page_token }))
    }

    async fn list_unread_files(
        &self,
        request: Request<pb::ListUnreadFilesRequest>,
    ) -> Result<Response<pb::ListUnreadFilesResponse>, Status> {
        let request = request.into_inner();
        let run_id = required("run_id", &request.run_id)?;
        let unread = self.memory.unread(run_id, request.epoch, &request.files).await.map_err(status)?;
        Ok(Response::new(pb::ListUnreadFilesResponse { unread }))
    }

    async fn commit_run(
        &self,
        request: Request<pb::CommitRunRequest>,
    ) -> Result<Response<pb::CommitRunResponse>, Status> {
        let commit = commit(request.into_inner())?;
        let begun = Instant::now();
        let committed = self.runs.commit(&commit).await;
        self.commit_seconds.observe(begun.elapsed().as_secs_f64());
        let response = match committed {
            Ok(run) => {
                self.committed.inc();
                pb::CommitRunResponse { run: Some(run), duplicate_event_ids: Vec::new() }
            }
            Err(RegistryError::DuplicateEvents(duplicate_event_ids)) => {
                self.duplicates.inc_by(duplicate_event_ids.len() as u64);
                pb::CommitRunResponse { run: None, duplicate_event_ids }
            }
            Err(error) => {
                if matches!(error, RegistryError::StaleEpoch { .. }) {
                    self.stale.inc();
                }
                return Err(status(error));
            }
        };
        Ok(Response::new(response))
    }

    async fn fail_run(
        &self,
        request: Request<pb::FailRunRequest>,
    ) -> Result<Response<pb::FailRunResponse>, Status> {
        let failure = failure(request.into_inner())?;
        let run = self.runs.fail(&failure).await.map_err(status)?;
        Ok(Response::new(pb::FailRunResponse { run: Some(run) }))
    }

    async fn report_progress(
        &self,
        request: Request<pb::ReportProgressRequest>,
    ) -> Result<Response<pb::ReportProgressResponse>, Status> {
        let request = request.into_inner();
        let run_id = required("run_id", &request.run_id)?;
        let counters = request.counters.unwrap_or_default();
        self.runs.progress(run_id, request.epoch, &counters).await.map_err(status)?;
        Ok(Response::new(pb::ReportProgressResponse {}))
    }

    async fn cancel_run(
        &self,
        request: Request<pb::CancelRunRequest>,
    ) -> Result<Response<pb::CancelRunResponse>, Status> {
        let request = request.into_inner();
        let run_id = required("run_id", &request.run_id)?;
        let run = self.runs.cancel(run_id).await.map_err(status)?;
        Ok(Response::new(pb::CancelRunResponse { run: Some(run) }))
    }
}

fn new_run(request: pb::CreateRunRequest) -> Result<NewRun, Status> {
    required("source", &request.source)?;
    let kind = request.kind();
    if !matches!(kind, pb::RunKind::Pull | pb::RunKind::Replay | pb::RunKind::Backfill) {
        let reason =
            format!("{} is none of RUN_KIND_PULL, RUN_KIND_REPLAY, RUN_KIND_BACKFILL", kind.as_str_name());
        return Err(status(Fault::invalid("kind", reason)));
    }
    if kind == pb::RunKind::Replay {
        required("letter_id", &request.letter_id)?;
    }
    if Uuid::parse_str(&request.run_id).is_err() {
        return Err(status(Fault::invalid("run_id", format!("`{}` is no UUID", request.run_id))));
    }
    Ok(NewRun {
        run_id: request.run_id,
        source: request.source,
        kind,
        letter_id: Some(request.letter_id).filter(|_| kind == pb::RunKind::Replay),
        replay_raw: request.replay_raw,
        scheduled_micros: request.scheduled_time.as_ref().map(time::micros_from_proto),
    })
}

fn claim(request: pb::ClaimRunRequest) -> Result<Claim, Status> {
    required("run_id", &request.run_id)?;
    required("source", &request.source)?;
    required("worker", &request.worker)?;
    let kind = request.kind();
    if kind == pb::RunKind::Unspecified {
        return Err(status(Fault::invalid("kind", "is missing")));
    }
    Ok(Claim { run_id: request.run_id, source: request.source, kind, worker: request.worker })
}

fn commit(request: pb::CommitRunRequest) -> Result<Commit, Status> {
    required("run_id", &request.run_id)?;
    Ok(Commit {
        run_id: request.run_id,
        epoch: request.epoch,
        schema_version: request.schema_version,
        files: request.files,
        event_ids: request.event_ids,
        letters: request.letters,
        counters: request.counters.unwrap_or_default(),
        cursor: request.cursor,
        files_read: request.files_read,
        discarded_columns: request.discarded_columns,
    })
}

fn checkpoint(given: Option<pb::Checkpoint>) -> Result<pb::Checkpoint, Status> {
    let given = given.ok_or_else(|| status(Fault::invalid("checkpoint", "is missing")))?;
    required("checkpoint.key", &given.key)?;
    required("checkpoint.sha256", &given.sha256)?;
    if given.count == 0 {
        return Err(status(Fault::invalid("checkpoint.count", "0 checkpoints are none to save")));
    }
    Ok(given)
}

fn failure(request: pb::FailRunRequest) -> Result<Failure, Status> {
    required("run_id", &request.run_id)?;
    required("code", &request.code)?;
    required("message", &request.message)?;
    one_of("stage", &request.stage, &STAGES)?;
    Ok(Failure {
        run_id: request.run_id,
        epoch: request.epoch,
        stage: request.stage,
        code: request.code,
        message: request.message,
        next_attempt_micros: request.next_attempt_time.as_ref().map(time::micros_from_proto),
        letters: request.letters,
        counters: request.counters.unwrap_or_default(),
    })
}
