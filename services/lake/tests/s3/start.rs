//! Start-up: what is found out, and what is said when it can't work.

use std::time::{Duration, Instant};

use bytes::Bytes;
use rfe_lake::{Bucket, Buckets, Lake as _, LakeError, S3Config, S3Lake};
use rfe_test_servers::{Minio, Versity};

use crate::ground::{config, lake};

async fn refusal(config: S3Config) -> String {
    match S3Lake::connect(config).await {
        Err(LakeError::Setup(message)) => message,
        connected => panic!("{connected:?}"),
    }
}

#[tokio::test]
async fn a_start_finds_out_what_the_store_can_do() {
    for server in [Minio::shared(), Versity::shared()] {
        let lake = lake(server).await;
        assert!(lake.capabilities().checksums, "{lake:?}");
        assert!(lake.capabilities().keeps_checksums, "{lake:?}");
        assert!(lake.capabilities().matches_etags, "{lake:?}");
    }
}

#[tokio::test]
async fn a_start_leaves_nothing_behind() {
    for server in [Minio::shared(), Versity::shared()] {
        let lake = lake(server).await;
        for bucket in Bucket::ALL {
            assert_eq!(lake.list(bucket, "", None, 10).await.expect("list"), []);
        }
        assert_eq!(lake.sweep(Duration::ZERO).await.expect("sweep"), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_processes_start_on_the_same_fresh_store() {
    for server in [Minio::shared(), Versity::shared()] {
        let config = config(server);
        let starts = (0..8).map(|_| S3Lake::connect(config.clone()));
        for started in futures::future::join_all(starts).await {
            started.expect("connect beside others");
        }
    }
}

#[tokio::test]
async fn a_second_start_finds_the_objects_of_the_first() {
    let config = config(Versity::shared());
    let first = S3Lake::connect(config.clone()).await.expect("connect");
    first.put(Bucket::Raw, "kept", Bytes::from_static(b"kept")).await.expect("put");
    let second = S3Lake::connect(config).await.expect("connect again");
    assert_eq!(second.get(Bucket::Raw, "kept").await.expect("get"), "kept");
}

#[tokio::test]
async fn unknown_keys_are_named_as_what_is_wrong() {
    for server in [Minio::shared(), Versity::shared()] {
        let secret = S3Config { secret_key: Some("wrong".to_owned()), ..config(server) };
        let access = S3Config { access_key: Some("nobody".to_owned()), ..config(server) };
        for config in [secret, access] {
            let message = refusal(config).await;
            assert!(message.contains("MINIO_SECRET_KEY"), "{message}");
            assert!(message.contains(&server.endpoint()), "{message}");
            assert!(!message.contains("rfe-test-secret"), "{message}");
        }
    }
}

#[tokio::test]
async fn another_region_is_named() {
    let elsewhere = S3Config { region: "eu-central-7".to_owned(), ..config(Versity::shared()) };
    let message = refusal(elsewhere).await;
    assert!(message.contains("not in the region `eu-central-7` (RFE_S3_REGION)"), "{message}");
    assert!(message.contains("us-east-1"), "the store names its own: {message}");
}

#[tokio::test]
async fn keys_that_are_missing_are_named() {
    let none = S3Config { access_key: None, secret_key: None, ..config(Minio::shared()) };
    let message = refusal(none).await;
    assert!(message.contains("MINIO_ACCESS_KEY"), "{message}");
    let half = refusal(S3Config { secret_key: None, ..config(Minio::shared()) }).await;
    assert_eq!(half, "an access key is set and no secret key");
}

#[tokio::test]
async fn an_address_where_nobody_listens_is_named_within_seconds() {
    let begun = Instant::now();
    let nowhere = S3Config { endpoint: Some("http://127.0.0.1:9".to_owned()), ..config(Minio::shared()) };
    let message = refusal(nowhere).await;
    assert!(message.contains("http://127.0.0.1:9 (MINIO_ENDPOINT) can't be reached"), "{message}");
    assert!(message.contains("Connection refused"), "{message}");
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn an_address_that_is_none_is_named() {
    for address in ["127.0.0.1:9000", "ftp://127.0.0.1", "http://", "minio"] {
        let endpoint = S3Config { endpoint: Some(address.to_owned()), ..config(Minio::shared()) };
        let message = refusal(endpoint).await;
        assert!(message.contains(&format!("`{address}` is no address")), "{message}");
    }
}

#[tokio::test]
async fn the_buckets_must_be_three() {
    let config = config(Minio::shared());
    let buckets = Buckets { raw: config.buckets.processed.clone(), ..config.buckets.clone() };
    let message = refusal(S3Config { buckets, ..config }).await;
    assert!(message.contains("must be three") && message.contains("MINIO_BUCKET_RAW"), "{message}");
}

#[tokio::test]
async fn a_server_that_is_no_object_store_is_refused() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("listen");
    let address = listener.local_addr().expect("address");
    let serve = async move {
        loop {
            let (mut stream, _) = listener.accept().await.expect("accept");
            tokio::spawn(async move {
                use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
                let mut request = [0; 4096];
                while stream.read(&mut request).await.is_ok_and(|read| read > 0) {
                    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
                    if stream.write_all(answer).await.is_err() {
                        break;
                    }
                }
            });
        }
    };
    let server = tokio::spawn(serve);
    let endpoint = Some(format!("http://{address}"));
    let message = refusal(S3Config { endpoint, ..config(Minio::shared()) }).await;
    assert!(message.contains(&address.to_string()), "{message}");
    server.abort();
}
