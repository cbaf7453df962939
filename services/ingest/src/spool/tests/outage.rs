//! The queue is away, and comes back.

use rfe_proto::ingest::JobState;
use rfe_queue::{Accepted, Queue, QueueControl as _};

use super::{World, call, events_in, heavy, job};
use crate::spool::{Drain, plan::plan};

#[tokio::test]
async fn what_is_accepted_while_the_queue_is_away_comes_to_it_under_the_ids_that_were_told() {
    let world = World::new();
    let away = world.away().await;
    let first = world.accept(&away, call("s", &["a", "b"])).await;
    let second = world.accept(&away, call("s", &["c"])).await;
    assert_eq!(job(&first[0]), job(&first[1]));
    let back = world.queue("back.db").await;
    world.drain(&back).await;
    for id in [job(&first[0]), job(&second[0])] {
        assert!(back.job(id).await.expect("asked").is_some(), "{id}");
    }
    assert_eq!(events_in(&back).await, ["a", "b", "c"]);
}

#[tokio::test]
async fn what_was_accepted_survives_the_process() {
    let world = World::new();
    let away = world.away().await;
    let told = world.accept(&away, call("s", &["a"])).await;
    let world = world.restart();
    assert_eq!(world.spool.job(job(&told[0])).expect("it is known").events, 1);
    let back = world.queue("back.db").await;
    world.drain(&back).await;
    assert!(back.job(job(&told[0])).await.expect("asked").is_some());
    assert_eq!(events_in(&back).await, ["a"]);
}

#[tokio::test]
async fn what_the_queue_has_is_not_sent_again_by_the_next_process() {
    let world = World::new();
    let queue = world.queue("queue.db").await;
    world.accept(&queue, call("s", &["a"])).await;
    // Marks are written behind the answer.
    world.spool.sync(0).await.expect("sync");
    let world = world.restart();
    assert!(!world.spool.shared.index().has_waiting());
}

#[tokio::test]
async fn a_repeat_of_an_event_that_waits_is_a_duplicate() {
    let world = World::new();
    let away = world.away().await;
    world.accept(&away, call("s", &["a"])).await;
    let again = world.accept(&away, call("s", &["a", "b", "b"])).await;
    assert_eq!([&again[0], &again[2]], [&Accepted::Duplicate; 2]);
    let other = world.accept(&away, call("t", &["a"])).await;
    assert_ne!(other[0], Accepted::Duplicate, "ids are those of a source");
    let back = world.queue("back.db").await;
    world.drain(&back).await;
    assert!(back.job(job(&again[1])).await.expect("asked").is_some(), "under the id that was told");
    let mut landed = events_in(&back).await;
    landed.sort();
    assert_eq!(landed, ["a", "a", "b"]);
}

#[tokio::test]
async fn a_job_that_waits_is_queued() {
    let world = World::new();
    let away = world.away().await;
    let first = world.accept(&away, call("s", &["a", "b"])).await;
    let second = world.accept(&away, call("t", &["c"])).await;
    let (first, second) = (job(&first[0]), job(&second[0]));
    let found = world.spool.job(first).expect("it is known");
    assert_eq!((found.state, found.events, found.source.as_str()), (JobState::Queued, 2, "s"));
    let ids = |source, before| -> Vec<String> {
        world.spool.jobs(source, before, 10).into_iter().map(|job| job.id).collect()
    };
    assert_eq!(ids(None, None), [second, first]);
    assert_eq!(ids(None, Some(second)), [first]);
    assert_eq!(ids(Some("s"), None), [first]);
    world.drain(&world.queue("back.db").await).await;
    assert_eq!(world.spool.job(first), None, "then it is the queue's");
}

#[tokio::test]
async fn a_call_whose_caller_leaves_is_sent_all_the_same() {
    let world = World::new();
    let queue = world.queue("queue.db").await;
    let appending = world.spool.append(&call("s", &["a"])).expect("room");
    drop(appending);
    let answered = world.spool.append(&call("s", &["c"])).expect("room");
    // Its answer is there, and nobody takes it.
    world.spool.sync(0).await.expect("sync");
    drop(answered);
    let held = world.spool.append(&call("s", &["b"])).expect("room").written().await.expect("written");
    drop(held);
    world.drain(&queue).await;
    assert_eq!(events_in(&queue).await, ["a", "c", "b"]);
}

#[tokio::test]
async fn one_source_that_the_queue_has_no_room_for_holds_up_no_other() {
    let world = World::new();
    let away = world.away().await;
    for id in ["1", "2", "3"] {
        world.accept(&away, call("full", &[id])).await;
    }
    world.accept(&away, call("open", &["a"])).await;
    let back = world.queue_of("back.db", |config| config.max_source_jobs = 2).await;
    let shutdown = rfe_mesh::Shutdown::new();
    let drain = tokio::spawn(Drain::new(world.spool.clone(), back.clone()).run(shutdown.clone()));
    super::until(|| world.spool.shared.index().counts().waiting == 1).await;
    let stats = back.stats().await.expect("stats");
    let mut jobs: Vec<_> = stats.iter().map(|of| (of.source.as_str(), of.queued_jobs)).collect();
    jobs.sort_unstable();
    assert_eq!(jobs, [("full", 2), ("open", 1)]);
    assert_eq!(events_in(&back).await.len(), 3, "leased and so still in the queue");
    shutdown.begin();
    drain.await.expect("it ends");
}

#[tokio::test]
async fn a_plan_is_what_the_queue_makes_of_a_call() {
    let world = World::new();
    plans_are_what_is_made(&*world.queue("queue.db").await).await;
}

/// Small, middling and large events, with repeats.
pub(super) async fn plans_are_what_is_made(queue: &dyn Queue) {
    let ids: Vec<String> = (0..700).map(|n| format!("e{}", n % 600)).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    for (source, payload) in [("small", 1), ("middling", 5_000), ("large", 400_000)] {
        let number = if payload > 100_000 { 9 } else { ids.len() };
        let call = heavy(source, &ids[..number], payload);
        let planned = plan(&call.id, source, &call.events, |_| false);
        let made = queue.enqueue_events(call).await.expect("enqueued");
        assert_eq!(planned.outcomes, made.outcomes, "{source}");
    }
}
