//! Listing goes by key, byte by byte, in pages of any size.

use bytes::Bytes;
use futures::{StreamExt as _, stream};

use crate::{Bucket, Lake, ObjectInfo};

/// More than a server lists at once.
const MANY: usize = 1_150;

pub(super) async fn run(lake: &dyn Lake) {
    a_page_begins_after_a_key(lake).await;
    keys_are_ordered_by_their_bytes(lake).await;
    many_keys_are_listed_whole(lake).await;
}

async fn a_page_begins_after_a_key(lake: &dyn Lake) {
    put_all(lake, ["c/1", "c/2", "c/d/3", "cc/4"].map(str::to_owned)).await;
    assert_eq!(list(lake, "c/", None, 2).await, ["c/1", "c/2"]);
    assert_eq!(list(lake, "c/", Some("c/2"), 2).await, ["c/d/3"]);
    assert_eq!(list(lake, "c/", Some("c/15"), 9).await, ["c/2", "c/d/3"], "after a key that is not there");
    assert_eq!(
        list(lake, "c", None, 9).await,
        ["c/1", "c/2", "c/d/3", "cc/4"],
        "a prefix may end within a name"
    );
    assert!(list(lake, "c/", None, 0).await.is_empty());
    assert!(list(lake, "nothing/", None, 9).await.is_empty());
}

async fn keys_are_ordered_by_their_bytes(lake: &dyn Lake) {
    let keys = ["o/a-b", "o/a.b", "o/a/b", "o/a/c=d.e", "o/a0", "o/a=b", "o/aB", "o/a_b", "o/ab"];
    put_all(lake, keys.map(str::to_owned)).await;
    assert_eq!(list(lake, "o/", None, 100).await, keys);
    for (at, key) in keys.iter().enumerate() {
        assert_eq!(list(lake, "o/", Some(key), 100).await, keys[at + 1..], "after {key}");
    }
}

async fn many_keys_are_listed_whole(lake: &dyn Lake) {
    let keys: Vec<String> = (0..MANY).map(|number| format!("many/dt=2026-01-01/{number:05}.json")).collect();
    put_all(lake, keys.clone()).await;
    assert_eq!(list(lake, "many/", None, MANY * 2).await, keys);
    assert_eq!(list(lake, "many/", None, 1_100).await, keys[..1_100]);
    let mut paged: Vec<String> = Vec::new();
    loop {
        let page = list(lake, "many/", paged.last().map(String::as_str), 400).await;
        paged.extend(page.iter().cloned());
        if page.len() < 400 {
            break;
        }
    }
    assert_eq!(paged, keys);
}

async fn put_all(lake: &dyn Lake, keys: impl IntoIterator<Item = String>) {
    let puts = keys.into_iter().map(|key| async move {
        lake.put(Bucket::DeadLetter, &key, Bytes::from_static(b"{}")).await.expect("put");
    });
    stream::iter(puts).buffer_unordered(16).collect::<Vec<()>>().await;
}

async fn list(lake: &dyn Lake, prefix: &str, after: Option<&str>, limit: usize) -> Vec<String> {
    let listed = lake.list(Bucket::DeadLetter, prefix, after, limit).await.expect("list");
    listed.into_iter().map(|ObjectInfo { key, .. }| key).collect()
}
