//! An object becomes a local file, with bounded memory.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use bytes::{Bytes, BytesMut};
use sha2::{Digest as _, Sha256};

use super::{
    client::{S3Client, S3Object},
    failure::Failure,
    read::Reading,
    upload::blocking,
};
use crate::LakeError;

/// Bytes are hashed and written when so many have come together.
const WRITE: usize = 1 << 20;
/// How often an object may be another than it was, before it is given up.
const VERSIONS: u32 = 3;

/// Reads an object into a file. Keys are written once, so an object that changed was put again, the same; it is read anew.
pub(super) async fn fetch(
    client: &S3Client,
    bucket: &str,
    key: &str,
    to: &Path,
    sha256: Option<&str>,
) -> Result<S3Object, LakeError> {
    let mut versions = 1;
    loop {
        match fetch_version(client, bucket, key, to, sha256).await {
            Err(LakeError::Changed { .. }) if versions < VERSIONS => versions += 1,
            done => return done,
        }
    }
}

async fn fetch_version(
    client: &S3Client,
    bucket: &str,
    key: &str,
    to: &Path,
    sha256: Option<&str>,
) -> Result<S3Object, LakeError> {
    let local = |error| Failure::local(to, &error).of(bucket, key);
    let mut file = Target::create(to).map_err(local)?;
    let mut reading = Reading::new(client.sdk().clone(), bucket, key);
    while let Some(bytes) = reading.next().await? {
        file.take(bytes).await.map_err(local)?;
    }
    let found = file.finish().await.map_err(local)?;
    if let Some(expected) = sha256.filter(|expected| *expected != found) {
        return Err(LakeError::Mismatch {
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            expected: expected.to_owned(),
            found,
        });
    }
    file.keep = true;
    reading.object().cloned().ok_or_else(|| Failure::broken("no answer").of(bucket, key))
}

/// The file that is written; it is removed again unless it is kept, also when nobody waits any longer.
struct Target {
    path: PathBuf,
    /// Elsewhere while a thread writes.
    open: Option<(File, Sha256)>,
    waiting: BytesMut,
    keep: bool,
}

impl Target {
    // Not on another thread, where it might be made when nobody waits for it any longer.
    fn create(path: &Path) -> io::Result<Self> {
        let file = File::create(path)?;
        let (open, waiting) = (Some((file, Sha256::new())), BytesMut::with_capacity(WRITE));
        Ok(Self { path: path.to_owned(), open, waiting, keep: false })
    }

    async fn take(&mut self, bytes: Bytes) -> io::Result<()> {
        self.waiting.extend_from_slice(&bytes);
        if self.waiting.len() >= WRITE { self.write().await } else { Ok(()) }
    }

    async fn write(&mut self) -> io::Result<()> {
        let Some((mut file, mut hash)) = self.open.take() else {
            return Err(io::Error::other("an earlier write failed"));
        };
        let bytes = self.waiting.split().freeze();
        let open = blocking(move || {
            hash.update(&bytes);
            file.write_all(&bytes)?;
            Ok((file, hash))
        });
        self.open = Some(open.await?);
        Ok(())
    }

    /// Writes the rest; the SHA-256 of all.
    async fn finish(&mut self) -> io::Result<String> {
        self.write().await?;
        let hash = self.open.take().map(|(_, hash)| hash).unwrap_or_default();
        Ok(hex::encode(hash.finalize()))
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        if !self.keep
            && let Err(error) = fs::remove_file(&self.path)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(path = %self.path.display(), %error, "a file that was fetched in part stays behind");
        }
    }
}
