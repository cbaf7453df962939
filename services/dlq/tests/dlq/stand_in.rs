//! Metadata's letters and ingest in memory, behind the real generated services and channel.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use rfe_mesh::{MeshChannel, channel::LocalRoutes, status_from_fault};
use rfe_model::{ErrorCode, Fault, fault::reason};
use rfe_proto::{
    dlq::DeadLetter,
    ingest::{self, ingest_service_server},
    metadata::{self as pb, letter_service_server},
};
use tonic::{Request, Response, Status, service::Routes};

/// Methods that the role does not call.
macro_rules! not_called {
    ($($method:ident($request:ty) -> $response:ident),* ;) => {$(
        fn $method<'life0, 'async_trait>(
            &'life0 self,
            _: Request<$request>,
        ) -> std::pin::Pin<Box<dyn Future<Output = Result<Response<ingest::$response>, Status>> + Send + 'async_trait>>
        where
            'life0: 'async_trait,
            Self: 'async_trait,
        {
            Box::pin(async { Err(Status::unimplemented(stringify!($method))) })
        }
    )*};
}

/// What the stand-ins hold and saw.
#[derive(Debug, Default)]
pub struct World {
    pub letters: Mutex<BTreeMap<String, DeadLetter>>,
    pub submitted: Mutex<Vec<ingest::SubmitJobRequest>>,
    /// Another replay ends between the look at a letter and the job.
    pub replayed_meanwhile: AtomicBool,
}

impl World {
    pub fn letter(&self, id: &str, state: &str, raw: &[u8]) {
        let letter = DeadLetter {
            id: id.to_owned(),
            kind: "record".to_owned(),
            source: "a".to_owned(),
            state: state.to_owned(),
            raw_base64: raw.to_vec(),
            replay_run_id: if state == "replayed" { "run-before".to_owned() } else { String::new() },
            ..DeadLetter::default()
        };
        self.letters.lock().expect("lock").insert(id.to_owned(), letter);
    }

    pub fn channel(self: &Arc<Self>) -> MeshChannel {
        let mut routes = Routes::builder();
        routes.add_service(letter_service_server::LetterServiceServer::new(Letters(self.clone())));
        routes.add_service(ingest_service_server::IngestServiceServer::new(Ingest(self.clone())));
        let local = LocalRoutes::default();
        local.set(routes.routes());
        MeshChannel::Local(local)
    }
}

fn not_found(id: &str) -> Status {
    status_from_fault(Fault::new(
        ErrorCode::NotFound,
        reason::LETTER_NOT_FOUND,
        format!("letter `{id}` does not exist"),
    ))
}

fn not_open(letter: &DeadLetter, replay_run_id: &str) -> Status {
    let fault = Fault::new(ErrorCode::FailedPrecondition, reason::LETTER_NOT_OPEN, "not open")
        .with("state", letter.state.clone())
        .with("replay_run_id", replay_run_id);
    status_from_fault(fault)
}

#[derive(Debug)]
struct Letters(Arc<World>);

#[tonic::async_trait]
impl letter_service_server::LetterService for Letters {
    async fn list_letters(
        &self,
        request: Request<pb::ListLettersRequest>,
    ) -> Result<Response<pb::ListLettersResponse>, Status> {
        let pb::ListLettersRequest { filter, page_size, page_token, count } = request.into_inner();
        let filter = filter.unwrap_or_default();
        let letters = self.0.letters.lock().expect("lock");
        let mut found: Vec<DeadLetter> = letters
            .values()
            .filter(|letter| filter.state.is_empty() || letter.state == filter.state)
            .cloned()
            .collect();
        let matched = if count { found.len() as i64 } else { 0 };
        found.retain(|letter| letter.id > page_token);
        // Pages of two, whatever is asked for: a page may be shorter.
        let size = usize::try_from(page_size).expect("size").clamp(1, 2);
        let next_page_token = if found.len() > size { found[size - 1].id.clone() } else { String::new() };
        found.truncate(size);
        Ok(Response::new(pb::ListLettersResponse { letters: found, next_page_token, matched }))
    }

    async fn get_letter(
        &self,
        request: Request<pb::GetLetterRequest>,
    ) -> Result<Response<pb::GetLetterResponse>, Status> {
        let id = request.into_inner().id;
        let letter = self.0.letters.lock().expect("lock").get(&id).cloned().ok_or_else(|| not_found(&id))?;
        Ok(Response::new(pb::GetLetterResponse { letter: Some(letter) }))
    }

    async fn discard_letter(
        &self,
        request: Request<pb::DiscardLetterRequest>,
    ) -> Result<Response<pb::DiscardLetterResponse>, Status> {
        let pb::DiscardLetterRequest { id, reason, by } = request.into_inner();
        let mut letters = self.0.letters.lock().expect("lock");
        let letter = letters.get_mut(&id).ok_or_else(|| not_found(&id))?;
        letter.state = "discarded".to_owned();
        letter.discard_reason = reason;
        letter.closed_by = by;
        Ok(Response::new(pb::DiscardLetterResponse { letter: Some(letter.clone()) }))
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
        let request = request.into_inner();
        let id = request.replay.clone().expect("a replay").letter_id;
        let mut letter =
            self.0.letters.lock().expect("lock").get(&id).cloned().ok_or_else(|| not_found(&id))?;
        if self.0.replayed_meanwhile.load(Ordering::SeqCst) {
            letter.state = "replayed".to_owned();
            return Err(not_open(&letter, "run-meanwhile"));
        }
        let mut submitted = self.0.submitted.lock().expect("lock");
        let created = !submitted
            .iter()
            .any(|before| before.replay.as_ref().is_some_and(|replay| replay.letter_id == id));
        submitted.push(request);
        let job = ingest::Job { job_id: format!("job-{id}"), ..ingest::Job::default() };
        Ok(Response::new(ingest::SubmitJobResponse { job: Some(job), created }))
    }

    type WatchJobStream = tokio_stream::Empty<Result<ingest::WatchJobResponse, Status>>;

    async fn watch_job(
        &self,
        _: Request<ingest::WatchJobRequest>,
    ) -> Result<Response<Self::WatchJobStream>, Status> {
        Err(Status::unimplemented("watch_job"))
    }

    not_called! {
        submit_events(ingest::SubmitEventsRequest) -> SubmitEventsResponse,
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
