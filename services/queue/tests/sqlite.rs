//! The queue on SQLite: the suite, and what holds of a file.

use std::time::Duration;

use rfe_proto::ingest::{Event, JobKind};
use rfe_queue::{
    Accepted, LeaseRequest, Leased, NewEvents, NewJob, Queue as _, QueueControl as _, QueueError,
    SqliteQueue, SqliteQueueConfig, conformance,
};

fn config(folder: &tempfile::TempDir) -> SqliteQueueConfig {
    SqliteQueueConfig::new(folder.path().join("deep/queue.db"))
}

async fn open(config: SqliteQueueConfig) -> SqliteQueue {
    SqliteQueue::open(config).await.expect("open")
}

fn events(source: &str, ids: &[&str]) -> NewEvents {
    let event = |id: &&str| Event { event_id: (*id).to_owned(), payload: b"{}".to_vec(), ..Event::default() };
    NewEvents {
        id: rfe_model::id::new(),
        source: source.to_owned(),
        events: ids.iter().map(event).collect(),
        trace: String::new(),
    }
}

async fn lease(queue: &SqliteQueue) -> Option<Leased> {
    let request = LeaseRequest {
        worker: "test".to_owned(),
        lease: Duration::from_secs(30),
        wait: Duration::ZERO,
        batch_max_rows: 5000,
        batch_max_age: Duration::ZERO,
        kinds: Vec::new(),
    };
    queue.lease(request).await.expect("lease")
}

#[tokio::test(flavor = "multi_thread")]
async fn it_conforms() {
    let folder = tempfile::tempdir().expect("folder");
    let small = || {
        let path = folder.path().join(rfe_model::id::new());
        SqliteQueueConfig { max_jobs: 20, max_bytes: 4 << 20, ..SqliteQueueConfig::new(path) }
    };
    conformance::run(async || open(small()).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_queue_opens_again_with_all_it_had() {
    let folder = tempfile::tempdir().expect("folder");
    let queue = open(config(&folder)).await;
    queue.enqueue_events(events("s", &["a", "b"])).await.expect("enqueue");
    let batch = lease(&queue).await.expect("batch");
    queue.bisect(&batch.lease).await.expect("bisect");
    let first = lease(&queue).await.expect("first half");
    queue
        .enqueue(NewJob {
            id: "p".to_owned(),
            source: "p".to_owned(),
            kind: JobKind::Pull,
            reads_source: true,
            trace: String::new(),
        })
        .await
        .expect("enqueue");
    queue.pause("p").await.expect("pause");
    drop(queue);

    let queue = open(config(&folder)).await;
    let again = queue.enqueue_events(events("s", &["a", "c"])).await.expect("enqueue").outcomes;
    assert!(
        matches!(again[..], [Accepted::Duplicate, Accepted::New { .. }]),
        "ids are remembered: {again:?}"
    );
    let second = lease(&queue).await.expect("second half");
    assert_eq!(second.events[0].event_id, "b");
    let third = lease(&queue).await.expect("what came after");
    assert_eq!(third.events[0].event_id, "c");
    assert_eq!(lease(&queue).await, None, "the first half is leased, the other source paused");
    assert_eq!(queue.expire_all_leases().await.expect("expire"), 3);
    let redelivered = lease(&queue).await.expect("first half");
    assert_eq!((redelivered.lease.id, redelivered.expired), (first.lease.id.clone(), 1));
    assert!(matches!(queue.complete(&first.lease).await, Err(QueueError::Stale(_))));
    queue.resume("p").await.expect("resume");
    assert!(lease(&queue).await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_queue_refuses_calls() {
    let folder = tempfile::tempdir().expect("folder");
    let queue = open(config(&folder)).await;
    queue.close().await;
    assert!(matches!(queue.pause("s").await, Err(QueueError::Store(_))));
    let waiting = queue.lease(LeaseRequest {
        worker: String::new(),
        lease: Duration::from_secs(1),
        wait: Duration::from_secs(60),
        batch_max_rows: 1,
        batch_max_age: Duration::ZERO,
        kinds: Vec::new(),
    });
    assert!(matches!(waiting.await, Err(QueueError::Store(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_are_forgotten_after_the_window() {
    let folder = tempfile::tempdir().expect("folder");
    let window = Duration::from_millis(50);
    let queue = open(SqliteQueueConfig { dedupe_window: window, ..config(&folder) }).await;
    queue.enqueue_events(events("s", &["a"])).await.expect("enqueue");
    tokio::time::sleep(2 * window).await;
    let again = queue.enqueue_events(events("s", &["a"])).await.expect("enqueue").outcomes;
    assert!(matches!(again[..], [Accepted::New { .. }]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_left_is_queued_again_under_a_new_epoch() {
    let folder = tempfile::tempdir().expect("folder");
    let queue = open(config(&folder)).await;
    let job = NewJob {
        id: "p".to_owned(),
        source: "p".to_owned(),
        kind: JobKind::Pull,
        reads_source: true,
        trace: String::new(),
    };
    queue.enqueue(job.clone()).await.expect("enqueue");
    let first = lease(&queue).await.expect("job");
    queue.cancel("p").await.expect("cancel");
    queue.enqueue(job).await.expect("the registry still calls it open");
    let second = lease(&queue).await.expect("job");
    assert!(second.lease.epoch > first.lease.epoch);
    assert!(matches!(queue.complete(&first.lease).await, Err(QueueError::Stale(_))));
    queue.complete(&second.lease).await.expect("complete");
    assert_eq!(queue.stats().await.expect("stats"), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_callers_share_transactions_and_each_gets_its_own_answer() {
    let folder = tempfile::tempdir().expect("folder");
    let queue = std::sync::Arc::new(open(config(&folder)).await);
    let mut calls = tokio::task::JoinSet::new();
    for caller in 0..32 {
        let queue = queue.clone();
        calls.spawn(async move {
            for n in 0..10 {
                let own = format!("{caller}-{n}");
                let call = events("s", &[&own, &n.to_string()]);
                let outcomes = queue.enqueue_events(call).await.expect("enqueue").outcomes;
                assert!(matches!(outcomes[0], Accepted::New { .. }), "{own} is nobody else's");
            }
        });
    }
    while let Some(done) = calls.join_next().await {
        done.expect("caller");
    }
    let batch = lease(&queue).await.expect("batch");
    let ids: std::collections::HashSet<_> = batch.events.iter().map(|event| &event.event_id).collect();
    assert_eq!((batch.events.len(), ids.len()), (330, 330));
}
