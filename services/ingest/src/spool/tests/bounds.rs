//! The spool is bounded.

use std::time::Duration;

use rfe_model::{ErrorCode, fault::reason};

use super::{World, call, events_in, heavy};
use crate::spool::Drain;

const KIB: usize = 1024;

#[tokio::test]
async fn full_of_what_the_queue_does_not_have_it_refuses_calls() {
    let world = World::with(|config| config.bytes = 64 * KIB as u64);
    let away = world.away().await;
    let mut accepted = 0;
    let refused = loop {
        let id = format!("e{accepted}");
        match world.spool.accept(&*away, heavy("s", &[&id], KIB)).await {
            Ok(_) => accepted += 1,
            Err(fault) => break fault,
        }
    };
    assert_eq!((refused.code, refused.reason.as_str()), (ErrorCode::ResourceExhausted, reason::QUEUE_FULL));
    assert!(refused.retry_after.is_some());
    assert!((40..64).contains(&accepted), "{accepted} of 1 KiB in 64 KiB");
    let back = world.queue("back.db").await;
    world.drain(&back).await;
    assert_eq!(events_in(&back).await.len(), accepted, "what was accepted is all there");
    assert!(world.spool.accept(&*back, call("s", &["more"])).await.is_ok(), "and there is room again");
}

#[tokio::test]
async fn what_the_queue_has_gives_way() {
    let world = World::with(|config| config.bytes = 64 * KIB as u64);
    let queue = world.queue("queue.db").await;
    for n in 0..300 {
        world.accept(&queue, heavy("s", &[&n.to_string()], KIB)).await;
    }
    world.spool.sync(0).await.expect("sync");
    let bytes: u64 = world.files().iter().map(|path| path.metadata().expect("file").len()).sum();
    assert!(bytes <= 64 * KIB as u64, "{bytes}");
}

#[tokio::test]
async fn what_the_queue_has_goes_with_its_window() {
    let world = World::with(|config| config.window = Duration::from_millis(100));
    let queue = world.queue("queue.db").await;
    world.meet(&queue).await;
    world.accept(&queue, call("s", &["a"])).await;
    let first = world.files();
    let shutdown = rfe_mesh::Shutdown::new();
    let watch = crate::spool::Watch::new(world.spool.clone(), queue.clone(), Default::default());
    let watch = tokio::spawn(watch.run(shutdown.clone()));
    // A segment is dropped once another one is written.
    tokio::time::timeout(Duration::from_secs(30), async {
        let mut n = 0;
        while world.files().iter().any(|path| first.contains(path)) {
            world.accept(&queue, call("s", &[&format!("b{n}")])).await;
            tokio::time::sleep(Duration::from_millis(20)).await;
            n += 1;
        }
    })
    .await
    .expect("the old one goes");
    shutdown.begin();
    watch.await.expect("it ends");
}

#[tokio::test]
async fn what_waits_outlives_every_window() {
    let world = World::with(|config| config.window = Duration::from_millis(1));
    let away = world.away().await;
    for n in 0..20 {
        world.accept(&away, call("s", &[&n.to_string()])).await;
    }
    world.spool.shared.index().trim(i64::MAX);
    assert_eq!(world.spool.shared.index().take_dropped(), Vec::<u64>::new());
    let world = world.restart();
    let back = world.queue("back.db").await;
    world.drain(&back).await;
    assert_eq!(events_in(&back).await.len(), 20);
}

#[tokio::test]
async fn an_end_sends_what_it_can() {
    let world = World::new();
    let away = world.away().await;
    world.accept(&away, call("s", &["a"])).await;
    let back = world.queue("back.db").await;
    let shutdown = rfe_mesh::Shutdown::new();
    shutdown.begin();
    Drain::new(world.spool.clone(), back.clone()).run(shutdown).await;
    assert_eq!(events_in(&back).await, ["a"]);
}
