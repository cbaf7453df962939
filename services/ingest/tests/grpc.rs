//! The service over its gRPC surface, with a real queue and a metadata role that can't be reached: what needs no registry works,
//! and what needs one says so. The journeys cover the rest with all roles.

use std::sync::Arc;

use rfe_ingest::{Config, Deps, build};
use rfe_mesh::{MeshChannel, Metrics, Shutdown, channel::LocalRoutes, fault_from_status};
use rfe_model::{ErrorCode, Fault, fault::reason};
use rfe_proto::ingest::{
    CancelJobRequest, Event, GetJobRequest, GetQueueStatsRequest, JobKind, JobState, ListJobsRequest,
    PauseSourceRequest, PreviewSourceRequest, StreamEventsRequest, SubmitEventsRequest, SubmitJobRequest,
    WatchJobRequest, ingest_service_client::IngestServiceClient, preview_source_request::Of,
};
use rfe_queue::{Accepted, NewEvents, Queue as _, QueueControl as _, SqliteQueue, SqliteQueueConfig};
use tonic::{Status, service::RoutesBuilder};

struct World {
    _folder: tempfile::TempDir,
    queue: Arc<SqliteQueue>,
    shutdown: Shutdown,
    client: IngestServiceClient<MeshChannel>,
}

async fn world() -> World {
    let folder = tempfile::tempdir().expect("folder");
    let config = SqliteQueueConfig::new(folder.path().join("queue.db"));
    let queue = Arc::new(SqliteQueue::open(config).await.expect("queue"));
    let shutdown = Shutdown::new();
    let role = build(
        Config::default(),
        Deps {
            queue: queue.clone(),
            control: queue.clone(),
            metadata: MeshChannel::Local(LocalRoutes::default()),
            worker: MeshChannel::Local(LocalRoutes::default()),
            shutdown: shutdown.clone(),
            metrics: Metrics::default(),
        },
    )
    .expect("the role");
    let mut routes = RoutesBuilder::default();
    let _reconciler_needs_a_registry = role.register(&mut routes);
    let local = LocalRoutes::default();
    local.set(routes.routes());
    World { _folder: folder, queue, shutdown, client: IngestServiceClient::new(MeshChannel::Local(local)) }
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
    let call = NewEvents {
        id: rfe_model::id::new(),
        source: source.to_owned(),
        events: events(number),
        trace: String::new(),
    };
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
async fn a_watch_begins_with_the_state_now_and_ends_with_the_process() {
    let mut world = world().await;
    let job_id = enqueue(&world, "s", 3).await;
    let request = WatchJobRequest { job_id };
    let mut watch = world.client.watch_job(request).await.expect("a watch").into_inner();
    let now = watch.message().await.expect("goes on").expect("the state now").job.expect("a job");
    assert_eq!((now.state(), now.events), (JobState::Queued, 3));
    world.shutdown.begin();
    let ended = fault(watch.message().await);
    assert_eq!((ended.code, ended.reason.as_str()), (ErrorCode::Unavailable, reason::SHUTTING_DOWN));
    assert!(watch.message().await.expect("it ended").is_none());
}

#[tokio::test]
async fn the_number_of_watches_is_bounded_and_one_that_is_dropped_makes_room() {
    let mut world = world().await;
    let job_id = enqueue(&world, "s", 1).await;
    let request = WatchJobRequest { job_id };
    let mut watches = Vec::new();
    for _ in 0..1000 {
        watches.push(world.client.watch_job(request.clone()).await.expect("a watch"));
    }
    let full = fault(world.client.watch_job(request.clone()).await.map(|_| ()));
    assert_eq!((full.code, full.reason.as_str()), (ErrorCode::ResourceExhausted, reason::TOO_MANY_CALLS));
    watches.pop();
    world.client.watch_job(request).await.expect("there is room");
}

#[tokio::test]
async fn a_stream_of_events_says_that_it_got_nowhere_while_the_registry_is_away() {
    let mut world = world().await;
    let message = StreamEventsRequest { source: "s".to_owned(), events: events(3) };
    let fault = fault(world.client.stream_events(futures::stream::iter([message])).await);
    assert_eq!((fault.code, fault.get("processed")), (ErrorCode::Unavailable, Some("0")));
    assert_eq!(world.queue.stats().await.expect("stats"), []);
}

#[tokio::test]
async fn a_preview_needs_a_source_and_a_worker() {
    let mut world = world().await;
    let of = |of, rows| PreviewSourceRequest { of, rows };
    for (request, path) in [
        (of(None, 0), "of"),
        (of(Some(Of::Name(String::new())), 0), "name"),
        (of(Some(Of::Name("s".to_owned())), -1), "rows"),
    ] {
        assert_eq!(fault(world.client.preview_source(request).await).violations[0].path, path);
    }
    let away = fault(world.client.preview_source(of(Some(Of::Name("s".to_owned())), 0)).await);
    assert_eq!(away.code, ErrorCode::Unavailable);
}

#[tokio::test]
async fn a_foreign_page_token_is_refused() {
    let mut world = world().await;
    let request = ListJobsRequest { page_token: "x".to_owned(), ..Default::default() };
    assert_eq!(fault(world.client.list_jobs(request).await).violations[0].path, "page_token");
}
