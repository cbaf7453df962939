//! The lake in an object store that speaks S3.

mod client;
mod config;
mod failure;
mod fetch;
mod guard;
mod multipart;
mod probe;
mod read;
mod sdk;
mod start;
mod sweep;
mod upload;

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use aws_sdk_s3::Client;
use bytes::Bytes;
use tokio::sync::Semaphore;

use crate::{Bucket, Lake, LakeError, ObjectInfo, key};

pub use client::{S3Client, S3Object};
pub use config::{Buckets, S3Config};
pub use failure::{Failure, FailureKind};
pub use guard::Resolve;
pub use probe::Capabilities;

/// Three buckets of an object store. An object appears whole, or not at all; the store checks each request's checksum.
pub struct S3Lake {
    config: S3Config,
    sdk: Client,
    client: S3Client,
    capabilities: Capabilities,
    /// MiB that bodies on their way to the store may hold in memory, all uploads together.
    memory: Arc<Semaphore>,
}

impl S3Lake {
    /// Connects: makes the buckets that are missing and tries out in them what a lake needs. Several processes may do so at once.
    ///
    /// # Errors
    /// [`LakeError::Setup`] if the store can't be reached, refuses the keys, or lacks what a lake needs; it says which, and
    /// what to mend.
    pub async fn connect(config: S3Config) -> Result<Self, LakeError> {
        start::connect(config).await
    }

    /// What the store was found to be capable of.
    pub fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn bucket(&self, bucket: Bucket) -> &str {
        self.config.buckets.name(bucket)
    }
}

impl fmt::Debug for S3Lake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Lake")
            .field("config", &self.config)
            .field("capabilities", &self.capabilities)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Lake for S3Lake {
    async fn put_file(&self, bucket: Bucket, key: &str, file: &Path, sha256: &str) -> Result<(), LakeError> {
        key::check(key)?;
        self.upload(self.bucket(bucket), key).file(file, sha256).await
    }

    async fn put(&self, bucket: Bucket, key: &str, bytes: Bytes) -> Result<(), LakeError> {
        key::check(key)?;
        self.upload(self.bucket(bucket), key).bytes(bytes).await
    }

    async fn get(&self, bucket: Bucket, key: &str) -> Result<Bytes, LakeError> {
        key::check(key)?;
        self.client.get(self.bucket(bucket), key).await
    }

    async fn fetch(
        &self,
        bucket: Bucket,
        key: &str,
        to: &Path,
        sha256: Option<&str>,
    ) -> Result<ObjectInfo, LakeError> {
        key::check(key)?;
        let object = fetch::fetch(&self.client, self.bucket(bucket), key, to, sha256).await?;
        Ok(object.into())
    }

    async fn head(&self, bucket: Bucket, key: &str) -> Result<ObjectInfo, LakeError> {
        key::check(key)?;
        Ok(self.client.head(self.bucket(bucket), key).await?.into())
    }

    async fn list(
        &self,
        bucket: Bucket,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<ObjectInfo>, LakeError> {
        let objects = self.client.list(self.bucket(bucket), prefix, after, limit).await?;
        Ok(objects.into_iter().map(ObjectInfo::from).collect())
    }

    async fn delete(&self, bucket: Bucket, key: &str) -> Result<(), LakeError> {
        key::check(key)?;
        self.client.delete(self.bucket(bucket), key).await
    }

    async fn sweep(&self, older_than: Duration) -> Result<u64, LakeError> {
        Ok(self.abort_stale_uploads(older_than).await? + self.delete_stale_probes(older_than).await?)
    }

    fn local_path(&self, _: Bucket, _: &str) -> Option<PathBuf> {
        None
    }

    fn url(&self, bucket: Bucket, key: &str) -> String {
        format!("s3://{}/{key}", self.bucket(bucket))
    }
}
