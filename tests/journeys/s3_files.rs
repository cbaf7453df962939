//! Objects of an S3 store become tables.

use aws_sdk_s3::{
    Client, Config,
    config::{Credentials, Region},
};
use rfe_proto::metadata::RunState;
use rfe_test_servers::{Minio, S3Server};
use rfe_tests::{
    Platform, Settings,
    fixture::{gzip, parquet},
    grpc::assert_counts,
};

/// A bucket that no other journey has.
struct Bucket {
    server: &'static S3Server,
    sdk: Client,
    name: String,
}

impl Bucket {
    async fn new() -> Self {
        let server = tokio::task::spawn_blocking(Minio::shared).await.expect("MinIO starts");
        let keys = Credentials::new(server.access_key(), server.secret_key(), None, None, "journey");
        let config = Config::builder()
            .region(Region::new(server.region()))
            .endpoint_url(server.endpoint())
            .force_path_style(true)
            .credentials_provider(keys)
            .build();
        let bucket = Self { server, sdk: Client::from_conf(config), name: server.buckets().raw };
        bucket.sdk.create_bucket().bucket(&bucket.name).send().await.expect("the bucket is made");
        bucket
    }

    async fn put(&self, key: &str, bytes: impl Into<Vec<u8>>) {
        let body = bytes.into().into();
        self.sdk.put_object().bucket(&self.name).key(key).body(body).send().await.expect("put");
    }

    fn source(&self, name: &str, kind: &str, key: &str, rest: &str) -> String {
        format!(
            "- name: {name}\n  kind: {kind}\n  config:\n    location: \"s3://{}/{key}\"\n    \
             s3: {{endpoint: \"{}\", access_key: \"${{env:SHOP_KEY}}\", secret_key: \"${{env:SHOP_SECRET}}\"}}\n{rest}",
            self.name,
            self.server.endpoint()
        )
    }

    fn settings(&self) -> Settings {
        Settings::default()
            .with("SHOP_KEY", self.server.access_key())
            .with("SHOP_SECRET", self.server.secret_key())
    }
}

#[tokio::test]
async fn objects_land_and_are_read_once() {
    let bucket = Bucket::new().await;
    bucket.put("sales/2026/01.csv.gz", gzip("id,item\n1,tea\n2,milk\n")).await;
    bucket.put("sales/2026/02 (late).csv.gz", gzip("id,item\n3,salt\n")).await;
    bucket.put("sales/readme.txt", "no table").await;
    bucket.put("people.parquet", parquet(1, 500)).await;
    bucket.put("log.ndjson", "{\"id\": 1, \"place\": {\"room\": 5}}\n{\"id\": 2}\n").await;
    let platform = bucket.settings().start().await;
    let sources = [
        bucket.source("sales", "csv", "sales/**/*.csv.gz", "  mode: append\n"),
        bucket.source("people", "parquet", "people.parquet", ""),
        bucket.source("log", "json", "log.ndjson", ""),
        bucket.source("nothing", "csv", "nothing/*.csv", ""),
        bucket.source("elsewhere", "csv", "a.csv", "").replace(&bucket.name, "no-such-bucket"),
    ];
    platform.apply(&format!("version: 1\nsources:\n{}", sources.concat())).await;

    let preview = platform.rfe(&["preview", "sales"]).await.ok().stdout;
    assert!(preview.contains("tea") && preview.contains("salt"), "{preview}");

    assert_counts(&platform.pulled("sales").await, [3, 3, 0, 0]);
    assert_counts(&platform.pulled("people").await, [500, 500, 0, 0]);
    assert_counts(&platform.pulled("log").await, [2, 2, 0, 0]);
    assert_eq!(platform.value("SELECT sum(p.id) FROM sales s JOIN people p USING (id)").await, "6");
    assert_eq!(platform.value("SELECT place->>'room' FROM log WHERE id = 1").await, "5");
    let file = format!("s3://{}/sales/2026/02 (late).csv.gz", bucket.name);
    assert_eq!(platform.value("SELECT _file FROM raw.sales WHERE id = '3'").await, file);

    assert_counts(&platform.pulled("sales").await, [0, 0, 0, 0]);
    bucket.put("sales/2026/03.csv.gz", gzip("id,item\n4,rice\n")).await;
    assert_counts(&platform.pulled("sales").await, [1, 1, 0, 0]);
    assert_eq!(
        platform.value("SELECT string_agg(item, ' ' ORDER BY id) FROM sales").await,
        "tea milk salt rice"
    );
    assert_counts(&platform.pulled("people").await, [500, 500, 0, 0]);

    for (source, says) in [("nothing", "no object matches"), ("elsewhere", "NoSuchBucket")] {
        let run = platform.pull(source).await;
        assert_eq!(
            (run.state(), run.attempts, run.error_code.as_str()),
            (RunState::Failed, 1, "FILE_NOT_FOUND")
        );
        assert!(run.error.contains(says), "{}", run.error);
    }
    let log = platform.log();
    assert!(!log.contains(&bucket.server.secret_key()), "no secret is logged");
}

#[tokio::test]
async fn without_a_store_of_its_own_a_source_needs_the_platforms() {
    let bucket = Bucket::new().await;
    bucket.put("a.csv", "id\n1\n").await;
    let platform = Platform::start().await;
    let source = |bucket: &str| {
        format!(
            "version: 1\nsources:\n- {{name: a, kind: csv, config: {{location: \"s3://{bucket}/*.csv\"}}}}\n"
        )
    };
    platform.apply(&source(&bucket.name)).await;
    match platform.ground().stores() {
        None => {
            let run = platform.pull("a").await;
            assert_eq!((run.state(), run.attempts), (RunState::Failed, 1), "{run:?}");
            assert!(run.error.contains("config.s3") && run.error.contains("MINIO_ENDPOINT"), "{}", run.error);
        }
        // Its store is the server that the bucket is on.
        Some(real) => {
            assert_counts(&platform.pulled("a").await, [1, 1, 0, 0]);
            platform.apply(&source(&real.buckets().processed)).await;
            let run = platform.pull("a").await;
            assert_eq!(
                (run.state(), run.error_code.as_str()),
                (RunState::Failed, "PATH_NOT_ALLOWED"),
                "{run:?}"
            );
        }
    }
}
