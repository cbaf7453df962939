//! Disks and deaths.

use std::{
    fs::{self, OpenOptions},
    io::Write as _,
};

use super::{World, call, events_in, job};

#[tokio::test]
async fn a_frame_written_in_part_is_no_frame_and_hinders_none() {
    let world = World::new();
    let away = world.away().await;
    world.accept(&away, call("s", &["a"])).await;
    let path = world.files().pop().expect("a segment");
    let whole = fs::read(&path).expect("read");
    OpenOptions::new()
        .append(true)
        .open(&path)
        .and_then(|mut file| file.write_all(&whole[..whole.len() - 3]))
        .expect("write");
    let world = world.restart();
    assert_eq!(world.metric("rfe_spool_damaged_total"), 0);
    world.accept(&away, call("s", &["b"])).await;
    let world = world.restart();
    let back = world.queue("back.db").await;
    world.drain(&back).await;
    assert_eq!(events_in(&back).await, ["a", "b"]);
}

#[tokio::test]
async fn a_damaged_frame_is_stepped_over_and_counted() {
    let world = World::new();
    let away = world.away().await;
    for id in ["a", "b", "c"] {
        world.accept(&away, call("s", &[id])).await;
    }
    let path = world.files().pop().expect("a segment");
    let mut bytes = fs::read(&path).expect("read");
    let (frame, middle) = (bytes.len() / 3, bytes.len() / 2);
    assert!((frame..2 * frame).contains(&middle));
    bytes[middle] ^= 1;
    fs::write(&path, bytes).expect("write");
    let world = world.restart();
    assert_eq!(world.metric("rfe_spool_damaged_total"), 1);
    let back = world.queue("back.db").await;
    world.drain(&back).await;
    assert_eq!(events_in(&back).await, ["a", "c"]);
}

#[tokio::test]
async fn a_call_that_is_found_damaged_as_it_is_sent_holds_up_none() {
    let world = World::new();
    let away = world.away().await;
    for id in ["a", "b"] {
        world.accept(&away, call("s", &[id])).await;
    }
    let path = world.files().pop().expect("a segment");
    let mut bytes = fs::read(&path).expect("read");
    bytes[40] ^= 1;
    fs::write(&path, bytes).expect("write");
    let back = world.queue("back.db").await;
    world.drain(&back).await;
    assert_eq!(events_in(&back).await, ["b"]);
    assert_eq!(world.metric("rfe_spool_damaged_total"), 1);
}

#[tokio::test]
async fn without_marks_everything_is_sent_once_more() {
    let world = World::new();
    let queue = world.queue("queue.db").await;
    let told = world.accept(&queue, call("s", &["a"])).await;
    world.spool.sync(0).await.expect("sync");
    for entry in world.config.folder.read_dir().expect("folder") {
        let path = entry.expect("entry").path();
        if path.extension().is_some_and(|end| end == "marks") {
            fs::remove_file(path).expect("remove");
        }
    }
    let world = world.restart();
    assert!(world.spool.job(job(&told[0])).is_some());
    world.drain(&queue).await;
    assert_eq!(events_in(&queue).await, ["a"], "the queue knows it");
}
