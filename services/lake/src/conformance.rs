//! The suite that every lake passes.

mod files;
mod listing;

use bytes::Bytes;

use crate::{Bucket, Lake, LakeError};

/// Runs the whole suite on an empty lake.
///
/// # Panics
/// Where the lake does not conform.
pub async fn run(lake: &dyn Lake) {
    an_object_reads_back_as_it_was_put(lake).await;
    keys_cannot_leave_the_bucket(lake).await;
    deleting_twice_is_fine(lake).await;
    putting_the_same_bytes_again_is_fine(lake).await;
    what_is_young_is_not_swept(lake).await;
    files::run(lake).await;
    listing::run(lake).await;
}

async fn an_object_reads_back_as_it_was_put(lake: &dyn Lake) {
    let key = "a/dt=2026-01-01/x.b-c_d=.bin";
    for bytes in [Bytes::from_static(b"some bytes"), Bytes::new()] {
        lake.put(Bucket::Raw, key, bytes.clone()).await.expect("put");
        assert_eq!(lake.get(Bucket::Raw, key).await.expect("get"), bytes);
        let head = lake.head(Bucket::Raw, key).await.expect("head");
        assert_eq!((head.key.as_str(), head.bytes), (key, bytes.len() as u64));
        assert!(head.modified_micros > 1_700_000_000_000_000, "µs since 1970: {}", head.modified_micros);
    }
    let elsewhere = lake.get(Bucket::Processed, key).await;
    assert!(matches!(elsewhere, Err(LakeError::NotFound { .. })), "buckets are separate");
    let elsewhere = lake.head(Bucket::Processed, key).await;
    assert!(matches!(elsewhere, Err(LakeError::NotFound { .. })), "buckets are separate");
    assert!(lake.url(Bucket::Raw, key).ends_with(key));
}

async fn keys_cannot_leave_the_bucket(lake: &dyn Lake) {
    let long = "k".repeat(256);
    for key in ["../x", "/etc/passwd", "a/../../x", "a//b", "", "a\\b", "a\0b", "a/", "a b", "ä", &long] {
        let put = lake.put(Bucket::Raw, key, Bytes::new()).await;
        assert!(matches!(put, Err(LakeError::Key(_))), "{key:?}: {put:?}");
        let get = lake.get(Bucket::Raw, key).await;
        assert!(matches!(get, Err(LakeError::Key(_))), "{key:?}: {get:?}");
    }
}

async fn deleting_twice_is_fine(lake: &dyn Lake) {
    lake.put(Bucket::Raw, "gone", Bytes::new()).await.expect("put");
    lake.delete(Bucket::Raw, "gone").await.expect("delete");
    lake.delete(Bucket::Raw, "gone").await.expect("delete again");
    assert!(matches!(lake.get(Bucket::Raw, "gone").await, Err(LakeError::NotFound { .. })));
}

async fn putting_the_same_bytes_again_is_fine(lake: &dyn Lake) {
    let bytes = Bytes::from(vec![7; 100_000]);
    let puts = (0..8).map(|_| lake.put(Bucket::Processed, "same/again", bytes.clone()));
    for put in futures::future::join_all(puts).await {
        put.expect("put beside others");
    }
    assert_eq!(lake.get(Bucket::Processed, "same/again").await.expect("get"), bytes);
}

async fn what_is_young_is_not_swept(lake: &dyn Lake) {
    let hour = std::time::Duration::from_secs(3600);
    assert_eq!(lake.sweep(hour).await.expect("sweep"), 0);
    lake.get(Bucket::Processed, "same/again").await.expect("objects are never swept");
}
