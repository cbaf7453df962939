//! A bucket of a real store.

use std::{collections::BTreeMap, sync::Arc};

use aws_sdk_s3::{
    Client, Config,
    config::{Credentials, Region},
};
use futures::{StreamExt as _, stream};
use rfe_lake::{Buckets, S3Config};
use rfe_model::SourceSpec;
use rfe_sources::ReadContext;
use rfe_test_servers::{Minio, S3Server, Versity};
use serde_json::{Value as Json, json};

use crate::desk::{Secrets, context, spec};

/// A bucket that no other test has.
pub struct Bucket {
    server: &'static S3Server,
    sdk: Client,
    pub name: String,
}

impl Bucket {
    /// One on MinIO.
    pub async fn new() -> Self {
        Self::on(Minio::shared).await
    }

    /// One on a server of another make.
    pub async fn elsewhere() -> Self {
        Self::on(Versity::shared).await
    }

    async fn on(server: fn() -> &'static S3Server) -> Self {
        let server = tokio::task::spawn_blocking(server).await.expect("the server starts");
        let keys = Credentials::new(server.access_key(), server.secret_key(), None, None, "test");
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

    pub async fn put(&self, key: &str, bytes: impl AsRef<[u8]>) {
        let body = bytes.as_ref().to_vec().into();
        self.sdk.put_object().bucket(&self.name).key(key).body(body).send().await.expect("put");
    }

    pub async fn put_all(&self, objects: Vec<(String, String)>) {
        stream::iter(objects)
            .for_each_concurrent(32, |(key, text)| async move { self.put(&key, text).await })
            .await;
    }

    pub fn location(&self, key: &str) -> String {
        format!("s3://{}/{key}", self.name)
    }

    pub fn endpoint(&self) -> String {
        self.server.endpoint()
    }

    /// `config.s3`.
    pub fn access(&self) -> Json {
        json!({"endpoint": self.endpoint(), "access_key": "${env:ACCESS}", "secret_key": "${env:SECRET}"})
    }

    pub fn spec(&self, kind: &str, key: &str) -> SourceSpec {
        spec(kind, json!({"location": self.location(key), "s3": self.access()}))
    }

    /// Where the references of `access` resolve.
    pub fn context(&self) -> ReadContext {
        self.context_with(&self.server.secret_key())
    }

    pub fn context_with(&self, secret: &str) -> ReadContext {
        let keys = [("ACCESS", self.server.access_key()), ("SECRET", secret.to_owned())];
        let keys: BTreeMap<String, String> =
            keys.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        ReadContext { secrets: Arc::new(Secrets(keys)), ..context(Vec::new()) }
    }

    /// The platform's own store: this server, with other buckets for the lake.
    pub fn own_store(&self) -> S3Config {
        S3Config {
            endpoint: Some(self.endpoint()),
            access_key: Some(self.server.access_key()),
            secret_key: Some(self.server.secret_key()),
            buckets: Buckets {
                raw: "lake-raw".to_owned(),
                processed: "lake-processed".to_owned(),
                dead_letter: "lake-letters".to_owned(),
            },
            ..S3Config::default()
        }
    }
}
