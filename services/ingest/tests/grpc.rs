//! The service over its gRPC surface, with a real queue and a metadata role that can't be reached: what needs no registry works,
//! and what needs one says so. The journeys cover the rest with all roles.

use std::sync::Arc;

use rfe_ingest::{Config, Deps, build};
use rfe_mesh::{MeshChannel, Metrics, Shutdown, channel::LocalRoutes, fault_from_status};
use rfe_model::{ErrorCode, Fault, fault::reason};
use rfe_proto::ingest::{
    CancelJobRequest, Event, GetJobRequest, GetQueueStatsRequest, JobKind, JobState, ListJobsRequest,
    PauseSourceRequest, StreamEventsRequest, SubmitEventsRequest, SubmitJobRequest, WatchJobRequest,
    ingest_service_client::IngestServiceClient,
};
use rfe_queue::{Accepted, NewEvents, Queue as _, QueueControl as _, SqliteQueue, SqliteQueueConfig};
use tonic::{Status, service::RoutesBuilder};

struct World {
    _folder: tempfile::TempDir,
    queue: Arc<SqliteQueue>,
    client: IngestServiceClient<MeshChannel>,
}

async fn world() -> World {
    let folder = tempfile::tempdir().expect("folder");
    let config = SqliteQueueConfig::new(folder.path().join("queue.db"));
    let queue = Arc::new(SqliteQueue::open(config).await.expect("queue"));
    let role = build(
        Config::default(),
        Deps {
            queue: queue.clone(),
            control: queue.clone(),
            metadata: MeshChannel::Local(LocalRoutes::default()),
            shutdown: Shutdown::new(),
            metrics: Metrics::default(),
        },
    );
    let mut routes = RoutesBuilder::default();
    let _reconciler_needs_a_registry = role.register(&mut routes);
    let local = LocalRoutes::default();
    local.set(routes.routes());
    World { _folder: folder, queue, client: IngestServiceClient::new(MeshChannel::Local(local)) }
}

fn fault<T: std::fmt::Debug>(answer: Result<T, Status>) -> Fault {
    fault_from_status(&answer.expect_err("it is refused"))
}

fn events(number: usize) -> Vec<Event> {
    (0..number)
        .map(|n| Event { event_id: n.to_string(), payload: b"{}".to_vec(), ..Event::default() })
        .collect()
}

async fn enqueue(world: &World, source: &str, number: usize) -> String {
    let call = NewEvents { source: source.to_owned(), events: events(number) };
    let accepted = world.queue.enqueue_events(call).await.expect("enqueue");
    match &accepted.outcomes[0] {
        Accepted::New { job_id } => job_id.clone(),
        Accepted::Duplicate => panic!("it is new"),
    }
}

#[tokio::test]
async fn the_number_of_events_of_a_call_is_bounded() {
    let mut world = world().await;
    for number in [0, 1001] {
        let request = SubmitEventsRequest { source: "s".to_owned(), events: events(number) };
        let fault = fault(world.client.submit_events(request).await);
        assert_eq!((fault.code, fault.violations[0].path.as_str()), (ErrorCode::InvalidArgument, "events"));
    }
}

#[tokio::test]
async fn what_is_missing_is_named() {
    let mut world = world().await;
    let submit = fault(world.client.submit_job(SubmitJobRequest::default()).await);
    let send = fault(
        world.client.submit_events(SubmitEventsRequest { events: events(1), ..Default::default() }).await,
    );
    let get = fault(world.client.get_job(GetJobRequest::default()).await);
    let cancel = fault(world.client.cancel_job(CancelJobRequest::default()).await);
    let pause = fault(world.client.pause_source(PauseSourceRequest::default()).await);
    let named = [submit, send, get, cancel, pause].map(|fault| fault.violations[0].path.clone());
    assert_eq!(named, ["source", "source", "job_id", "job_id", "source"]);
}

#[tokio::test]
async fn nothing_is_accepted_while_the_registry_is_away() {
    let mut world = world().await;
    let send = SubmitEventsRequest { source: "s".to_owned(), events: events(1) };
    let submit = SubmitJobRequest { source: "s".to_owned(), ..Default::default() };
    let faults =
        [fault(world.client.submit_events(send).await), fault(world.client.submit_job(submit).await)];
    for fault in faults {
        assert_eq!(fault.code, ErrorCode::Unavailable);
    }
    assert_eq!(world.queue.stats().await.expect("stats"), []);
}

#[tokio::test]
async fn a_job_of_events_that_waits_is_known_without_the_registry() {
    let mut world = world().await;
    let job_id = enqueue(&world, "s", 3).await;
    let job =
        world.client.get_job(GetJobRequest { job_id: job_id.clone() }).await.expect("job").into_inner().job;
    let job = job.expect("job");
    assert_eq!((job.kind(), job.state(), job.events), (JobKind::Events, JobState::Queued, 3));
    assert_eq!((job.job_id.as_str(), job.source.as_str(), job.run_id.as_str()), (job_id.as_str(), "s", ""));
    assert!(job.created_time.is_some());
}

#[tokio::test]
async fn a_job_of_events_cannot_be_cancelled() {
    let mut world = world().await;
    let job_id = enqueue(&world, "s", 1).await;
    let fault = fault(world.client.cancel_job(CancelJobRequest { job_id }).await);
    assert_eq!(
        (fault.code, fault.reason.as_str()),
        (ErrorCode::FailedPrecondition, reason::JOB_NOT_CANCELLABLE)
    );
}

#[tokio::test]
async fn stats_are_given_by_source_and_in_sum() {
    let mut world = world().await;
    enqueue(&world, "a", 2).await;
    enqueue(&world, "b", 3).await;
    let all =
        world.client.get_queue_stats(GetQueueStatsRequest::default()).await.expect("stats").into_inner();
    let total = all.total.expect("total");
    assert_eq!((all.sources.len(), total.queued_jobs, total.events), (2, 2, 5));
    assert_eq!(total.bytes, all.sources.iter().map(|of| of.bytes).sum::<i64>());
    let one =
        world.client.get_queue_stats(GetQueueStatsRequest { source: "b".to_owned() }).await.expect("stats");
    assert_eq!(one.into_inner().total.expect("total").events, 3);
}

#[tokio::test]
async fn what_a_later_version_brings_says_so() {
    let mut world = world().await;
    let stream = futures::stream::iter([StreamEventsRequest::default()]);
    let faults = [
        fault(world.client.stream_events(stream).await.map(|_| ())),
        fault(world.client.watch_job(WatchJobRequest::default()).await.map(|_| ())),
    ];
    for fault in faults {
        assert_eq!((fault.code, fault.reason.as_str()), (ErrorCode::Unimplemented, reason::NOT_IMPLEMENTED));
    }
}

#[tokio::test]
async fn a_foreign_page_token_is_refused() {
    let mut world = world().await;
    let request = ListJobsRequest { page_token: "x".to_owned(), ..Default::default() };
    assert_eq!(fault(world.client.list_jobs(request).await).violations[0].path, "page_token");
}
