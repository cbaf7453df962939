//! Another incarnation of the queue.

use rfe_model::fault::reason;
use rfe_queue::{Accepted, QueueControl as _};

use super::{World, call, events_in, job};

#[tokio::test]
async fn a_queue_that_lost_everything_gets_everything_again_under_the_same_ids() {
    let world = World::new();
    let queue = world.queue("first.db").await;
    world.meet(&queue).await;
    let first = world.accept(&queue, call("s", &["a", "b"])).await;
    let second = world.accept(&queue, call("t", &["c"])).await;
    let other = world.queue("second.db").await;
    world.meet(&other).await;
    for id in [job(&first[0]), job(&second[0])] {
        assert!(other.job(id).await.expect("asked").is_some(), "{id}");
    }
    assert_eq!(events_in(&other).await, ["a", "b", "c"]);
    assert_eq!(world.metric("rfe_spool_incarnations_total"), 1);
}

#[tokio::test]
async fn the_next_process_notices_as_well() {
    let world = World::new();
    let queue = world.queue("first.db").await;
    world.meet(&queue).await;
    world.accept(&queue, call("s", &["a"])).await;
    world.spool.sync(0).await.expect("sync");
    let world = world.restart();
    let other = world.queue("second.db").await;
    world.meet(&other).await;
    assert_eq!(events_in(&other).await, ["a"]);
}

#[tokio::test]
async fn a_queue_that_is_the_same_gets_nothing_again() {
    let world = World::new();
    let queue = world.queue("queue.db").await;
    world.meet(&queue).await;
    world.accept(&queue, call("s", &["a"])).await;
    world.spool.sync(0).await.expect("sync");
    let world = world.restart();
    world.meet(&queue).await;
    assert_eq!(world.metric("rfe_spool_resent_total"), 0);
}

#[tokio::test]
async fn a_queue_that_kept_half_of_it_has_nothing_twice() {
    let world = World::new();
    let queue = world.queue("first.db").await;
    world.meet(&queue).await;
    let other = world.queue("second.db").await;
    for (queue, id) in [(&queue, "a"), (&other, "b"), (&queue, "c")] {
        world.accept(queue, call("s", &[id])).await;
    }
    world.meet(&other).await;
    let mut ids = events_in(&other).await;
    ids.sort();
    assert_eq!(ids, ["a", "b", "c"]);
}

#[tokio::test]
async fn what_was_refused_is_never_sent() {
    let world = World::new();
    let queue = world.queue_of("first.db", |config| config.max_jobs = 1).await;
    world.meet(&queue).await;
    world.accept(&queue, call("s", &["a"])).await;
    let refused = world.spool.accept(&*queue, call("s", &["b"])).await.expect_err("it is full");
    assert_eq!(refused.reason, reason::QUEUE_FULL);
    world.spool.sync(0).await.expect("sync");
    let world = world.restart();
    let other = world.queue("second.db").await;
    world.meet(&other).await;
    assert_eq!(events_in(&other).await, ["a"]);
}

#[tokio::test]
async fn a_call_under_way_as_the_queue_is_lost_is_sent_again() {
    let world = World::new();
    let queue = world.queue("first.db").await;
    world.meet(&queue).await;
    let held = world.spool.append(&call("s", &["a"])).expect("room").written().await.expect("written");
    world.spool.shared.index().begin_resend();
    held.settle();
    assert!(world.spool.shared.index().has_waiting(), "the queue that took it may be the one that was lost");
    let other = world.queue("second.db").await;
    world.meet(&other).await;
    assert_eq!(events_in(&other).await, ["a"]);
}

#[tokio::test]
async fn paused_sources_are_paused_again() {
    let world = World::new();
    let queue = world.queue("first.db").await;
    queue.pause("s").await.expect("pause");
    world.spool.note_stats(&queue.stats().await.expect("stats")).await;
    world.spool.note_paused("t", true).await;
    world.spool.note_paused("u", true).await;
    world.spool.note_paused("u", false).await;
    let world = world.restart();
    let other = world.queue("second.db").await;
    world.meet(&other).await;
    let stats = other.stats().await.expect("stats");
    let mut paused: Vec<_> = stats.iter().filter(|of| of.paused).map(|of| of.source.as_str()).collect();
    paused.sort_unstable();
    assert_eq!(paused, ["s", "t"]);
}

#[tokio::test]
async fn acceptance_goes_on_while_a_queue_is_told_again() {
    let world = World::new();
    let queue = world.queue("first.db").await;
    world.meet(&queue).await;
    for n in 0..200 {
        world.accept(&queue, call("s", &[&format!("old{n}")])).await;
    }
    let other = world.queue("second.db").await;
    let (_, accepted) = tokio::join!(world.meet(&other), async {
        let mut accepted = Vec::new();
        for n in 0..50 {
            accepted.extend(world.accept(&other, call("s", &[&format!("new{n}")])).await);
        }
        accepted
    });
    assert!(accepted.iter().all(|outcome| *outcome != Accepted::Duplicate));
    let mut ids = events_in(&other).await;
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 250);
}
