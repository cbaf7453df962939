//! The file's content, read again when the file is another. Looked at as calls come, so that no task and no thread is needed.

use std::{
    fs,
    os::unix::fs::MetadataExt as _,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::{Duration, Instant},
};

use super::{Known, TokensError};

const EVERY: Duration = Duration::from_secs(1);

/// A file's tokens as they were read last.
#[derive(Debug)]
pub(super) struct Watched {
    path: PathBuf,
    known: RwLock<Arc<Known>>,
    looked: Mutex<Looked>,
}

#[derive(Debug)]
struct Looked {
    at: Instant,
    stamp: Option<Stamp>,
}

/// What tells one version of a file from another. A file that was replaced has another number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    device: u64,
    number: u64,
    bytes: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

// === impl Watched ===

impl Watched {
    pub(super) fn open(path: PathBuf) -> Result<Self, TokensError> {
        // The stamp first: what changes between the two is read once more.
        let stamp = Stamp::of(&path);
        let known = Known::read(&path)?;
        let looked = Mutex::new(Looked { at: Instant::now(), stamp });
        Ok(Self { path, known: RwLock::new(Arc::new(known)), looked })
    }

    /// The tokens as the file has them, or had them a second ago.
    pub(super) fn known(&self) -> Arc<Known> {
        // One caller looks; the others go on with what is known.
        if let Ok(mut looked) = self.looked.try_lock()
            && looked.at.elapsed() >= EVERY
        {
            self.refresh(&mut looked);
        }
        Arc::clone(&self.known.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Looks at the file now.
    #[cfg(test)]
    pub(super) fn look(&self) {
        self.refresh(&mut self.looked.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn refresh(&self, looked: &mut Looked) {
        looked.at = Instant::now();
        let stamp = Stamp::of(&self.path);
        if stamp == looked.stamp {
            return;
        }
        // Remembered also if reading fails, so that a broken file is told once and not every second.
        looked.stamp = stamp;
        match Known::read(&self.path) {
            Ok(known) => {
                tracing::info!(file = %self.path.display(), tokens = known.0.len(), "the tokens were read again");
                *self.known.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(known);
            }
            Err(error) => tracing::error!(%error, "the tokens that were read before stay valid"),
        }
    }
}

impl Stamp {
    fn of(path: &std::path::Path) -> Option<Self> {
        let file = fs::metadata(path).ok()?;
        Some(Self {
            device: file.dev(),
            number: file.ino(),
            bytes: file.size(),
            modified: (file.mtime(), file.mtime_nsec()),
            changed: (file.ctime(), file.ctime_nsec()),
        })
    }
}
