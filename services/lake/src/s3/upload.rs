//! Putting objects, verified by the store as they arrive and by their size and checksum as they lie there.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use aws_sdk_s3::{operation::head_object::HeadObjectOutput, primitives::ByteStream, types::ChecksumMode};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{S3Lake, failure::Failure, sdk};
use crate::LakeError;

pub(super) const MIB: u64 = 1 << 20;
/// Up to so many bytes go in one request, more in parts.
const ONE_REQUEST: u64 = 16 * MIB;
/// MiB that all bodies together may hold.
pub(super) const MEMORY: u32 = 96;

/// An object that is being put.
#[derive(Clone, Copy)]
pub(super) struct Upload<'a> {
    pub lake: &'a S3Lake,
    pub bucket: &'a str,
    pub key: &'a str,
}

/// What lies in the store if all went well.
pub(super) struct Stored {
    pub bytes: u64,
    /// As the store computes it: SHA-256 in base64, `-` and the number of parts behind it if they are hashed apart.
    pub checksum: String,
}

impl S3Lake {
    pub(super) fn upload<'a>(&'a self, bucket: &'a str, key: &'a str) -> Upload<'a> {
        Upload { lake: self, bucket, key }
    }
}

impl Upload<'_> {
    /// Puts a file of a known SHA-256 (hex).
    pub async fn file(self, path: &Path, sha256: &str) -> Result<(), LakeError> {
        let opened = path.to_owned();
        let file = blocking(move || {
            let file = File::open(opened)?;
            let bytes = file.metadata()?.len();
            Ok((file, bytes))
        });
        let (file, bytes) = file.await.map_err(|error| self.local(path, &error))?;
        if bytes > ONE_REQUEST {
            let stored = self.parts(path, file, bytes, sha256).await?;
            self.verify(&stored).await
        } else {
            self.whole(path, file, bytes, sha256).await
        }
    }

    async fn whole(self, path: &Path, file: File, bytes: u64, sha256: &str) -> Result<(), LakeError> {
        let _held = self.hold(bytes).await?;
        let body = blocking(move || Chunk::read(&file, bytes)).await;
        let body = body.map_err(|error| self.local(path, &error))?;
        self.check_file(sha256, &hex::encode(body.sha256))?;
        self.one(body).await
    }

    /// Puts bytes that lie in memory anyhow.
    pub async fn bytes(self, bytes: Bytes) -> Result<(), LakeError> {
        let sha256 = Sha256::digest(&bytes).into();
        self.one(Chunk { bytes, sha256 }).await
    }

    async fn one(self, chunk: Chunk) -> Result<(), LakeError> {
        let stored = Stored { bytes: chunk.bytes.len() as u64, checksum: chunk.checksum() };
        let put = self.lake.sdk.put_object().bucket(self.bucket).key(self.key);
        let checksums = self.lake.capabilities.checksums;
        let put = put.set_checksum_sha256(checksums.then(|| stored.checksum.clone()));
        let put = put.body(ByteStream::from(chunk.bytes)).customize();
        let put = put.config_override(sdk::with_body(stored.bytes));
        // The checksum is signed, so the store need not hash the body twice.
        let put = if checksums { put.disable_payload_signing() } else { put };
        let put = put.send().await.map_err(|error| self.failed(error))?;
        // The store's own checksum in its answer says all that asking for it would, and asking costs as much as a small put.
        match put.checksum_sha256() {
            Some(found) if found == stored.checksum => Ok(()),
            _ => self.verify(&stored).await,
        }
    }

    // What the store says of the object must be what was sent.
    async fn verify(self, stored: &Stored) -> Result<(), LakeError> {
        let head = self.lake.sdk.head_object().bucket(self.bucket).key(self.key);
        let head = head.set_checksum_mode(self.lake.capabilities.checksums.then_some(ChecksumMode::Enabled));
        let head = head.send().await.map_err(|error| self.failed(error))?;
        let found = head.content_length().and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or_default();
        if found != stored.bytes {
            return Err(self.mismatch(format!("{} bytes", stored.bytes), format!("{found} bytes")));
        }
        match differing(&head, &stored.checksum) {
            Some(found) => Err(self.mismatch(format!("SHA-256 {}", stored.checksum), found)),
            None => Ok(()),
        }
    }

    /// The local file must be the one that was promised.
    pub fn check_file(self, expected: &str, found: &str) -> Result<(), LakeError> {
        if expected == found {
            return Ok(());
        }
        Err(self.mismatch(expected.to_owned(), format!("{found} in the local file")))
    }

    /// Waits until the memory of so many bytes is free.
    pub async fn hold(self, bytes: u64) -> Result<OwnedSemaphorePermit, LakeError> {
        let mib = u32::try_from(bytes.div_ceil(MIB)).unwrap_or(MEMORY).min(MEMORY);
        let held = Semaphore::acquire_many_owned(self.lake.memory.clone(), mib).await;
        held.map_err(|closed| Failure::broken(closed.to_string()).of(self.bucket, self.key))
    }

    pub fn failed(self, failure: impl Into<Failure>) -> LakeError {
        failure.into().of(self.bucket, self.key)
    }

    pub fn local(self, path: &Path, error: &io::Error) -> LakeError {
        self.failed(Failure::local(path, error))
    }

    fn mismatch(self, expected: String, found: String) -> LakeError {
        LakeError::Mismatch { bucket: self.bucket.to_owned(), key: self.key.to_owned(), expected, found }
    }
}

// The checksum that the store keeps, if it keeps one and it is not the expected one.
fn differing(head: &HeadObjectOutput, expected: &str) -> Option<String> {
    let found = head.checksum_sha256()?;
    (found != expected).then(|| format!("SHA-256 {found}"))
}

/// Bytes of one request.
pub(super) struct Chunk {
    pub bytes: Bytes,
    pub sha256: [u8; 32],
}

impl Chunk {
    /// Reads so many bytes, no fewer.
    pub fn read(mut from: impl Read, bytes: u64) -> io::Result<Self> {
        let size = usize::try_from(bytes).map_err(io::Error::other)?;
        let mut read = vec![0; size];
        from.read_exact(&mut read)?;
        let sha256 = Sha256::digest(&read).into();
        Ok(Self { bytes: read.into(), sha256 })
    }

    /// As S3 writes it.
    pub fn checksum(&self) -> String {
        BASE64.encode(self.sha256)
    }
}

pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}
