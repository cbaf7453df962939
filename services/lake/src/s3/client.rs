//! Objects of any bucket: the lake's own, and those that sources are read from.

use std::{fmt, ops::Range, sync::Arc};

use aws_sdk_s3::{Client, primitives::DateTime, types::ChecksumMode};
use bytes::Bytes;
use futures::stream::BoxStream;

use super::{
    config::S3Config,
    failure::{Failure, causes},
    guard::Resolve,
    read::Reading,
    sdk::{self, Patience},
};
use crate::{LakeError, ObjectInfo};

/// The most keys that a server lists at once.
const PAGE: usize = 1000;

/// An object, as its store describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct S3Object {
    /// Its key.
    pub key: String,
    /// Bytes.
    pub bytes: u64,
    /// Changes when the content does; empty where a server has none.
    pub etag: String,
    /// When it was written, in µs since the Unix epoch.
    pub modified_micros: i64,
}

impl S3Object {
    pub(super) fn new(
        key: &str,
        bytes: Option<i64>,
        etag: Option<&str>,
        modified: Option<&DateTime>,
    ) -> Self {
        Self {
            key: key.to_owned(),
            bytes: bytes.and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or_default(),
            etag: etag.unwrap_or_default().to_owned(),
            modified_micros: modified
                .map(|at| at.secs() * 1_000_000 + i64::from(at.subsec_nanos() / 1000))
                .unwrap_or_default(),
        }
    }
}

impl From<S3Object> for ObjectInfo {
    fn from(object: S3Object) -> Self {
        Self { key: object.key, bytes: object.bytes, modified_micros: object.modified_micros }
    }
}

/// Reads buckets. Requests that fail in passing are tried again, with backoff, for some seconds.
#[derive(Clone)]
pub struct S3Client {
    sdk: Client,
}

impl S3Client {
    /// A client of a store; it connects when it is used. With a resolver, it connects only to addresses that the resolver
    /// gives for the host, be the host a name or an address; that is for endpoints which users name.
    ///
    /// # Errors
    /// [`LakeError::Setup`] if the endpoint is no URL, or only one of the keys is given.
    pub fn new(config: &S3Config, resolver: Option<Arc<dyn Resolve>>) -> Result<Self, LakeError> {
        Ok(Self::of(sdk::client(config, resolver, Patience::Working)?))
    }

    pub(super) fn of(sdk: Client) -> Self {
        Self { sdk }
    }

    pub(super) fn sdk(&self) -> &Client {
        &self.sdk
    }

    /// Lists objects whose keys begin with `prefix`, by key, after `after`, at most `limit`.
    ///
    /// # Errors
    /// [`LakeError::Store`] if the bucket is missing, may not be listed, or the store fails.
    pub async fn list(
        &self,
        bucket: &str,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<S3Object>, LakeError> {
        let mut objects: Vec<S3Object> = Vec::new();
        let mut next = None;
        while objects.len() < limit {
            let most = PAGE.min(limit - objects.len());
            let page = self.sdk.list_objects_v2().bucket(bucket).prefix(prefix).max_keys(most as i32);
            // A server takes one or the other.
            let page = match &next {
                Some(_) => page.set_continuation_token(next),
                None => page.set_start_after(after.map(str::to_owned)),
            };
            let page = page.send().await.map_err(|error| Failure::from(error).of_bucket(bucket, prefix))?;
            let listed = page.contents().iter().filter_map(|object| {
                Some(S3Object::new(object.key()?, object.size(), object.e_tag(), object.last_modified()))
            });
            objects.extend(listed);
            next = page.next_continuation_token.filter(|_| page.is_truncated == Some(true));
            if next.is_none() {
                break;
            }
        }
        objects.truncate(limit);
        Ok(objects)
    }

    /// Describes an object.
    ///
    /// # Errors
    /// [`LakeError::NotFound`], or [`LakeError::Store`] if the store fails or refuses.
    pub async fn head(&self, bucket: &str, key: &str) -> Result<S3Object, LakeError> {
        let head = self.sdk.head_object().bucket(bucket).key(key).send().await;
        let head = head.map_err(|error| Failure::from(error).of(bucket, key))?;
        Ok(S3Object::new(key, head.content_length(), head.e_tag(), head.last_modified()))
    }

    /// Reads an object, or the bytes of a range of it (fewer if it ends before). A connection that breaks midway is resumed
    /// where it broke. With an ETag only that version is read: a changed object is [`LakeError::Changed`]. Without one, it
    /// is the version that is there when reading begins.
    pub fn read(
        &self,
        bucket: &str,
        key: &str,
        range: Option<Range<u64>>,
        etag: Option<&str>,
    ) -> BoxStream<'static, Result<Bytes, LakeError>> {
        let reading = Reading::new(self.sdk.clone(), bucket, key).range(range).version(etag);
        Box::pin(futures::stream::try_unfold(reading, |mut reading| async move {
            Ok(reading.next().await?.map(|bytes| (bytes, reading)))
        }))
    }

    /// Reads an object whole, checking the checksum that the store keeps, if any; for small ones.
    pub(super) async fn get(&self, bucket: &str, key: &str) -> Result<Bytes, LakeError> {
        let mut tries = 0;
        loop {
            let get = self.sdk.get_object().bucket(bucket).key(key).checksum_mode(ChecksumMode::Enabled);
            let got = get.send().await.map_err(|error| Failure::from(error).of(bucket, key))?;
            match got.body.collect().await {
                Ok(body) => return Ok(body.into_bytes()),
                Err(error) if tries == sdk::BROKEN_BODIES => {
                    return Err(Failure::broken(causes(&error)).of(bucket, key));
                }
                Err(_) => sdk::pause(tries).await,
            }
            tries += 1;
        }
    }

    /// Deletes an object; one that is not there is fine.
    pub(super) async fn delete(&self, bucket: &str, key: &str) -> Result<(), LakeError> {
        match self.sdk.delete_object().bucket(bucket).key(key).send().await {
            Ok(_) => Ok(()),
            Err(error) => match Failure::from(error).of(bucket, key) {
                LakeError::NotFound { .. } => Ok(()),
                error => Err(error),
            },
        }
    }
}

impl fmt::Debug for S3Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Client").finish_non_exhaustive()
    }
}
