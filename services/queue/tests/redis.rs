//! The queue on a real Redis: the suite, and what holds when Redis dies, forgets, or is damaged.

use std::time::Duration;

use rfe_proto::ingest::{Event, JobKind};
use rfe_queue::{
    Accepted, LeaseRequest, Leased, NewEvents, NewJob, Queue as _, QueueControl as _, QueueError, RedisQueue,
    RedisQueueConfig, conformance,
};
use rfe_test_servers::Redis;

fn config(redis: &Redis) -> RedisQueueConfig {
    RedisQueueConfig { name: redis.queue_name(), ..RedisQueueConfig::new(redis.url()) }
}

async fn open(config: RedisQueueConfig) -> RedisQueue {
    RedisQueue::open(config).await.expect("open")
}

async fn start() -> Redis {
    tokio::task::spawn_blocking(Redis::start).await.expect("it starts")
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

fn pull(source: &str) -> NewJob {
    let (id, trace) = (rfe_model::id::new(), String::new());
    NewJob { id, source: source.to_owned(), kind: JobKind::Pull, reads_source: true, trace }
}

fn request() -> LeaseRequest {
    LeaseRequest {
        worker: "test".to_owned(),
        lease: Duration::from_secs(30),
        wait: Duration::ZERO,
        batch_max_rows: 5000,
        batch_max_age: Duration::ZERO,
        kinds: Vec::new(),
    }
}

async fn lease(queue: &RedisQueue) -> Option<Leased> {
    queue.lease(request()).await.expect("lease")
}

fn ids(leased: &Leased) -> Vec<&str> {
    leased.events.iter().map(|event| event.event_id.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn it_conforms() {
    let redis = start().await;
    let small = || RedisQueueConfig { max_jobs: 20, max_bytes: 4 << 20, ..config(&redis) };
    conformance::run(async || open(small()).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_accepted_and_leased_survives_the_death_of_redis() {
    let redis = start().await;
    let queue = open(config(&redis)).await;
    queue.enqueue_events(events("s", &["a", "b"])).await.expect("enqueue");
    queue.enqueue(pull("p")).await.expect("enqueue");
    let batch = queue.lease(LeaseRequest { kinds: vec![JobKind::Events], ..request() }).await.expect("lease");
    let batch = batch.expect("batch");
    let before = queue.incarnation().await.expect("incarnation");
    redis.stop_hard();
    let refused = queue.enqueue_events(events("s", &["c"])).await;
    assert!(matches!(refused, Err(QueueError::Store(_))), "{refused:?}");
    redis.start_again();
    assert_ne!(queue.incarnation().await.expect("incarnation"), before);
    assert_eq!(ids(&batch), ["a", "b"]);
    queue.complete(&batch.lease).await.expect("the lease is held still");
    assert_eq!(lease(&queue).await.expect("the pull").source, "p");
    assert_eq!(queue.repair().await.expect("repair").mended, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_emptied_redis_is_another_incarnation_and_calls_sent_again_bring_their_jobs_back() {
    let redis = start().await;
    let queue = open(config(&redis)).await;
    let call = events("s", &["a", "b"]);
    let first = queue.enqueue_events(call.clone()).await.expect("enqueue").outcomes;
    let again = queue.enqueue_events(call.clone()).await.expect("again").outcomes;
    assert_eq!(first, again, "a repeated call is answered as before");
    let other = queue.enqueue_events(events("s", &["b", "c"])).await.expect("enqueue").outcomes;
    assert_eq!(other[0], Accepted::Duplicate);
    let before = queue.incarnation().await.expect("incarnation");
    assert_eq!(queue.incarnation().await.expect("incarnation"), before);
    redis.cli(&["FLUSHALL"]);
    assert_ne!(queue.incarnation().await.expect("incarnation"), before);
    assert_eq!(queue.enqueue_events(call).await.expect("anew").outcomes, first);
    assert_eq!(ids(&lease(&queue).await.expect("batch")), ["a", "b"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_epoch_comes_twice_though_redis_lost_its_newest_writes() {
    let redis = start().await;
    let queue = open(config(&redis)).await;
    queue.enqueue_events(events("s", &["a"])).await.expect("enqueue");
    let saved = redis.copy_data();
    let lost = lease(&queue).await.expect("batch");
    redis.stop_hard();
    redis.put_back(&saved);
    redis.start_again();
    let again = lease(&queue).await.expect("the events are there again");
    assert!(again.lease.epoch > lost.lease.epoch, "{} after {}", again.lease.epoch, lost.lease.epoch);
    assert!(matches!(queue.complete(&lost.lease).await, Err(QueueError::Stale(_))));
    queue.complete(&again.lease).await.expect("complete");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiting_worker_wakes_though_redis_was_away_meanwhile() {
    let redis = start().await;
    let queue = open(config(&redis)).await;
    assert_eq!(lease(&queue).await, None);
    redis.stop_hard();
    redis.start_again();
    let waiting = LeaseRequest { wait: Duration::from_secs(20), ..request() };
    let (leased, _) = futures::join!(queue.lease(waiting), async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        queue.enqueue_events(events("s", &["a"])).await.expect("enqueue");
    });
    assert_eq!(ids(&leased.expect("lease").expect("batch")), ["a"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repair_mends_what_was_damaged_and_finds_nothing_afterwards() {
    let redis = start().await;
    let of = config(&redis);
    let name = of.name.clone();
    let key = |key: &str| format!("{{{name}}}:{key}");
    let queue = open(of).await;
    queue.enqueue_events(events("s", &["a", "b"])).await.expect("enqueue");
    queue.enqueue_events(events("t", &["c"])).await.expect("enqueue");
    let job = pull("p");
    queue.enqueue(job.clone()).await.expect("enqueue");
    let held = lease(&queue).await.expect("work");
    assert_eq!(queue.repair().await.expect("repair").mended, 0);
    for command in [
        vec!["DEL".to_owned(), key("loose:t")],
        vec!["DEL".to_owned(), key("loose:s")],
        vec!["DEL".to_owned(), key(&format!("work:{}", job.id))],
        vec!["HSET".to_owned(), key("source:s"), "jobs".to_owned(), "99".to_owned()],
        vec!["ZADD".to_owned(), key("leased"), "1".to_owned(), "nobody".to_owned()],
    ] {
        redis.cli(&command.iter().map(String::as_str).collect::<Vec<_>>());
    }
    assert!(queue.repair().await.expect("repair").mended >= 4);
    assert_eq!(queue.repair().await.expect("repair").mended, 0);
    let _gone_or_held = queue.release(&held.lease, Duration::ZERO).await;
    let mut found = Vec::new();
    while let Some(leased) = lease(&queue).await {
        found.push(leased.source.clone());
        queue.complete(&leased.lease).await.expect("complete");
    }
    found.sort();
    assert_eq!(found, ["p", "s", "t"]);
    assert_eq!(queue.stats().await.expect("stats"), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn unsafe_settings_are_told_and_a_password_is_not() {
    let redis = start().await;
    let queue = open(config(&redis)).await;
    assert_eq!(queue.warnings().await.expect("settings"), [] as [&str; 0]);
    redis.cli(&["CONFIG", "SET", "appendfsync", "everysec"]);
    let warnings = queue.warnings().await.expect("settings");
    assert!(warnings.len() == 1 && warnings[0].contains("set appendfsync always"), "{warnings:?}");
    let wrong = RedisQueueConfig::new(format!("redis://:s3cr3t@127.0.0.1:{}", redis.port()));
    let told = format!("{wrong:?}");
    let error = format!("{:?}", open(wrong).await.ping().await.expect_err("there is no such user"));
    assert!(!told.contains("s3cr3t") && !error.contains("s3cr3t"), "{told} {error}");
    assert!(RedisQueue::open(RedisQueueConfig::new("http://x")).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_without_memory_is_full_and_loses_nothing() {
    let redis = start().await;
    let queue = open(config(&redis)).await;
    queue.enqueue_events(events("s", &["a"])).await.expect("enqueue");
    redis.cli(&["CONFIG", "SET", "maxmemory", "1"]);
    let refused = queue.enqueue_events(events("s", &["b"])).await;
    assert!(matches!(refused, Err(QueueError::OutOfMemory)), "{refused:?}");
    redis.cli(&["CONFIG", "SET", "maxmemory", "0"]);
    assert_eq!(ids(&lease(&queue).await.expect("batch")), ["a"]);
}
