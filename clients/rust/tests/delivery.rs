//! Delivery of events and repetition of calls, against a real gRPC server on a port of its own.

use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use rfe_client::{
    Client, Endpoints, Error,
    ingest::{
        self as pb,
        ingest_service_server::{IngestService, IngestServiceServer},
    },
};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status, async_trait};

/// Accepts events as the platform does, but says no as often as it is told.
#[derive(Debug, Default)]
struct Platform {
    refusals: AtomicU32,
    lost_answers: AtomicU32,
    durable: Mutex<HashSet<String>>,
    largest: Mutex<(usize, usize)>,
    tokens: Mutex<Vec<String>>,
}

fn take_one(counter: &AtomicU32) -> bool {
    counter.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
}

impl Platform {
    fn accept(&self, event: &pb::Event) -> pb::EventResult {
        let outcome = if event.payload == b"bad" {
            pb::EventOutcome::Rejected
        } else if self.durable.lock().expect("lock").insert(event.event_id.clone()) {
            pb::EventOutcome::Accepted
        } else {
            pb::EventOutcome::Duplicate
        };
        let event_id = event.event_id.clone();
        pb::EventResult { event_id, outcome: outcome.into(), ..Default::default() }
    }
}

#[async_trait]
impl IngestService for Served {
    async fn submit_events(
        &self,
        request: Request<pb::SubmitEventsRequest>,
    ) -> Result<Response<pb::SubmitEventsResponse>, Status> {
        if take_one(&self.0.refusals) {
            return Err(Status::resource_exhausted("the queue is full"));
        }
        let events = request.into_inner().events;
        let bytes: usize = events.iter().map(|event| event.payload.len()).sum();
        {
            let mut largest = self.0.largest.lock().expect("lock");
            *largest = (largest.0.max(events.len()), largest.1.max(bytes));
        }
        let results = events.iter().map(|event| self.0.accept(event)).collect();
        if take_one(&self.0.lost_answers) {
            return Err(Status::unavailable("the answer is lost"));
        }
        Ok(Response::new(pb::SubmitEventsResponse { results }))
    }

    async fn get_job(
        &self,
        request: Request<pb::GetJobRequest>,
    ) -> Result<Response<pb::GetJobResponse>, Status> {
        let token = request.metadata().get("authorization").and_then(|value| value.to_str().ok());
        self.0.tokens.lock().expect("lock").push(token.unwrap_or_default().to_owned());
        if take_one(&self.0.refusals) {
            return Err(Status::unavailable("starting"));
        }
        let job = pb::Job { job_id: request.into_inner().job_id, ..Default::default() };
        Ok(Response::new(pb::GetJobResponse { job: Some(job) }))
    }

    async fn cancel_job(
        &self,
        _: Request<pb::CancelJobRequest>,
    ) -> Result<Response<pb::CancelJobResponse>, Status> {
        self.0.tokens.lock().expect("lock").push("cancel".to_owned());
        Err(Status::unavailable("starting"))
    }

    async fn submit_job(
        &self,
        _: Request<pb::SubmitJobRequest>,
    ) -> Result<Response<pb::SubmitJobResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn stream_events(
        &self,
        _: Request<tonic::Streaming<pb::StreamEventsRequest>>,
    ) -> Result<Response<pb::StreamEventsResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn list_jobs(
        &self,
        _: Request<pb::ListJobsRequest>,
    ) -> Result<Response<pb::ListJobsResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    type WatchJobStream = tokio_stream::Iter<std::vec::IntoIter<Result<pb::WatchJobResponse, Status>>>;

    async fn watch_job(
        &self,
        request: Request<pb::WatchJobRequest>,
    ) -> Result<Response<Self::WatchJobStream>, Status> {
        if take_one(&self.0.refusals) {
            return Err(Status::unavailable("starting"));
        }
        let job_id = request.into_inner().job_id;
        let change = |state: pb::JobState| {
            let job = pb::Job { job_id: job_id.clone(), state: state.into(), ..Default::default() };
            Ok(pb::WatchJobResponse { job: Some(job) })
        };
        let mut changes = vec![change(pb::JobState::Running)];
        changes.push(match take_one(&self.0.lost_answers) {
            true => Err(Status::unavailable("stopping")),
            false => change(pb::JobState::Succeeded),
        });
        Ok(Response::new(tokio_stream::iter(changes)))
    }

    async fn preview_source(
        &self,
        _: Request<pb::PreviewSourceRequest>,
    ) -> Result<Response<pb::PreviewSourceResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn pause_source(
        &self,
        _: Request<pb::PauseSourceRequest>,
    ) -> Result<Response<pb::PauseSourceResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn resume_source(
        &self,
        _: Request<pb::ResumeSourceRequest>,
    ) -> Result<Response<pb::ResumeSourceResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn get_queue_stats(
        &self,
        _: Request<pb::GetQueueStatsRequest>,
    ) -> Result<Response<pb::GetQueueStatsResponse>, Status> {
        Err(Status::unimplemented(""))
    }
}

#[derive(Debug)]
struct Served(Arc<Platform>);

async fn serve() -> (Arc<Platform>, Client) {
    let platform = Arc::new(Platform::default());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let service = IngestServiceServer::new(Served(platform.clone())).max_decoding_message_size(32 << 20);
    let server = tonic::transport::Server::builder().add_service(service);
    tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
    let endpoints = Endpoints { token: Some("t0ken".to_owned()), ..Endpoints::single(url) };
    (platform, Client::connect(endpoints).expect("a client"))
}

fn event(number: usize, payload: Vec<u8>) -> pb::Event {
    pb::Event { event_id: format!("e{number}"), payload, ..Default::default() }
}

#[tokio::test]
async fn every_event_is_delivered_once_though_the_queue_is_full_and_an_answer_is_lost() {
    let (platform, client) = serve().await;
    platform.refusals.store(3, Ordering::SeqCst);
    platform.lost_answers.store(1, Ordering::SeqCst);
    let mut sender = client.event_sender("clicks");
    for number in 0..2600 {
        sender.send(event(number, b"{}".to_vec())).await.expect("delivered");
    }
    let summary = sender.finish().await.expect("delivered");
    assert_eq!(platform.durable.lock().expect("lock").len(), 2600);
    assert_eq!(summary.accepted + summary.duplicates, 2600);
    assert!(summary.duplicates > 0, "the lost answer's events were sent again");
    assert_eq!(platform.largest.lock().expect("lock").0, 500);
}

#[tokio::test]
async fn a_batch_ends_at_a_mebibyte_and_a_larger_event_goes_alone() {
    let (platform, client) = serve().await;
    let mut sender = client.event_sender("clicks");
    for number in 0..10 {
        sender.send(event(number, vec![b'1'; 300 << 10])).await.expect("delivered");
    }
    sender.flush().await.expect("delivered");
    assert!(platform.largest.lock().expect("lock").1 <= 1 << 20);
    sender.send(event(10, vec![b'1'; 3 << 20])).await.expect("delivered");
    assert_eq!(sender.finish().await.expect("delivered").accepted, 11);
}

#[tokio::test]
async fn what_can_not_be_delivered_is_handed_back_whole_and_in_order() {
    let (platform, client) = serve().await;
    platform.refusals.store(u32::MAX, Ordering::SeqCst);
    let mut sender = client.event_sender("clicks").patience(Duration::ZERO);
    let mut undelivered = Vec::new();
    for number in 0..1200 {
        if let Err(error) = sender.send(event(number, b"{}".to_vec())).await {
            undelivered.extend(error.undelivered);
        }
    }
    if let Err(error) = sender.flush().await {
        undelivered.extend(error.undelivered);
    }
    let ids: Vec<_> = undelivered.iter().map(|event| event.event_id.clone()).collect();
    assert_eq!(ids, (0..1200).map(|number| format!("e{number}")).collect::<Vec<_>>());

    platform.refusals.store(0, Ordering::SeqCst);
    for event in undelivered {
        sender.send(event).await.expect("delivered");
    }
    assert_eq!(sender.finish().await.expect("delivered").accepted, 1200);
}

#[tokio::test]
async fn a_rejected_event_is_named_and_costs_the_others_nothing() {
    let (_platform, client) = serve().await;
    let mut sender = client.event_sender("clicks");
    sender.send_numbered(7, event(0, b"{}".to_vec())).await.expect("taken");
    sender.send_numbered(9, event(1, b"bad".to_vec())).await.expect("taken");
    let summary = sender.finish().await.expect("delivered");
    assert_eq!(summary.accepted, 1);
    assert_eq!(summary.rejected.iter().map(|one| one.number).collect::<Vec<_>>(), [9]);
}

#[tokio::test]
async fn reads_are_repeated_with_the_token_and_other_calls_are_not() {
    let (platform, client) = serve().await;
    platform.refusals.store(2, Ordering::SeqCst);
    assert_eq!(client.job("j").await.expect("a job").job_id, "j");
    assert_eq!(*platform.tokens.lock().expect("lock"), ["Bearer t0ken"; 3]);

    platform.tokens.lock().expect("lock").clear();
    assert!(matches!(client.cancel_job("j").await, Err(Error::Refused(_))));
    assert_eq!(*platform.tokens.lock().expect("lock"), ["cancel"]);
}

#[tokio::test]
async fn waiting_for_a_job_shows_its_changes_until_it_has_ended_though_the_service_restarts() {
    let (platform, client) = serve().await;
    platform.refusals.store(2, Ordering::SeqCst);
    platform.lost_answers.store(2, Ordering::SeqCst);
    let mut seen = Vec::new();
    let job = client.wait_job("j", |job| seen.push(job.state())).await.expect("a job");
    assert_eq!(job.state(), pb::JobState::Succeeded);
    let running = [pb::JobState::Running; 3];
    assert_eq!(seen, [&running[..], &[pb::JobState::Succeeded]].concat(), "three watches");
}

#[tokio::test]
async fn a_port_where_nobody_listens_is_unreachable() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    drop(listener);
    let client = Client::connect(Endpoints::single(&url)).expect("a client");
    let error = client.job("j").await.expect_err("nobody listens");
    assert!(matches!(&error, Error::Unreachable { url: at, .. } if *at == url), "{error:?}");
    assert!(error.to_string().contains("refused"), "{error}");
}
