//! A real Redis that dies, forgets, and comes back from an old copy.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use rfe_mesh::Shutdown;
use rfe_queue::{Accepted, QueueControl as _, RedisQueue, RedisQueueConfig};
use rfe_test_servers::Redis;
use tokio::task::JoinSet;

use super::{World, call, events_in, job, until};
use crate::{
    loss::Loss,
    spool::{Drain, Spool, Watch},
};

async fn start() -> Arc<Redis> {
    Arc::new(blocking(Redis::start).await)
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.expect("it does not panic")
}

async fn queue(redis: &Redis) -> Arc<RedisQueue> {
    Arc::new(RedisQueue::open(RedisQueueConfig::new(redis.url())).await.expect("queue"))
}

/// What runs in a process as long as it lives.
struct Tasks {
    shutdown: Shutdown,
    tasks: JoinSet<()>,
}

impl Tasks {
    fn start(spool: &Spool, queue: &Arc<RedisQueue>) -> Self {
        let shutdown = Shutdown::new();
        let mut tasks = JoinSet::new();
        tasks.spawn(Drain::new(spool.clone(), queue.clone()).run(shutdown.clone()));
        let watch = Watch::new(spool.clone(), queue.clone(), Loss::default());
        tasks.spawn(watch.run(shutdown.clone()));
        Self { shutdown, tasks }
    }

    async fn stop(self) {
        self.shutdown.begin();
        self.tasks.join_all().await;
    }
}

/// Waits until the spool has sent everything to the Redis that runs now.
async fn settled(world: &World, queue: &RedisQueue) {
    let incarnation = queue.incarnation().await.expect("Redis runs");
    until(|| world.noted().as_ref() == Some(&incarnation) && !world.spool.shared.index().has_waiting()).await;
}

fn once(mut ids: Vec<String>) -> BTreeSet<String> {
    let number = ids.len();
    ids.sort();
    let twice: Vec<_> =
        ids.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0].clone()).collect();
    let ids: BTreeSet<String> = ids.into_iter().collect();
    assert_eq!(ids.len(), number, "twice: {twice:?}");
    ids
}

#[tokio::test]
async fn a_plan_is_what_redis_makes_of_a_call() {
    let redis = start().await;
    super::outage::plans_are_what_is_made(&*queue(&redis).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_accepted_is_lost_while_redis_is_killed_again_and_again() {
    let redis = start().await;
    let world = World::new();
    let queue = queue(&redis).await;
    let tasks = Tasks::start(&world.spool, &queue);
    let stop = Arc::new(AtomicBool::new(false));
    let mut senders = JoinSet::new();
    for sender in 0..4 {
        let (spool, queue, stop) = (world.spool.clone(), queue.clone(), stop.clone());
        senders.spawn(async move {
            let mut accepted = Vec::new();
            for n in 0.. {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                let id = format!("{sender}-{n}");
                let outcomes = spool.accept(&*queue, call("s", &[&id])).await.expect("accepted").outcomes;
                assert_ne!(outcomes, [Accepted::Duplicate], "{id} is new");
                accepted.push(id);
                tokio::task::yield_now().await;
            }
            accepted
        });
    }
    for _ in 0..3 {
        let kept = world.metric("rfe_spool_kept_total");
        let server = redis.clone();
        blocking(move || server.stop_hard()).await;
        until(|| world.metric("rfe_spool_kept_total") >= kept + 20).await;
        let server = redis.clone();
        blocking(move || server.start_again()).await;
        settled(&world, &queue).await;
    }
    stop.store(true, Ordering::Relaxed);
    let accepted: BTreeSet<String> = senders.join_all().await.into_iter().flatten().collect();
    settled(&world, &queue).await;
    tasks.stop().await;
    assert_eq!(once(events_in(&queue).await), accepted);
}

#[tokio::test]
async fn a_flushed_redis_has_everything_again() {
    let redis = start().await;
    let world = World::new();
    let queue = queue(&redis).await;
    let tasks = Tasks::start(&world.spool, &queue);
    settled(&world, &queue).await;
    let first = world.accept(&queue, call("s", &["a", "b"])).await;
    queue.pause("quiet").await.expect("paused");
    world.spool.note_paused("quiet", true).await;
    assert_eq!(redis.cli(&["FLUSHALL"]), "OK");
    world.accept(&queue, call("s", &["c"])).await;
    settled(&world, &queue).await;
    tasks.stop().await;
    assert!(queue.job(job(&first[0])).await.expect("asked").is_some(), "under the id that was told");
    assert!(queue.stats().await.expect("stats").iter().any(|of| of.source == "quiet" && of.paused));
    assert_eq!(once(events_in(&queue).await), ["a", "b", "c"].map(str::to_owned).into());
}

#[tokio::test]
async fn a_redis_from_an_old_copy_has_everything_once() {
    let redis = start().await;
    let world = World::new();
    let queue = queue(&redis).await;
    let tasks = Tasks::start(&world.spool, &queue);
    settled(&world, &queue).await;
    world.accept(&queue, call("s", &["a"])).await;
    let old = redis.copy_data();
    world.accept(&queue, call("s", &["b"])).await;
    let server = redis.clone();
    blocking(move || {
        server.stop_hard();
        server.put_back(&old);
    })
    .await;
    world.accept(&queue, call("s", &["c"])).await;
    let server = redis.clone();
    blocking(move || server.start_again()).await;
    settled(&world, &queue).await;
    tasks.stop().await;
    assert_eq!(once(events_in(&queue).await), ["a", "b", "c"].map(str::to_owned).into());
}

#[tokio::test]
async fn a_process_that_begins_while_redis_is_away_accepts() {
    let redis = start().await;
    let server = redis.clone();
    blocking(move || server.stop_hard()).await;
    let world = World::new();
    let queue = queue(&redis).await;
    let tasks = Tasks::start(&world.spool, &queue);
    let told = world.accept(&queue, call("s", &["a"])).await;
    assert!(world.spool.job(job(&told[0])).is_some());
    let server = redis.clone();
    blocking(move || server.start_again()).await;
    settled(&world, &queue).await;
    tasks.stop().await;
    assert!(queue.job(job(&told[0])).await.expect("asked").is_some());
    assert_eq!(once(events_in(&queue).await), ["a".to_owned()].into());
}
