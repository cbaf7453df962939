#![doc = include_str!("../README.md")]

pub mod conformance;
mod digest;
mod error;
mod key;
mod local;
mod s3;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;

pub use error::LakeError;
pub use local::LocalLake;
pub use s3::{Buckets, Capabilities, Failure, FailureKind, Resolve, S3Client, S3Config, S3Lake, S3Object};

/// A bucket (CONTRACT §9).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Bucket {
    /// What was read, lossless.
    Raw,
    /// Typed rows.
    Processed,
    /// Dead letters.
    DeadLetter,
}

impl Bucket {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Raw, Self::Processed, Self::DeadLetter];

    /// Its name, unless configured otherwise.
    pub fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Processed => "processed",
            Self::DeadLetter => "dead-letter",
        }
    }
}

/// What an object is, measured where it lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectInfo {
    /// Its key.
    pub key: String,
    /// Bytes.
    pub bytes: u64,
    /// When it was written, in µs since the Unix epoch.
    pub modified_micros: i64,
}

/// Immutable objects. It never decides what is visible: the registry does.
#[async_trait]
pub trait Lake: Send + Sync + std::fmt::Debug {
    /// Stores a local file under a key, durable when it returns, and verifies size and SHA-256 (hex) of what lies there. The
    /// file may be moved away by this. Storing the same bytes again is fine.
    async fn put_file(&self, bucket: Bucket, key: &str, file: &Path, sha256: &str) -> Result<(), LakeError>;

    /// Stores bytes under a key, durable when it returns.
    async fn put(&self, bucket: Bucket, key: &str, bytes: Bytes) -> Result<(), LakeError>;

    /// Reads an object whole; for small ones.
    async fn get(&self, bucket: Bucket, key: &str) -> Result<Bytes, LakeError>;

    /// Streams an object into a local file with bounded memory and checks its size, and its SHA-256 (hex) if given. A file that
    /// was there is replaced; nothing is left there if this fails. The file is not synced: it can be fetched again.
    async fn fetch(
        &self,
        bucket: Bucket,
        key: &str,
        to: &Path,
        sha256: Option<&str>,
    ) -> Result<ObjectInfo, LakeError>;

    /// Measures an object.
    async fn head(&self, bucket: Bucket, key: &str) -> Result<ObjectInfo, LakeError>;

    /// Lists keys that begin with `prefix`, by key, after `after`, at most `limit`. Never to decide what is visible.
    async fn list(
        &self,
        bucket: Bucket,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<ObjectInfo>, LakeError>;

    /// Deletes an object; one that is not there is fine.
    async fn delete(&self, bucket: Bucket, key: &str) -> Result<(), LakeError>;

    /// Removes what crashed processes left half written (temporary files, unfinished uploads) and that is older than
    /// `older_than`; says how much it was. Give it longer than any upload takes.
    async fn sweep(&self, older_than: Duration) -> Result<u64, LakeError>;

    /// Where an object lies as a local file, if this lake is local: DuckDB then reads it in place.
    fn local_path(&self, bucket: Bucket, key: &str) -> Option<PathBuf>;

    /// What a person's DuckDB reads an object by: `s3://bucket/key`, or the absolute path of the file.
    fn url(&self, bucket: Bucket, key: &str) -> String;
}
