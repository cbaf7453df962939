//! Reading one version of an object, across connections that break.

use std::ops::Range;

use aws_sdk_s3::{Client, operation::get_object::GetObjectOutput, primitives::ByteStream};
use bytes::Bytes;

use super::{
    client::S3Object,
    failure::{Failure, FailureKind, causes},
    sdk,
};
use crate::LakeError;

/// An object that is being read.
pub(super) struct Reading {
    sdk: Client,
    bucket: String,
    key: String,
    etag: Option<String>,
    /// The first byte that is missing still, and the one after the last; the end is known once a server answered.
    next: u64,
    end: Option<u64>,
    whole: bool,
    body: Option<ByteStream>,
    /// Bodies in a row that brought nothing.
    broken: u32,
    object: Option<S3Object>,
}

impl Reading {
    pub fn new(sdk: Client, bucket: &str, key: &str) -> Self {
        Self {
            sdk,
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            etag: None,
            next: 0,
            end: None,
            whole: true,
            body: None,
            broken: 0,
            object: None,
        }
    }

    pub fn range(mut self, range: Option<Range<u64>>) -> Self {
        if let Some(range) = range {
            (self.next, self.end, self.whole) = (range.start, Some(range.end.max(range.start)), false);
        }
        self
    }

    pub fn version(mut self, etag: Option<&str>) -> Self {
        self.etag = etag.filter(|etag| !etag.is_empty()).map(str::to_owned);
        self
    }

    /// What is read, once a server answered.
    pub fn object(&self) -> Option<&S3Object> {
        self.object.as_ref()
    }

    /// The next bytes; nothing at the end.
    pub async fn next(&mut self) -> Result<Option<Bytes>, LakeError> {
        loop {
            let Some(body) = &mut self.body else {
                if self.end.is_some_and(|end| self.next >= end) {
                    return Ok(None);
                }
                self.open().await?;
                continue;
            };
            let cause = match body.next().await {
                Some(Ok(bytes)) if bytes.is_empty() => continue,
                Some(Ok(bytes)) => {
                    self.next += bytes.len() as u64;
                    self.broken = 0;
                    return Ok(Some(bytes));
                }
                None if self.end.is_none_or(|end| self.next >= end) => {
                    self.body = None;
                    self.end = Some(self.next);
                    return Ok(None);
                }
                None => "the body ended early".to_owned(),
                Some(Err(error)) => causes(&error),
            };
            self.body = None;
            self.wait(cause).await?;
        }
    }

    async fn wait(&mut self, cause: String) -> Result<(), LakeError> {
        if self.broken == sdk::BROKEN_BODIES {
            return Err(self.failed(Failure::broken(format!("{cause}, at byte {}", self.next))));
        }
        sdk::pause(self.broken).await;
        self.broken += 1;
        Ok(())
    }

    async fn open(&mut self) -> Result<(), LakeError> {
        let range = self.wanted();
        let ranged = range.is_some();
        let get = self.sdk.get_object().bucket(&self.bucket).key(&self.key);
        let got = get.set_range(range).set_if_match(self.etag.clone()).send().await;
        let got = got.map_err(|error| self.failed(Failure::from(error)))?;
        let size = self.size(&got, ranged)?;
        self.end = Some(self.end.map_or(size, |end| end.min(size)));
        // A server may ignore If-Match; the ETag of its answer tells.
        match (&self.etag, got.e_tag()) {
            (Some(wanted), Some(found)) if wanted != found => {
                return Err(self.failed(Failure::new(FailureKind::Changed, "another ETag")));
            }
            (None, Some(found)) => self.etag = Some(found.to_owned()),
            _ => {}
        }
        if self.object.is_none() {
            let bytes = i64::try_from(size).ok();
            self.object = Some(S3Object::new(&self.key, bytes, got.e_tag(), got.last_modified()));
        }
        self.body = Some(got.body);
        Ok(())
    }

    fn wanted(&self) -> Option<String> {
        match self.end {
            Some(end) if self.next > 0 || !self.whole => Some(format!("bytes={}-{}", self.next, end - 1)),
            None if self.next > 0 => Some(format!("bytes={}-", self.next)),
            _ => None,
        }
    }

    // The size of the whole object; refuses an answer that begins elsewhere than asked.
    fn size(&self, got: &GetObjectOutput, ranged: bool) -> Result<u64, LakeError> {
        let length = got.content_length().and_then(|length| u64::try_from(length).ok());
        if !ranged {
            return length.ok_or_else(|| self.failed(Failure::broken("an answer without Content-Length")));
        }
        let range = got.content_range().unwrap_or_default();
        let parts = range.strip_prefix("bytes ").and_then(|range| range.split_once('/'));
        let begins = parts.and_then(|(range, _)| range.split_once('-')?.0.parse::<u64>().ok());
        match (begins, parts.and_then(|(_, size)| size.parse().ok())) {
            (Some(begins), Some(size)) if begins == self.next => Ok(size),
            _ => Err(self.failed(Failure::broken(format!(
                "asked for bytes from {}, the server sent {range:?}",
                self.next
            )))),
        }
    }

    fn failed(&self, failure: Failure) -> LakeError {
        failure.of(&self.bucket, &self.key)
    }
}
