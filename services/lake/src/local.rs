//! The lake as files below one folder.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use async_trait::async_trait;
use bytes::Bytes;

use crate::{Bucket, Lake, LakeError, ObjectInfo, digest, key};

/// Files below `<root>/<bucket>/`. An object appears whole and durable, or not at all.
#[derive(Debug)]
pub struct LocalLake {
    root: PathBuf,
    temporary: AtomicU64,
}

impl LocalLake {
    /// Opens a lake, making its buckets; sweeps what a crash left half written.
    ///
    /// # Errors
    /// If the folders can't be made.
    pub fn open(root: &Path) -> io::Result<Self> {
        for bucket in Bucket::ALL {
            fs::create_dir_all(root.join(bucket.name()))?;
        }
        let temporary = root.join(".tmp");
        if temporary.exists() {
            fs::remove_dir_all(&temporary)?;
        }
        fs::create_dir_all(&temporary)?;
        Ok(Self { root: root.canonicalize()?, temporary: AtomicU64::new(0) })
    }

    /// The folder of a bucket.
    pub fn bucket_dir(&self, bucket: Bucket) -> PathBuf {
        self.root.join(bucket.name())
    }

    fn path(&self, bucket: Bucket, key: &str) -> Result<PathBuf, LakeError> {
        key::check(key)?;
        Ok(self.root.join(bucket.name()).join(key))
    }

    fn temporary_path(&self) -> PathBuf {
        let number = self.temporary.fetch_add(1, Ordering::Relaxed);
        self.root.join(".tmp").join(format!("{}-{number}", std::process::id()))
    }
}

#[async_trait]
impl Lake for LocalLake {
    async fn put_file(&self, bucket: Bucket, key: &str, file: &Path, sha256: &str) -> Result<(), LakeError> {
        let target = self.path(bucket, key)?;
        let temporary = self.temporary_path();
        let (file, expected) = (file.to_owned(), sha256.to_owned());
        let written = blocking(key, move || {
            // Within one file system a rename is enough; across two the bytes are copied.
            if fs::rename(&file, &temporary).is_err() {
                fs::copy(&file, &temporary)?;
            }
            File::open(&temporary)?.sync_all()?;
            let found = digest::of(File::open(&temporary)?, |_| Ok(()))?;
            if found == expected {
                publish(&temporary, &target)?;
            } else {
                fs::remove_file(&temporary)?;
            }
            Ok(found)
        })
        .await?;
        verified(bucket, key, Some(sha256), written)
    }

    async fn put(&self, bucket: Bucket, key: &str, bytes: Bytes) -> Result<(), LakeError> {
        let target = self.path(bucket, key)?;
        let temporary = self.temporary_path();
        blocking(key, move || {
            let mut file = File::create(&temporary)?;
            file.write_all(&bytes)?;
            file.sync_all()?;
            publish(&temporary, &target)
        })
        .await
    }

    async fn get(&self, bucket: Bucket, key: &str) -> Result<Bytes, LakeError> {
        let path = self.path(bucket, key)?;
        found(bucket, key, blocking(key, move || optional(fs::read(&path))).await?.map(Bytes::from))
    }

    async fn fetch(
        &self,
        bucket: Bucket,
        key: &str,
        to: &Path,
        sha256: Option<&str>,
    ) -> Result<ObjectInfo, LakeError> {
        let (from, to, name) = (self.path(bucket, key)?, to.to_owned(), key.to_owned());
        let copied = blocking(key, {
            let to = to.clone();
            move || copy(&from, &to, name)
        })
        .await;
        let checked = copied
            .and_then(|copied| found(bucket, key, copied))
            .and_then(|(info, sum)| verified(bucket, key, sha256, sum).map(|()| info));
        if checked.is_err() {
            blocking(key, move || optional(fs::remove_file(&to))).await?;
        }
        checked
    }

    async fn head(&self, bucket: Bucket, key: &str) -> Result<ObjectInfo, LakeError> {
        let path = self.path(bucket, key)?;
        let name = key.to_owned();
        let info =
            blocking(key, move || optional(fs::metadata(&path).and_then(|meta| info(name, &meta)))).await?;
        found(bucket, key, info)
    }

    async fn list(
        &self,
        bucket: Bucket,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<ObjectInfo>, LakeError> {
        let root = self.bucket_dir(bucket);
        let (prefix, after) = (prefix.to_owned(), after.map(str::to_owned));
        let mut all = blocking(&prefix.clone(), move || {
            let mut all = Vec::new();
            walk(&root, "", &prefix, &mut all)?;
            Ok(all)
        })
        .await?;
        all.sort_by(|a, b| a.key.cmp(&b.key));
        all.retain(|object| after.as_ref().is_none_or(|after| object.key > *after));
        all.truncate(limit);
        Ok(all)
    }

    async fn delete(&self, bucket: Bucket, key: &str) -> Result<(), LakeError> {
        let path = self.path(bucket, key)?;
        blocking(key, move || optional(fs::remove_file(&path)).map(|_| ())).await
    }

    async fn sweep(&self, older_than: Duration) -> Result<u64, LakeError> {
        let folder = self.root.join(".tmp");
        blocking(".tmp", move || {
            let mut swept = 0;
            for entry in fs::read_dir(folder)? {
                let entry = entry?;
                // A file that a put has just published is gone.
                let Some(meta) = optional(entry.metadata())? else { continue };
                let age = SystemTime::now().duration_since(meta.modified()?).unwrap_or_default();
                if age > older_than && optional(fs::remove_file(entry.path()))?.is_some() {
                    swept += 1;
                }
            }
            Ok(swept)
        })
        .await
    }

    fn local_path(&self, bucket: Bucket, key: &str) -> Option<PathBuf> {
        self.path(bucket, key).ok()
    }

    fn url(&self, bucket: Bucket, key: &str) -> String {
        self.bucket_dir(bucket).join(key).display().to_string()
    }
}

async fn blocking<T: Send + 'static>(
    key: &str,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, LakeError> {
    let failed = |source| LakeError::Store { key: key.to_owned(), source };
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map_err(|error| failed(Box::new(error))),
        Err(panicked) => Err(failed(Box::new(panicked))),
    }
}

fn publish(temporary: &Path, target: &Path) -> io::Result<()> {
    let folder = target.parent().unwrap_or(target);
    make_durable_dir(folder)?;
    fs::rename(temporary, target)?;
    File::open(folder)?.sync_all()
}

// A folder survives a crash only once its parent was synced as well.
fn make_durable_dir(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    if let Some(parent) = folder.parent() {
        make_durable_dir(parent)?;
        match fs::create_dir(folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => File::open(parent)?.sync_all()?,
        }
    }
    Ok(())
}

fn optional<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn found<T>(bucket: Bucket, key: &str, value: Option<T>) -> Result<T, LakeError> {
    value.ok_or_else(|| LakeError::NotFound { bucket: bucket.name().to_owned(), key: key.to_owned() })
}

fn verified(bucket: Bucket, key: &str, sha256: Option<&str>, found: String) -> Result<(), LakeError> {
    match sha256 {
        Some(expected) if expected != found => Err(LakeError::Mismatch {
            bucket: bucket.name().to_owned(),
            key: key.to_owned(),
            expected: expected.to_owned(),
            found,
        }),
        _ => Ok(()),
    }
}

// Says what was copied and its SHA-256, or nothing if there is nothing to copy.
fn copy(from: &Path, to: &Path, key: String) -> io::Result<Option<(ObjectInfo, String)>> {
    let Some(from) = optional(File::open(from))? else { return Ok(None) };
    let info = info(key, &from.metadata()?)?;
    let mut to = File::create(to)?;
    let sum = digest::of(from, |chunk| to.write_all(chunk))?;
    Ok(Some((info, sum)))
}

fn info(key: String, meta: &fs::Metadata) -> io::Result<ObjectInfo> {
    let modified = meta.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok(ObjectInfo { key, bytes: meta.len(), modified_micros: modified.as_micros() as i64 })
}

fn walk(root: &Path, below: &str, prefix: &str, all: &mut Vec<ObjectInfo>) -> io::Result<()> {
    for entry in fs::read_dir(root.join(below))? {
        let entry = entry?;
        let name = entry.file_name();
        let key = format!("{below}{}", name.to_string_lossy());
        if entry.file_type()?.is_dir() {
            let folder = format!("{key}/");
            if folder.starts_with(prefix) || prefix.starts_with(&folder) {
                walk(root, &folder, prefix, all)?;
            }
        } else if key.starts_with(prefix) {
            all.push(info(key, &entry.metadata()?)?);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fresh() -> (tempfile::TempDir, LocalLake) {
        let folder = tempfile::tempdir().expect("folder");
        let lake = LocalLake::open(folder.path()).expect("lake");
        (folder, lake)
    }

    #[tokio::test]
    async fn a_local_lake_conforms() {
        let (_folder, lake) = fresh();
        crate::conformance::run(&lake).await;
    }

    #[tokio::test]
    async fn what_a_crash_left_half_written_is_swept() {
        let (folder, lake) = fresh();
        fs::write(lake.temporary_path(), b"half").expect("write");
        drop(lake);
        let lake = LocalLake::open(folder.path()).expect("open again");
        assert_eq!(fs::read_dir(folder.path().join(".tmp")).expect("list").count(), 0);
        drop(lake);
    }

    #[tokio::test]
    async fn a_sweep_takes_what_is_old_and_leaves_what_is_being_written() {
        let (_folder, lake) = fresh();
        fs::write(lake.temporary_path(), b"half").expect("write");
        assert_eq!(lake.sweep(Duration::from_secs(60)).await.expect("sweep"), 0);
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert_eq!(lake.sweep(Duration::from_millis(10)).await.expect("sweep"), 1);
        assert_eq!(lake.sweep(Duration::ZERO).await.expect("sweep"), 0);
    }
}
