//! Large files go in parts, few of which are in memory at once.

use std::{fs::File, path::Path};

use aws_sdk_s3::{
    primitives::ByteStream,
    types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart},
};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use futures::{StreamExt as _, stream::FuturesUnordered};
use sha2::{Digest as _, Sha256};
use tokio::sync::OwnedSemaphorePermit;

use super::{
    failure::{Failure, FailureKind},
    sdk,
    upload::{Chunk, MIB, Stored, Upload, blocking},
};
use crate::LakeError;

/// S3 takes no more parts than this.
const MOST_PARTS: u64 = 10_000;
const PART: u64 = 8 * MIB;
/// Parts of one file that are on their way at once.
const AT_ONCE: usize = 3;

/// The size of all parts but the last of a file of so many bytes.
fn part_size(bytes: u64) -> u64 {
    bytes.div_ceil(MOST_PARTS).next_multiple_of(MIB).max(PART)
}

impl Upload<'_> {
    /// Puts a file in parts. Nothing appears unless all of them arrived and the file was the promised one.
    pub async fn parts(self, path: &Path, file: File, bytes: u64, sha256: &str) -> Result<Stored, LakeError> {
        let id = self.begin().await?;
        let done = async {
            let sent = self.send(&id, PartReader::new(path, file, bytes)).await?;
            self.check_file(sha256, &sent.sha256)?;
            let checksum = sent.checksum();
            self.complete(&id, sent.parts).await?;
            Ok(Stored { bytes, checksum })
        };
        let done = done.await;
        if done.is_err() {
            self.abort(&id).await;
        }
        done
    }

    async fn begin(self) -> Result<String, LakeError> {
        let begin = self.lake.sdk.create_multipart_upload().bucket(self.bucket).key(self.key);
        let checksums = self.lake.capabilities.checksums.then_some(ChecksumAlgorithm::Sha256);
        let begun = begin.set_checksum_algorithm(checksums).send().await;
        let begun = begun.map_err(|error| self.failed(error))?;
        begun.upload_id.ok_or_else(|| self.failed(Failure::broken("an upload without an id")))
    }

    async fn send(self, id: &str, mut reader: PartReader<'_>) -> Result<Sent, LakeError> {
        let mut parts = Vec::new();
        let mut on_the_way = FuturesUnordered::new();
        while let Some(size) = reader.next_size() {
            if on_the_way.len() == AT_ONCE
                && let Some(sent) = on_the_way.next().await
            {
                parts.push(sent?);
            }
            let held = self.hold(size).await?;
            let part = reader.next(self, size).await?;
            on_the_way.push(self.part(id, part, held));
        }
        while let Some(sent) = on_the_way.next().await {
            parts.push(sent?);
        }
        parts.sort_by_key(|part| part.number);
        Ok(Sent { parts, sha256: hex::encode(reader.hash.finalize()) })
    }

    async fn part(
        self,
        id: &str,
        (number, chunk): (i32, Chunk),
        _held: OwnedSemaphorePermit,
    ) -> Result<SentPart, LakeError> {
        let part = self.lake.sdk.upload_part().bucket(self.bucket).key(self.key).upload_id(id);
        let (sha256, bytes) = (chunk.sha256, chunk.bytes.len() as u64);
        let part = part.part_number(number).set_checksum_sha256(self.part_checksum(&sha256));
        let part = part.body(ByteStream::from(chunk.bytes)).customize();
        let part = part.config_override(sdk::with_body(bytes));
        let part = if self.lake.capabilities.checksums { part.disable_payload_signing() } else { part };
        let sent = part.send().await.map_err(|error| self.failed(error))?;
        Ok(SentPart { number, etag: sent.e_tag, sha256 })
    }

    fn part_checksum(self, sha256: &[u8; 32]) -> Option<String> {
        self.lake.capabilities.checksums.then(|| BASE64.encode(sha256))
    }

    async fn complete(self, id: &str, parts: Vec<SentPart>) -> Result<(), LakeError> {
        let parts = parts.into_iter().map(|part| {
            CompletedPart::builder()
                .part_number(part.number)
                .set_e_tag(part.etag)
                .set_checksum_sha256(self.part_checksum(&part.sha256))
                .build()
        });
        let all = CompletedMultipartUpload::builder().set_parts(Some(parts.collect())).build();
        let complete = self.lake.sdk.complete_multipart_upload().bucket(self.bucket).key(self.key);
        // The store may copy all bytes before it answers.
        let complete = complete.upload_id(id).multipart_upload(all).customize();
        match complete.config_override(sdk::with_body(64 * MIB)).send().await {
            Ok(_) => Ok(()),
            Err(error) => match Failure::from(error) {
                // An earlier try completed it and its answer was lost; the check that follows decides.
                failure if failure.kind() == FailureKind::NoUpload => Ok(()),
                failure => Err(self.failed(failure)),
            },
        }
    }

    // What stays behind all the same is swept later.
    async fn abort(self, id: &str) {
        let abort = self.lake.sdk.abort_multipart_upload().bucket(self.bucket).key(self.key).upload_id(id);
        if let Err(error) = abort.send().await {
            let error = Failure::from(error);
            if error.kind() != FailureKind::NoUpload {
                tracing::warn!(bucket = self.bucket, key = self.key, %error, "an upload was not aborted");
            }
        }
    }
}

struct SentPart {
    number: i32,
    etag: Option<String>,
    sha256: [u8; 32],
}

struct Sent {
    parts: Vec<SentPart>,
    /// Of the whole file, in hex.
    sha256: String,
}

impl Sent {
    // S3 hashes the parts' hashes.
    fn checksum(&self) -> String {
        let mut hash = Sha256::new();
        for part in &self.parts {
            hash.update(part.sha256);
        }
        format!("{}-{}", BASE64.encode(hash.finalize()), self.parts.len())
    }
}

/// Reads a file part by part, hashing the whole.
struct PartReader<'a> {
    path: &'a Path,
    file: Option<File>,
    hash: Sha256,
    left: u64,
    size: u64,
    number: i32,
}

impl<'a> PartReader<'a> {
    fn new(path: &'a Path, file: File, bytes: u64) -> Self {
        Self { path, file: Some(file), hash: Sha256::new(), left: bytes, size: part_size(bytes), number: 0 }
    }

    fn next_size(&self) -> Option<u64> {
        (self.left > 0).then(|| self.size.min(self.left))
    }

    async fn next(&mut self, upload: Upload<'_>, size: u64) -> Result<(i32, Chunk), LakeError> {
        let Some(file) = self.file.take() else {
            return Err(upload.failed(Failure::broken("an earlier part could not be read")));
        };
        let mut hash = std::mem::take(&mut self.hash);
        let read = blocking(move || {
            let chunk = Chunk::read(&file, size)?;
            hash.update(&chunk.bytes);
            Ok((file, hash, chunk))
        });
        let (file, hash, chunk) = read.await.map_err(|error| upload.local(self.path, &error))?;
        (self.file, self.hash) = (Some(file), hash);
        self.left -= size;
        self.number += 1;
        Ok((self.number, chunk))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_size_fits_into_the_parts_that_s3_takes() {
        const TIB: u64 = 1 << 40;
        for bytes in [17 * MIB, 80_000 * MIB, 80_000 * MIB + 1, 5 * TIB] {
            let size = part_size(bytes);
            assert!(bytes.div_ceil(size) <= MOST_PARTS, "{bytes} in parts of {size}");
            assert!((PART..=5 << 30).contains(&size), "{size}");
        }
    }
}
