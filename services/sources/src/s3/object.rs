//! One object, as it was when it was found: another one under its key is an error.

use std::{
    io::{self, Read},
    ops::Range,
    sync::Arc,
};

use bytes::Bytes;
use futures::{StreamExt as _, stream::BoxStream};
use rfe_lake::{LakeError, S3Client, S3Object};
use rfe_model::letter::Stage;
use tokio::runtime::Handle;

use super::store::{changed, failed};
use crate::{ReadError, error::code};

/// Bytes of the first request: enough for a header, or for a preview.
const FIRST_STRETCH: u64 = 1 << 20;
/// Each request asks for twice as many as the one before, up to so many: a body that is open for long breaks off.
const LONGEST_STRETCH: u64 = 32 << 20;

/// Memory that is taken before bytes have come: what a store or a footer says of sizes may be wrong.
const TAKEN_AHEAD: u64 = 16 << 20;
/// No part of an object that is read whole is larger.
const MAX_PART: u64 = 2 << 30;

/// An object that was found.
#[derive(Clone)]
pub(crate) struct Object(Arc<Found>);

struct Found {
    client: S3Client,
    bucket: String,
    label: String,
    object: S3Object,
}

impl std::fmt::Debug for Object {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Object").field("label", &self.0.label).finish_non_exhaustive()
    }
}

impl Object {
    pub(super) fn new(client: S3Client, bucket: &str, label: String, object: S3Object) -> Self {
        Self(Arc::new(Found { client, bucket: bucket.to_owned(), label, object }))
    }

    /// `s3://bucket/key`.
    pub(crate) fn label(&self) -> &str {
        &self.0.label
    }

    /// Its size.
    pub(crate) fn bytes(&self) -> u64 {
        self.0.object.bytes
    }

    /// Its etag.
    pub(crate) fn version(&self) -> &str {
        &self.0.object.etag
    }

    /// Its bytes, while they arrive. They are read on a thread that may block.
    pub(crate) fn open(&self) -> Arriving {
        Arriving::new(self.clone(), 0..self.bytes(), FIRST_STRETCH)
    }

    /// Some of its bytes. Blocks its thread.
    ///
    /// # Errors
    /// A [`ReadError`] within.
    pub(crate) fn read(&self, place: Range<u64>) -> io::Result<Vec<u8>> {
        let length = place.end - place.start;
        if length > MAX_PART {
            return Err(io::Error::other(too_large(self.label(), length)));
        }
        let mut bytes = Vec::with_capacity(length.min(TAKEN_AHEAD) as usize);
        Arriving::new(self.clone(), place, LONGEST_STRETCH).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn ask(&self, place: Range<u64>) -> BoxStream<'static, Result<Bytes, LakeError>> {
        let Found { client, bucket, object, .. } = &*self.0;
        client.read(bucket, &object.key, Some(place), Some(&object.etag))
    }

    fn failed(&self, error: LakeError) -> ReadError {
        match error {
            // It was there when it was found.
            LakeError::NotFound { .. } => changed(self.label()),
            error => failed(self.label(), error),
        }
    }
}

/// Bytes that are arriving, a stretch at a time.
pub(crate) struct Arriving {
    object: Object,
    runtime: Handle,
    /// What is still to come, beyond the bytes at hand.
    left: Range<u64>,
    stretch: u64,
    /// The body of the stretch that is arriving, and where that ends.
    body: Option<(BoxStream<'static, Result<Bytes, LakeError>>, u64)>,
    at_hand: Bytes,
}

impl Arriving {
    fn new(object: Object, left: Range<u64>, stretch: u64) -> Self {
        Self { object, runtime: Handle::current(), left, stretch, body: None, at_hand: Bytes::new() }
    }

    // The next bytes. The client goes on by itself where a body breaks off.
    async fn next(&mut self) -> Result<Bytes, ReadError> {
        let (body, end) = match &mut self.body {
            Some(arriving) => arriving,
            None => {
                let end = self.left.end.min(self.left.start + self.stretch);
                self.stretch = (self.stretch * 2).min(LONGEST_STRETCH);
                self.body.insert((self.object.ask(self.left.start..end), end))
            }
        };
        let end = *end;
        // Once it has sent all of its stretch it is not asked for more.
        let Some(next) = body.next().await else { return Err(cut(self.object.label())) };
        let bytes = next.map_err(|error| self.object.failed(error))?;
        self.left.start += bytes.len() as u64;
        if self.left.start > end {
            return Err(too_much(self.object.label()));
        }
        if self.left.start == end {
            self.body = None;
        }
        Ok(bytes)
    }
}

impl Read for Arriving {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.at_hand.is_empty() {
            if self.left.is_empty() {
                return Ok(0);
            }
            let runtime = self.runtime.clone();
            self.at_hand = runtime.block_on(self.next()).map_err(io::Error::other)?;
        }
        let bytes = self.at_hand.split_to(into.len().min(self.at_hand.len()));
        into[..bytes.len()].copy_from_slice(&bytes);
        Ok(bytes.len())
    }
}

fn too_large(label: &str, length: u64) -> ReadError {
    let message = format!(
        "`{label}` has a part of {} MiB, and at most {} MiB are read at once; write it with smaller row groups",
        length >> 20,
        MAX_PART >> 20
    );
    ReadError::permanent(Stage::Decode, code::RECORD_TOO_LARGE, message)
}

fn cut(label: &str) -> ReadError {
    ReadError::transient(code::CONNECT_FAILED, format!("`{label}` broke off"))
}

fn too_much(label: &str) -> ReadError {
    let message = format!("`{label}`: the store sent more bytes than were asked for; does it know ranges?");
    ReadError::permanent(Stage::Read, code::NOT_A_FILE, message)
}
