//! Metadata and ingest in memory, behind the real generated services and channel.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use rfe_mesh::{MeshChannel, channel::LocalRoutes, status_from_fault};
use rfe_model::Fault;
use rfe_proto::{
    ingest::{self, ingest_service_server},
    metadata::{self as pb, metadata_service_server},
};
use tonic::{Request, Response, Status, service::Routes};

/// Methods that the scheduler does not call.
macro_rules! not_called {
    ($($proto:ident: $($method:ident($request:ty) -> $response:ident),* ;)*) => {$($(
        fn $method<'life0, 'async_trait>(
            &'life0 self,
            _: Request<$request>,
        ) -> std::pin::Pin<Box<dyn Future<Output = Result<Response<$proto::$response>, Status>> + Send + 'async_trait>>
        where
            'life0: 'async_trait,
            Self: 'async_trait,
        {
            Box::pin(async { Err(Status::unimplemented(stringify!($method))) })
        }
    )*)*};
}

/// What the stand-ins hold and saw.
#[derive(Debug, Default)]
pub(super) struct World {
    sources: Mutex<(BTreeMap<String, pb::Source>, u64)>,
    /// Runs that have not ended: id and source.
    pub(super) open: Mutex<BTreeMap<String, String>>,
    /// Jobs that wait since just now, by source: they are the answer to a submission.
    pub(super) queued_by_others: Mutex<BTreeMap<String, String>>,
    pub(super) paused: Mutex<BTreeSet<String>>,
    pub(super) refuse: Mutex<Option<Fault>>,
    submitted: Mutex<Vec<(String, String)>>,
}

impl World {
    pub(super) fn declare(&self, name: &str, kind: &str, schedule: Option<pb::SourceSchedule>) {
        let source =
            pb::Source { name: name.to_owned(), kind: kind.to_owned(), schedule, ..pb::Source::default() };
        let mut sources = self.sources.lock().expect("lock");
        sources.0.insert(name.to_owned(), source);
        sources.1 += 1;
    }

    pub(super) fn delete(&self, name: &str) {
        let mut sources = self.sources.lock().expect("lock");
        sources.0.remove(name);
        sources.1 += 1;
    }

    /// Source and request id of each SubmitJob that was taken.
    pub(super) fn submitted(&self) -> Vec<(String, String)> {
        self.submitted.lock().expect("lock").clone()
    }

    pub(super) fn channel(self: &Arc<Self>) -> MeshChannel {
        let mut routes = Routes::builder();
        routes.add_service(metadata_service_server::MetadataServiceServer::new(Metadata(self.clone())));
        routes.add_service(ingest_service_server::IngestServiceServer::new(Ingest(self.clone())));
        let local = LocalRoutes::default();
        local.set(routes.routes());
        MeshChannel::Local(local)
    }
}

#[derive(Debug)]
struct Metadata(Arc<World>);

#[tonic::async_trait]
impl metadata_service_server::MetadataService for Metadata {
    async fn get_source(
        &self,
        request: Request<pb::GetSourceRequest>,
    ) -> Result<Response<pb::GetSourceResponse>, Status> {
        let name = request.into_inner().name;
        match self.0.sources.lock().expect("lock").0.get(&name) {
            Some(source) => Ok(Response::new(pb::GetSourceResponse { source: Some(source.clone()) })),
            None => Err(status_from_fault(Fault::source_not_found(&name))),
        }
    }

    async fn list_sources(
        &self,
        request: Request<pb::ListSourcesRequest>,
    ) -> Result<Response<pb::ListSourcesResponse>, Status> {
        let pb::ListSourcesRequest { page_token, .. } = request.into_inner();
        let sources = self.0.sources.lock().expect("lock");
        // Pages of one, whatever is asked for: a page may be shorter.
        let after = sources.0.values().filter(|source| source.name > page_token);
        let page: Vec<pb::Source> = after.clone().take(1).cloned().collect();
        let next_page_token = if after.count() > 1 { page[0].name.clone() } else { String::new() };
        Ok(Response::new(pb::ListSourcesResponse { sources: page, next_page_token, revision: sources.1 }))
    }

    async fn list_runs(
        &self,
        request: Request<pb::ListRunsRequest>,
    ) -> Result<Response<pb::ListRunsResponse>, Status> {
        let source = request.into_inner().source;
        let open = self.0.open.lock().expect("lock");
        let runs = open.iter().filter(|(_, of)| **of == source);
        let runs = runs
            .map(|(run_id, _)| pb::Run { run_id: run_id.clone(), reads_source: true, ..pb::Run::default() })
            .collect();
        Ok(Response::new(pb::ListRunsResponse { runs, next_page_token: String::new() }))
    }

    not_called! { pb:
        create_source(pb::CreateSourceRequest) -> CreateSourceResponse,
        update_source(pb::UpdateSourceRequest) -> UpdateSourceResponse,
        apply_sources(pb::ApplySourcesRequest) -> ApplySourcesResponse,
        delete_source(pb::DeleteSourceRequest) -> DeleteSourceResponse,
        get_run(pb::GetRunRequest) -> GetRunResponse,
        list_schema_versions(pb::ListSchemaVersionsRequest) -> ListSchemaVersionsResponse,
        list_datasets(pb::ListDatasetsRequest) -> ListDatasetsResponse,
        get_dataset(pb::GetDatasetRequest) -> GetDatasetResponse,
        drop_dataset(pb::DropDatasetRequest) -> DropDatasetResponse,
        list_data_files(pb::ListDataFilesRequest) -> ListDataFilesResponse,
        get_freshness(pb::GetFreshnessRequest) -> GetFreshnessResponse,
        list_freshness(pb::ListFreshnessRequest) -> ListFreshnessResponse;
    }
}

#[derive(Debug)]
struct Ingest(Arc<World>);

#[tonic::async_trait]
impl ingest_service_server::IngestService for Ingest {
    async fn submit_job(
        &self,
        request: Request<ingest::SubmitJobRequest>,
    ) -> Result<Response<ingest::SubmitJobResponse>, Status> {
        let ingest::SubmitJobRequest { source, request_id, .. } = request.into_inner();
        if let Some(fault) = self.0.refuse.lock().expect("lock").clone() {
            return Err(status_from_fault(fault));
        }
        if let Some(job_id) = self.0.queued_by_others.lock().expect("lock").get(&source).cloned() {
            let job = ingest::Job { job_id, ..ingest::Job::default() };
            return Ok(Response::new(ingest::SubmitJobResponse { job: Some(job), created: false }));
        }
        self.0.submitted.lock().expect("lock").push((source.clone(), request_id.clone()));
        let created = self.0.open.lock().expect("lock").insert(request_id.clone(), source).is_none();
        let job = ingest::Job { job_id: request_id, ..ingest::Job::default() };
        Ok(Response::new(ingest::SubmitJobResponse { job: Some(job), created }))
    }

    async fn get_queue_stats(
        &self,
        request: Request<ingest::GetQueueStatsRequest>,
    ) -> Result<Response<ingest::GetQueueStatsResponse>, Status> {
        let source = request.into_inner().source;
        let paused = self.0.paused.lock().expect("lock").contains(&source);
        let stats = ingest::QueueStats { source, paused, ..ingest::QueueStats::default() };
        Ok(Response::new(ingest::GetQueueStatsResponse { sources: vec![stats], total: None }))
    }

    type WatchJobStream = tokio_stream::Empty<Result<ingest::WatchJobResponse, Status>>;

    async fn watch_job(
        &self,
        _: Request<ingest::WatchJobRequest>,
    ) -> Result<Response<Self::WatchJobStream>, Status> {
        Err(Status::unimplemented("watch_job"))
    }

    not_called! { ingest:
        submit_events(ingest::SubmitEventsRequest) -> SubmitEventsResponse,
        stream_events(tonic::Streaming<ingest::StreamEventsRequest>) -> StreamEventsResponse,
        preview_source(ingest::PreviewSourceRequest) -> PreviewSourceResponse,
        get_job(ingest::GetJobRequest) -> GetJobResponse,
        list_jobs(ingest::ListJobsRequest) -> ListJobsResponse,
        cancel_job(ingest::CancelJobRequest) -> CancelJobResponse,
        pause_source(ingest::PauseSourceRequest) -> PauseSourceResponse,
        resume_source(ingest::ResumeSourceRequest) -> ResumeSourceResponse;
    }
}
