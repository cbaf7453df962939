#![doc = include_str!("../README.md")]

pub mod conformance;
mod local;

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use bytes::Bytes;

pub use local::LocalLake;

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

/// Why the lake did not do it.
#[derive(Debug, thiserror::Error)]
pub enum LakeError {
    /// No such object.
    #[error("the object `{bucket}/{key}` does not exist")]
    NotFound {
        /// Its bucket.
        bucket: &'static str,
        /// Its key.
        key: String,
    },
    /// The key could leave the bucket.
    #[error("`{0}` is no key: parts of letters, digits and `._=-`, joined by `/`")]
    Key(String),
    /// The object is there, and is another.
    #[error("the object `{bucket}/{key}` was written as {expected} and is {found}")]
    Mismatch {
        /// Its bucket.
        bucket: &'static str,
        /// Its key.
        key: String,
        /// Size or checksum as written.
        expected: String,
        /// As found.
        found: String,
    },
    /// The store can't be reached or refuses; the same call may succeed later.
    #[error("the lake could not be used for `{key}`")]
    Store {
        /// The key.
        key: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
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

    /// Where an object lies as a local file, if this lake is local: DuckDB then reads it in place.
    fn local_path(&self, bucket: Bucket, key: &str) -> Option<PathBuf>;
}
