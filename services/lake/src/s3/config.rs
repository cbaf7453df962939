//! Where the store is, and as whom it is used.

use std::fmt;

use crate::Bucket;

/// The region that stores without regions go by.
const DEFAULT_REGION: &str = "us-east-1";

/// Where an object store is, and as whom it is used.
#[derive(Clone)]
pub struct S3Config {
    /// Its address, such as `http://127.0.0.1:9000`; none is Amazon's own for the region.
    pub endpoint: Option<String>,
    /// The region that requests are signed for.
    pub region: String,
    /// The access key; without it requests go unsigned, which public buckets allow.
    pub access_key: Option<String>,
    /// The secret key.
    pub secret_key: Option<String>,
    /// `endpoint/bucket/key` (most servers other than Amazon's need it) instead of `bucket.endpoint/key`.
    pub path_style: bool,
    /// The lake's buckets.
    pub buckets: Buckets,
}

impl Default for S3Config {
    fn default() -> Self {
        Self {
            endpoint: None,
            region: DEFAULT_REGION.to_owned(),
            access_key: None,
            secret_key: None,
            path_style: true,
            buckets: Buckets::default(),
        }
    }
}

impl S3Config {
    /// The address as messages name it.
    pub(crate) fn place(&self) -> String {
        match &self.endpoint {
            Some(endpoint) => endpoint.clone(),
            None => format!("Amazon S3 in {}", self.region),
        }
    }
}

// Neither key is printed.
impl fmt::Debug for S3Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Config")
            .field("endpoint", &self.endpoint)
            .field("region", &self.region)
            .field("signed", &self.access_key.is_some())
            .field("path_style", &self.path_style)
            .field("buckets", &self.buckets)
            .finish_non_exhaustive()
    }
}

/// What the lake's buckets are called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Buckets {
    /// The bucket of [`Bucket::Raw`].
    pub raw: String,
    /// The bucket of [`Bucket::Processed`].
    pub processed: String,
    /// The bucket of [`Bucket::DeadLetter`].
    pub dead_letter: String,
}

impl Default for Buckets {
    fn default() -> Self {
        Self {
            raw: Bucket::Raw.name().to_owned(),
            processed: Bucket::Processed.name().to_owned(),
            dead_letter: Bucket::DeadLetter.name().to_owned(),
        }
    }
}

impl Buckets {
    /// The name of one.
    pub fn name(&self, bucket: Bucket) -> &str {
        match bucket {
            Bucket::Raw => &self.raw,
            Bucket::Processed => &self.processed,
            Bucket::DeadLetter => &self.dead_letter,
        }
    }
}
