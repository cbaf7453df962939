//! The cache on disk: `<2 hex>/<sha256>.parquet`, read-only, the time of the last use as the time of modification. Files are
//! fetched into `parts`, which is emptied at a start, and renamed.

use std::{
    fs::{self, File, FileTimes, OpenOptions, Permissions, TryLockError},
    io::{self, Read as _},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, SystemTime},
};

use sha2::{Digest as _, Sha256};

use super::{Content, Digest};

const PARTS: &str = "parts";
const SUFFIX: &str = ".parquet";

/// The folder.
#[derive(Debug)]
pub struct Folder {
    root: PathBuf,
    number: AtomicU64,
    lock: File,
}

impl Folder {
    /// Opens it, making it where it is missing; what a crash left half fetched is removed.
    pub fn open(root: &Path) -> io::Result<Self> {
        fs::create_dir_all(root)?;
        let root = root.canonicalize()?;
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(root.join(".lock"))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let text = format!(
                    "`{}` is in use by another process; give each query node one of its own",
                    root.display()
                );
                return Err(io::Error::new(io::ErrorKind::ResourceBusy, text));
            }
            Err(TryLockError::Error(error)) => return Err(error),
        }
        let parts = root.join(PARTS);
        if parts.exists() {
            fs::remove_dir_all(&parts)?;
        }
        fs::create_dir(&parts)?;
        Ok(Self { root, number: AtomicU64::new(0), lock })
    }

    /// Another process may have it from now on.
    pub fn release(&self) {
        // Else it is free once this is dropped.
        if let Err(error) = self.lock.unlock() {
            tracing::debug!(%error, "the folder of the file cache could not be unlocked");
        }
    }

    /// Where it is.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where a file lies.
    pub fn path(&self, digest: Digest) -> PathBuf {
        let name = digest.to_string();
        self.root.join(&name[..2]).join(name + SUFFIX)
    }

    /// The files in it, that used least recently first.
    pub fn kept(&self) -> io::Result<Vec<Content>> {
        let mut kept = Vec::new();
        for folder in fs::read_dir(&self.root)? {
            let folder = folder?;
            if folder.file_name().len() == 2 && folder.file_type()?.is_dir() {
                for file in fs::read_dir(folder.path())? {
                    kept.extend(known(&file?)?);
                }
            }
        }
        kept.sort_by_key(|(used, content)| (*used, content.digest));
        Ok(kept.into_iter().map(|(_, content)| content).collect())
    }

    /// A place for a file to be fetched to.
    pub fn part(&self) -> Part {
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        Part(self.root.join(PARTS).join(format!("{number}.part")))
    }

    /// Puts a fetched file in its place.
    pub fn keep(&self, part: Part, digest: Digest) -> io::Result<()> {
        let path = self.path(digest);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::rename(&part.0, path)
    }

    /// Removes a file; one that is not there is fine.
    pub fn remove(&self, digest: Digest) {
        match fs::remove_file(self.path(digest)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(file = %digest, %error, "a cached file could not be removed");
            }
            _ => {}
        }
    }

    /// True if the file is there in its size.
    pub fn has(&self, content: &Content) -> bool {
        fs::metadata(self.path(content.digest)).is_ok_and(|found| found.len() == content.bytes)
    }

    /// True if the file holds what it must hold.
    pub fn verify(&self, content: &Content) -> io::Result<bool> {
        let mut file = File::open(self.path(content.digest))?;
        let mut hash = Sha256::new();
        let mut buffer = vec![0; 256 << 10];
        let mut bytes = 0;
        loop {
            match file.read(&mut buffer)? {
                0 => break,
                read => {
                    bytes += read as u64;
                    hash.update(&buffer[..read]);
                }
            }
        }
        let found: [u8; 32] = hash.finalize().into();
        Ok(Content { digest: Digest::from(found), bytes } == *content)
    }

    /// Writes down that these were used now, in this order.
    pub fn note_uses(&self, used: &[Digest]) {
        let mut time = SystemTime::now();
        for digest in used {
            time += Duration::from_micros(1);
            let noted = File::open(self.path(*digest))
                .and_then(|file| file.set_times(FileTimes::new().set_modified(time)));
            // It may have given way meanwhile.
            if let Err(error) = noted {
                tracing::debug!(file = %digest, %error, "a use of a cached file could not be noted");
            }
        }
    }
}

/// A file on its way; removed when dropped before it is kept.
#[derive(Debug)]
pub struct Part(PathBuf);

impl Part {
    /// Where it is written to.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Nobody writes to it any more.
    pub fn seal(&self) -> io::Result<()> {
        fs::set_permissions(&self.0, Permissions::from_mode(0o444))
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // Once it is kept there is none. What stays is removed at the next start.
        let _kept_or_never_begun = fs::remove_file(&self.0);
    }
}

// When it was used, and what it holds by its name. What is not ours stays where it is.
fn known(file: &fs::DirEntry) -> io::Result<Option<(SystemTime, Content)>> {
    let name = file.file_name();
    let digest = name.to_str().and_then(|name| name.strip_suffix(SUFFIX)).and_then(Digest::read);
    let found = file.metadata()?;
    Ok(digest.map(|digest| {
        (found.modified().unwrap_or(SystemTime::UNIX_EPOCH), Content { digest, bytes: found.len() })
    }))
}

#[cfg(test)]
mod tests {
    use rfe_model::id::sha256_hex;

    use super::*;

    fn put(folder: &Folder, text: &str) -> Content {
        let content = Content::read(&sha256_hex(text.as_bytes()), text.len() as i64).expect("a digest");
        let part = folder.part();
        fs::write(part.path(), text).expect("write");
        part.seal().expect("seal");
        folder.keep(part, content.digest).expect("keep");
        content
    }

    #[test]
    fn a_restart_finds_files_in_the_order_of_their_use_and_sweeps_what_is_half_fetched() {
        let home = tempfile::tempdir().expect("folder");
        let folder = Folder::open(home.path()).expect("open");
        let [a, b, c] = ["a", "bb", "ccc"].map(|text| put(&folder, text));
        folder.note_uses(&[c.digest, a.digest, b.digest]);
        fs::write(folder.root.join(PARTS).join("7.part"), "half").expect("write");
        fs::write(folder.root.join("readme"), "not ours").expect("write");
        assert!(Folder::open(home.path()).is_err(), "one process at a time");
        // Something may still hold the old one.
        folder.release();
        let folder = Folder::open(home.path()).expect("open again");
        assert_eq!(folder.kept().expect("list"), [c, a, b]);
        assert_eq!(fs::read_dir(folder.root.join(PARTS)).expect("list").count(), 0);
    }

    #[test]
    fn damage_is_seen_by_size_and_by_digest() {
        let home = tempfile::tempdir().expect("folder");
        let folder = Folder::open(home.path()).expect("open");
        let content = put(&folder, "as it was");
        assert!(folder.has(&content) && folder.verify(&content).expect("read"));
        let path = folder.path(content.digest);
        assert_eq!(fs::metadata(&path).expect("file").permissions().mode() & 0o777, 0o444);
        fs::remove_file(&path).expect("remove");
        fs::write(&path, "as it is!").expect("write");
        assert!(folder.has(&content) && !folder.verify(&content).expect("read"));
        fs::write(&path, "less").expect("write");
        assert!(!folder.has(&content));
    }
}
