//! The suite that every lake passes.

use bytes::Bytes;
use rfe_model::id::sha256_hex;

use crate::{Bucket, Lake, LakeError};

/// Runs the whole suite on an empty lake.
///
/// # Panics
/// Where the lake does not conform.
pub async fn run(lake: &dyn Lake) {
    an_object_reads_back_as_it_was_put(lake).await;
    a_file_is_verified_as_it_is_put(lake).await;
    listing_pages_by_key(lake).await;
    keys_cannot_leave_the_bucket(lake).await;
    deleting_twice_is_fine(lake).await;
}

async fn an_object_reads_back_as_it_was_put(lake: &dyn Lake) {
    let bytes = Bytes::from_static(b"some bytes");
    lake.put(Bucket::Raw, "a/dt=2026-01-01/x.bin", bytes.clone()).await.expect("put");
    assert_eq!(lake.get(Bucket::Raw, "a/dt=2026-01-01/x.bin").await.expect("get"), bytes);
    assert_eq!(lake.head(Bucket::Raw, "a/dt=2026-01-01/x.bin").await.expect("head").bytes, 10);
    let elsewhere = lake.get(Bucket::Processed, "a/dt=2026-01-01/x.bin").await;
    assert!(matches!(elsewhere, Err(LakeError::NotFound { .. })), "buckets are separate");
}

async fn a_file_is_verified_as_it_is_put(lake: &dyn Lake) {
    let folder = std::env::temp_dir().join(format!("rfe-lake-{}", rfe_model::id::new()));
    std::fs::create_dir_all(&folder).expect("folder");
    let file = folder.join("part");
    for (content, sum, verified) in
        [("good", sha256_hex(b"good"), true), ("bad", sha256_hex(b"other"), false)]
    {
        std::fs::write(&file, content).expect("write");
        let put = lake.put_file(Bucket::Processed, &format!("b/{content}.parquet"), &file, &sum).await;
        assert_eq!(put.is_ok(), verified, "{content}: {put:?}");
    }
    std::fs::remove_dir_all(&folder).expect("clean up");
}

async fn listing_pages_by_key(lake: &dyn Lake) {
    for name in ["c/1", "c/2", "c/d/3", "cc/4"] {
        lake.put(Bucket::DeadLetter, name, Bytes::new()).await.expect("put");
    }
    let keys =
        |objects: Vec<crate::ObjectInfo>| objects.into_iter().map(|object| object.key).collect::<Vec<_>>();
    let first = lake.list(Bucket::DeadLetter, "c/", None, 2).await.expect("first page");
    assert_eq!(keys(first), ["c/1", "c/2"]);
    let second = lake.list(Bucket::DeadLetter, "c/", Some("c/2"), 2).await.expect("second page");
    assert_eq!(keys(second), ["c/d/3"]);
}

async fn keys_cannot_leave_the_bucket(lake: &dyn Lake) {
    for key in ["../x", "/etc/passwd", "a/../../x", "a//b", "", "a\\b", "a\0b"] {
        let put = lake.put(Bucket::Raw, key, Bytes::new()).await;
        assert!(matches!(put, Err(LakeError::Key(_))), "{key:?}: {put:?}");
    }
}

async fn deleting_twice_is_fine(lake: &dyn Lake) {
    lake.put(Bucket::Raw, "gone", Bytes::new()).await.expect("put");
    lake.delete(Bucket::Raw, "gone").await.expect("delete");
    lake.delete(Bucket::Raw, "gone").await.expect("delete again");
    assert!(matches!(lake.get(Bucket::Raw, "gone").await, Err(LakeError::NotFound { .. })));
}
