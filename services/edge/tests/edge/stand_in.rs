//! The roles that the edge talks to, as small as they can be and in memory, behind the real generated services and channel.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use rfe_mesh::{MeshChannel, channel::LocalRoutes, status_from_fault};
use rfe_model::{ErrorCode, Fault, fault::reason};
use rfe_proto::{
    dlq::{self, dlq_service_server},
    ingest::{self, ingest_service_server},
    metadata::{self as pb, metadata_service_server},
};
use tokio::sync::{Semaphore, mpsc};
use tonic::{Request, Response, Status, service::Routes};

/// Methods that the edge does not call.
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
#[derive(Debug)]
pub struct World {
    pub sources: Mutex<BTreeMap<String, pb::Source>>,
    pub created: AtomicUsize,
    pub may_create: AtomicUsize,
    pub metadata_is_up: AtomicBool,
    /// Calls of SubmitEvents, in order.
    pub calls: Mutex<Vec<ingest::SubmitEventsRequest>>,
    /// Told when a call of SubmitEvents begins.
    pub began: mpsc::UnboundedSender<()>,
    /// A call of SubmitEvents takes a permit for good before it answers.
    pub gate: Semaphore,
    pub refuse_events: Mutex<Option<Fault>>,
    pub known_ids: Mutex<BTreeSet<String>>,
    pub replays: Mutex<Vec<dlq::ReplayDeadLetterRequest>>,
}

impl World {
    /// An open world, and what hears of calls that begin.
    pub fn new() -> (Arc<Self>, mpsc::UnboundedReceiver<()>) {
        let (began, heard) = mpsc::unbounded_channel();
        let world = Self {
            sources: Mutex::default(),
            created: AtomicUsize::new(0),
            may_create: AtomicUsize::new(100),
            metadata_is_up: AtomicBool::new(true),
            calls: Mutex::default(),
            began,
            gate: Semaphore::new(Semaphore::MAX_PERMITS >> 1),
            refuse_events: Mutex::default(),
            known_ids: Mutex::default(),
            replays: Mutex::default(),
        };
        (Arc::new(world), heard)
    }

    pub fn declare(&self, name: &str, kind: &str, config: serde_json::Value) {
        let config = Some(rfe_model::structure::to_struct(&config));
        let source =
            pb::Source { name: name.to_owned(), kind: kind.to_owned(), config, ..pb::Source::default() };
        self.sources.lock().expect("lock").insert(name.to_owned(), source);
    }

    pub fn channel(self: &Arc<Self>) -> MeshChannel {
        let mut routes = Routes::builder();
        routes.add_service(metadata_service_server::MetadataServiceServer::new(Metadata(self.clone())));
        routes.add_service(ingest_service_server::IngestServiceServer::new(Ingest(self.clone())));
        routes.add_service(dlq_service_server::DlqServiceServer::new(Dlq(self.clone())));
        let local = LocalRoutes::default();
        local.set(routes.routes());
        MeshChannel::Local(local)
    }

    /// Events of all calls, in order.
    pub fn events(&self) -> Vec<ingest::Event> {
        self.calls.lock().expect("lock").iter().flat_map(|call| call.events.clone()).collect()
    }
}

#[derive(Debug)]
struct Metadata(Arc<World>);

impl Metadata {
    fn up(&self) -> Result<(), Status> {
        match self.0.metadata_is_up.load(Ordering::SeqCst) {
            true => Ok(()),
            false => Err(Status::unavailable("down")),
        }
    }
}

#[tonic::async_trait]
impl metadata_service_server::MetadataService for Metadata {
    async fn drop_dataset(
        &self,
        _: tonic::Request<rfe_proto::metadata::DropDatasetRequest>,
    ) -> Result<tonic::Response<rfe_proto::metadata::DropDatasetResponse>, tonic::Status> {
        Err(tonic::Status::unimplemented("x"))
    }

    async fn get_source(
        &self,
        request: Request<pb::GetSourceRequest>,
    ) -> Result<Response<pb::GetSourceResponse>, Status> {
        self.up()?;
        let name = request.into_inner().name;
        match self.0.sources.lock().expect("lock").get(&name) {
            Some(source) => Ok(Response::new(pb::GetSourceResponse { source: Some(source.clone()) })),
            None => Err(status_from_fault(Fault::source_not_found(&name))),
        }
    }

    async fn create_source(
        &self,
        request: Request<pb::CreateSourceRequest>,
    ) -> Result<Response<pb::CreateSourceResponse>, Status> {
        self.up()?;
        let pb::CreateSourceRequest { source, auto_created } = request.into_inner();
        let source = pb::Source { auto_created, ..source.expect("a source") };
        let mut sources = self.0.sources.lock().expect("lock");
        let refuse = |code, reason| Err(status_from_fault(Fault::new(code, reason, "refused")));
        if sources.contains_key(&source.name) {
            return refuse(ErrorCode::AlreadyExists, reason::SOURCE_EXISTS);
        }
        if self.0.created.fetch_add(1, Ordering::SeqCst) >= self.0.may_create.load(Ordering::SeqCst) {
            return refuse(ErrorCode::ResourceExhausted, reason::TOO_MANY_SOURCES);
        }
        sources.insert(source.name.clone(), source.clone());
        Ok(Response::new(pb::CreateSourceResponse { source: Some(source) }))
    }

    not_called! { pb:
        update_source(pb::UpdateSourceRequest) -> UpdateSourceResponse,
        apply_sources(pb::ApplySourcesRequest) -> ApplySourcesResponse,
        list_sources(pb::ListSourcesRequest) -> ListSourcesResponse,
        delete_source(pb::DeleteSourceRequest) -> DeleteSourceResponse,
        get_run(pb::GetRunRequest) -> GetRunResponse,
        list_runs(pb::ListRunsRequest) -> ListRunsResponse,
        list_schema_versions(pb::ListSchemaVersionsRequest) -> ListSchemaVersionsResponse,
        list_datasets(pb::ListDatasetsRequest) -> ListDatasetsResponse,
        get_dataset(pb::GetDatasetRequest) -> GetDatasetResponse,
        list_data_files(pb::ListDataFilesRequest) -> ListDataFilesResponse,
        get_freshness(pb::GetFreshnessRequest) -> GetFreshnessResponse,
        list_freshness(pb::ListFreshnessRequest) -> ListFreshnessResponse;
    }
}

#[derive(Debug)]
struct Ingest(Arc<World>);

#[tonic::async_trait]
impl ingest_service_server::IngestService for Ingest {
    async fn submit_events(
        &self,
        request: Request<ingest::SubmitEventsRequest>,
    ) -> Result<Response<ingest::SubmitEventsResponse>, Status> {
        let request = request.into_inner();
        self.0.calls.lock().expect("lock").push(request.clone());
        let _nobody_listens = self.0.began.send(());
        self.0.gate.acquire().await.expect("open").forget();
        if let Some(fault) = self.0.refuse_events.lock().expect("lock").clone() {
            return Err(status_from_fault(fault));
        }
        let mut known = self.0.known_ids.lock().expect("lock");
        let results = request.events.iter().map(|event| ingest::EventResult {
            event_id: event.event_id.clone(),
            outcome: match known.insert(event.event_id.clone()) {
                true => ingest::EventOutcome::Accepted.into(),
                false => ingest::EventOutcome::Duplicate.into(),
            },
            ..ingest::EventResult::default()
        });
        Ok(Response::new(ingest::SubmitEventsResponse { results: results.collect() }))
    }

    type WatchJobStream = tokio_stream::Empty<Result<ingest::WatchJobResponse, Status>>;

    async fn watch_job(
        &self,
        _: Request<ingest::WatchJobRequest>,
    ) -> Result<Response<Self::WatchJobStream>, Status> {
        Err(Status::unimplemented("watch_job"))
    }

    not_called! { ingest:
        submit_job(ingest::SubmitJobRequest) -> SubmitJobResponse,
        stream_events(tonic::Streaming<ingest::StreamEventsRequest>) -> StreamEventsResponse,
        get_job(ingest::GetJobRequest) -> GetJobResponse,
        list_jobs(ingest::ListJobsRequest) -> ListJobsResponse,
        cancel_job(ingest::CancelJobRequest) -> CancelJobResponse,
        pause_source(ingest::PauseSourceRequest) -> PauseSourceResponse,
        resume_source(ingest::ResumeSourceRequest) -> ResumeSourceResponse,
        get_queue_stats(ingest::GetQueueStatsRequest) -> GetQueueStatsResponse,
        preview_source(ingest::PreviewSourceRequest) -> PreviewSourceResponse;
    }
}

#[derive(Debug)]
struct Dlq(Arc<World>);

#[tonic::async_trait]
impl dlq_service_server::DlqService for Dlq {
    async fn replay_dead_letter(
        &self,
        request: Request<dlq::ReplayDeadLetterRequest>,
    ) -> Result<Response<dlq::ReplayDeadLetterResponse>, Status> {
        let request = request.into_inner();
        self.0.replays.lock().expect("lock").push(request.clone());
        let refuse = |code, reason| Err(status_from_fault(Fault::new(code, reason, "refused")));
        match request.id.as_str() {
            "open" => Ok(Response::new(dlq::ReplayDeadLetterResponse {
                job_id: "j1".to_owned(),
                already_replayed: false,
            })),
            "replayed" => Ok(Response::new(dlq::ReplayDeadLetterResponse {
                job_id: "j0".to_owned(),
                already_replayed: true,
            })),
            "discarded" => refuse(ErrorCode::FailedPrecondition, reason::LETTER_NOT_OPEN),
            _ => refuse(ErrorCode::NotFound, reason::LETTER_NOT_FOUND),
        }
    }

    not_called! { dlq:
        list_dead_letters(dlq::ListDeadLettersRequest) -> ListDeadLettersResponse,
        get_dead_letter(dlq::GetDeadLetterRequest) -> GetDeadLetterResponse,
        replay_dead_letters(dlq::ReplayDeadLettersRequest) -> ReplayDeadLettersResponse,
        discard_dead_letter(dlq::DiscardDeadLetterRequest) -> DiscardDeadLetterResponse;
    }
}
