//! Reading buckets as sources do.

use std::{io, net::IpAddr, ops::Range, sync::Arc, time::Instant};

use async_trait::async_trait;
use aws_sdk_s3::{
    Client, Config,
    config::{Credentials, Region},
};
use bytes::Bytes;
use futures::TryStreamExt as _;
use rfe_lake::{Bucket, FailureKind, Lake as _, LakeError, Resolve, S3Client, S3Config, S3Lake};
use rfe_test_servers::{Minio, S3Server, Versity};

use crate::ground::config;

/// A bucket with one object `digits`.
async fn bucket(server: &S3Server) -> (S3Config, String) {
    let config = config(server);
    let lake = S3Lake::connect(config.clone()).await.expect("connect");
    lake.put(Bucket::Raw, "digits", Bytes::from_static(b"0123456789")).await.expect("put");
    let name = config.buckets.raw.clone();
    (config, name)
}

async fn text(
    client: &S3Client,
    bucket: &str,
    range: Option<Range<u64>>,
    etag: Option<&str>,
) -> Result<String, LakeError> {
    let chunks: Vec<Bytes> = client.read(bucket, "digits", range, etag).try_collect().await?;
    Ok(String::from_utf8(chunks.concat()).expect("text"))
}

#[tokio::test]
async fn ranges_of_an_object_are_read() {
    for server in [Minio::shared(), Versity::shared()] {
        let (config, bucket) = bucket(server).await;
        let client = S3Client::new(&config, None).expect("client");
        for (range, expected) in [
            (None, "0123456789"),
            (Some(0..10), "0123456789"),
            (Some(3..5), "34"),
            (Some(8..100), "89"),
            (Some(4..4), ""),
        ] {
            assert_eq!(
                text(&client, &bucket, range.clone(), None).await.expect("read"),
                expected,
                "{range:?}"
            );
        }
    }
}

#[tokio::test]
async fn an_object_that_changed_is_not_read_as_the_one_that_was_listed() {
    for server in [Minio::shared(), Versity::shared()] {
        let (config, bucket) = bucket(server).await;
        let client = S3Client::new(&config, None).expect("client");
        let listed = client.list(&bucket, "", None, 10).await.expect("list").remove(0);
        assert_eq!((listed.key.as_str(), listed.bytes), ("digits", 10));
        assert_eq!(client.head(&bucket, "digits").await.expect("head").etag, listed.etag);
        let read = text(&client, &bucket, Some(2..4), Some(&listed.etag)).await;
        assert_eq!(read.expect("unchanged"), "23");
        let lake = S3Lake::connect(config).await.expect("connect");
        lake.put(Bucket::Raw, "digits", Bytes::from_static(b"abcdefghij")).await.expect("put");
        let read = text(&client, &bucket, Some(2..4), Some(&listed.etag)).await;
        assert!(matches!(read, Err(LakeError::Changed { .. })), "{read:?}");
    }
}

#[tokio::test]
async fn what_is_missing_is_told_apart() {
    for server in [Minio::shared(), Versity::shared()] {
        let (config, bucket) = bucket(server).await;
        let client = S3Client::new(&config, None).expect("client");
        let object = client.head(&bucket, "missing").await;
        assert!(matches!(object, Err(LakeError::NotFound { .. })), "{object:?}");
        let read = client.read(&bucket, "missing", None, None).try_collect::<Vec<_>>().await;
        assert!(matches!(read, Err(LakeError::NotFound { .. })), "{read:?}");
        let listed = client.list("no-such-bucket-anywhere", "", None, 1).await;
        assert_eq!(kind(listed.expect_err("no bucket")), FailureKind::NoBucket);
    }
}

fn kind(error: LakeError) -> FailureKind {
    match error {
        LakeError::Store { source, .. } => {
            source.downcast_ref::<rfe_lake::Failure>().expect("a failure of the store").kind()
        }
        error => panic!("{error:?}"),
    }
}

#[tokio::test]
async fn keys_of_other_people_are_listed_and_read_whatever_is_in_them() {
    for server in [Minio::shared(), Versity::shared()] {
        let (config, bucket) = bucket(server).await;
        let client = S3Client::new(&config, None).expect("client");
        let keys =
            ["in/1 & 2 <x>.csv", "in/a+b=c%20d.csv", "in/datum=2026-01-01/\u{fc}bung.csv", "in/it's (1).csv"];
        for key in keys {
            put_as_anybody(&config, &bucket, key).await;
        }
        let listed = client.list(&bucket, "in/", None, 10).await.expect("list");
        assert_eq!(listed.iter().map(|object| object.key.as_str()).collect::<Vec<_>>(), keys);
        let after = client.list(&bucket, "in/", Some(keys[1]), 10).await.expect("list");
        assert_eq!(after, listed[2..]);
        for object in listed {
            assert_eq!(client.head(&bucket, &object.key).await.expect("head").bytes, object.bytes);
            let read = client.read(&bucket, &object.key, None, Some(&object.etag));
            assert_eq!(read.try_collect::<Vec<_>>().await.expect("read").concat(), object.key.as_bytes());
        }
    }
}

// The lake refuses such keys.
async fn put_as_anybody(config: &S3Config, bucket: &str, key: &str) {
    let put = sdk(config).put_object().bucket(bucket).key(key);
    put.body(key.as_bytes().to_vec().into()).send().await.expect("put");
}

fn sdk(config: &S3Config) -> Client {
    let keys = config.access_key.clone().zip(config.secret_key.clone()).expect("keys");
    let sdk = Config::builder().behavior_version_latest().force_path_style(true);
    let sdk = sdk
        .region(Region::new(config.region.clone()))
        .endpoint_url(config.endpoint.clone().expect("endpoint"));
    Client::from_conf(sdk.credentials_provider(Credentials::new(keys.0, keys.1, None, None, "test")).build())
}

#[tokio::test]
async fn a_public_bucket_is_read_without_keys_and_a_private_one_is_not() {
    let (config, bucket) = bucket(Minio::shared()).await;
    let anonymous = S3Config { access_key: None, secret_key: None, ..config.clone() };
    let client = S3Client::new(&anonymous, None).expect("client");
    let error = client.list(&bucket, "", None, 1).await.expect_err("private");
    assert_eq!(kind(error), FailureKind::Denied);
    let policy = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":"*",
        "Action":["s3:GetObject","s3:ListBucket"],"Resource":["arn:aws:s3:::{bucket}","arn:aws:s3:::{bucket}/*"]}}]}}"#
    );
    sdk(&config).put_bucket_policy().bucket(&bucket).policy(policy).send().await.expect("policy");
    assert_eq!(client.list(&bucket, "", None, 1).await.expect("list")[0].key, "digits");
    assert_eq!(text(&client, &bucket, None, None).await.expect("read"), "0123456789");
}

/// Allows one address and knows one name.
#[derive(Debug)]
struct Only(IpAddr);

#[async_trait]
impl Resolve for Only {
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        let literal = host.trim_matches(['[', ']']).parse::<IpAddr>();
        if host == "store.example" || literal == Ok(self.0) {
            return Ok(vec![self.0]);
        }
        Err(io::Error::new(io::ErrorKind::PermissionDenied, format!("`{host}` is private")))
    }
}

#[tokio::test]
async fn a_resolver_decides_where_connections_go() {
    let server = Minio::shared();
    let (config, bucket) = bucket(server).await;
    let here = || -> Arc<dyn Resolve> { Arc::new(Only([127, 0, 0, 1].into())) };
    for host in ["store.example", "127.0.0.1"] {
        let endpoint = Some(format!("http://{host}:{}", server.port()));
        let client = S3Client::new(&S3Config { endpoint, ..config.clone() }, Some(here())).expect("client");
        assert_eq!(text(&client, &bucket, None, None).await.expect(host), "0123456789");
    }
}

#[tokio::test]
async fn a_host_that_a_resolver_refuses_is_not_tried_again() {
    let server = Minio::shared();
    let (config, bucket) = bucket(server).await;
    let elsewhere = || -> Arc<dyn Resolve> { Arc::new(Only([127, 0, 0, 2].into())) };
    for host in ["localhost", "127.0.0.1", "[::1]", "2130706433", "0x7f.1", "169.254.169.254"] {
        let begun = Instant::now();
        let endpoint = Some(format!("http://{host}:{}", server.port()));
        let client =
            S3Client::new(&S3Config { endpoint, ..config.clone() }, Some(elsewhere())).expect("client");
        let error = client.list(&bucket, "", None, 1).await.expect_err(host);
        assert!(begun.elapsed().as_millis() < 500, "{host}: {:?}", begun.elapsed());
        assert_eq!(kind(error), FailureKind::HostRefused, "{host}");
    }
}
