//! The lake on real object stores: MinIO and the Versity gateway, which share no code.

#[path = "s3/client.rs"]
mod client;
#[path = "s3/ground.rs"]
mod ground;
#[path = "s3/outage.rs"]
mod outage;
#[path = "s3/start.rs"]
mod start;

use std::time::Duration;

use rfe_lake::{Bucket, Lake as _, LakeError, S3Lake, conformance};
use rfe_test_servers::{Minio, Versity};

use ground::{config, lake};

#[tokio::test(flavor = "multi_thread")]
async fn a_lake_on_minio_conforms() {
    conformance::run(&lake(Minio::shared()).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lake_on_versitygw_conforms() {
    conformance::run(&lake(Versity::shared()).await).await;
}

#[tokio::test]
async fn objects_are_named_for_a_duckdb_elsewhere() {
    let config = config(Minio::shared());
    let raw = config.buckets.raw.clone();
    let lake = S3Lake::connect(config).await.expect("connect");
    assert_eq!(lake.url(Bucket::Raw, "a/b.parquet"), format!("s3://{raw}/a/b.parquet"));
    assert_eq!(lake.local_path(Bucket::Raw, "a/b.parquet"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_of_crashed_processes_are_swept_and_running_ones_are_not() {
    let lake = lake(Versity::shared()).await;
    assert!(lake.capabilities().lists_uploads, "{:?}", lake.capabilities());
    let folder = tempfile::tempdir().expect("folder");
    let file = folder.path().join("large");
    std::fs::write(&file, vec![7; 200 << 20]).expect("write");
    // Whoever put it stops midway, as in a crash.
    let sum = "0".repeat(64);
    let put = lake.put_file(Bucket::Raw, "large.parquet", &file, &sum);
    let cut = tokio::time::timeout(Duration::from_millis(150), put).await;
    assert!(cut.is_err(), "200 MiB are not put so fast: {cut:?}");
    assert_eq!(lake.abort_stale_uploads(Duration::from_secs(3600)).await.expect("sweep"), 0, "it is young");
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!(lake.sweep(Duration::from_secs(1)).await.expect("sweep"), 1);
    assert_eq!(lake.sweep(Duration::ZERO).await.expect("sweep"), 0);
    let head = lake.head(Bucket::Raw, "large.parquet").await;
    assert!(matches!(head, Err(LakeError::NotFound { .. })), "{head:?}");
}

#[tokio::test]
async fn what_a_crashed_start_tried_out_is_swept_and_nothing_else() {
    let lake = lake(Minio::shared()).await;
    for key in ["_probe/crashed/a", "a/kept"] {
        lake.put(Bucket::Processed, key, "bytes".into()).await.expect("put");
    }
    assert_eq!(lake.sweep(Duration::from_secs(3600)).await.expect("sweep"), 0, "it is young");
    assert_eq!(lake.sweep(Duration::ZERO).await.expect("sweep"), 1);
    let left = lake.list(Bucket::Processed, "", None, 10).await.expect("list");
    assert_eq!(left.iter().map(|object| object.key.as_str()).collect::<Vec<_>>(), ["a/kept"]);
}
