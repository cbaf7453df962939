//! Data files of a lake that is not local, kept on this node's disk. They are immutable and named by what they hold, so nothing
//! that is kept here can ever be out of date.
//!
//! What is verified when: the SHA-256 while a file is fetched, and again before the first use of a file that was found on disk
//! after a restart, or that the engine could not read. The size, at a use more than a second after the last such look. What is
//! damaged is fetched anew. Bits that flip in a file of the right size while the process runs show only if the engine stumbles.
//!
//! A statement takes all its room at once or fails at once, so two statements never wait for each other's files.

mod content;
mod counted;
mod flight;
mod folder;
mod index;
mod pins;
pub mod prefetch;
mod room;

use std::{
    io,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use rfe_lake::{Bucket, Lake};
use rfe_mesh::Metrics;
use tokio::sync::Semaphore;

pub use content::{Content, Digest};
pub use pins::Pins;
pub use room::NoRoom;

use self::{counted::Counted, flight::Flight, folder::Folder, index::Index};
use crate::error::QueryError;

/// Files that are fetched or verified at once.
const AT_ONCE: usize = 8;

/// A file that a statement needs.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Its bucket.
    pub bucket: Bucket,
    /// Its key.
    pub key: String,
    /// What it holds.
    pub content: Content,
}

/// The cache; clones are the same one.
#[derive(Debug, Clone)]
pub struct Cache(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    folder: Folder,
    lake: Arc<dyn Lake>,
    index: Mutex<Index>,
    slots: Semaphore,
    counted: Counted,
}

impl Cache {
    /// Opens the cache in this folder, of this process alone, with what an earlier process left there.
    ///
    /// # Errors
    /// If the folder can't be made or read, or another process uses it.
    pub fn open(folder: &Path, bytes: u64, lake: Arc<dyn Lake>, metrics: &Metrics) -> io::Result<Self> {
        let folder = Folder::open(folder)?;
        let mut index = Index::new(bytes);
        folder.kept()?.into_iter().for_each(|content| index.adopt(content));
        let counted = Counted::new(metrics);
        let cache = Self(Arc::new(Inner {
            folder,
            lake,
            index: Mutex::new(index),
            slots: Semaphore::new(AT_ONCE),
            counted,
        }));
        cache.with_index(|index| cache.remove(&index.shrink()));
        Ok(cache)
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        self.0.folder.root()
    }

    /// Brings files to hand; they stay until the pins are dropped. Fails at once where there is no room for all of them.
    pub async fn hold(&self, wanted: Vec<Wanted>) -> Result<Pins, QueryError> {
        let wanted = distinct(wanted);
        let contents = wanted.iter().map(|file| file.content).collect::<Vec<_>>();
        let cache = self.clone();
        // Looks at files and removes some, and so blocks.
        let pins = blocking(move || cache.pin(&contents)).await??;
        let flights = wanted.into_iter().filter_map(|file| self.board(file)).collect::<Vec<_>>();
        futures::future::try_join_all(flights.iter().map(Flight::landed)).await?;
        Ok(pins)
    }

    /// Fetches a file before anybody asks for it, if there is free room; false if there is none, or the file is here.
    pub async fn prefetch(&self, wanted: Wanted) -> Result<bool, QueryError> {
        let content = wanted.content;
        let started = self.with_index(|index| index.pin_free(content).then(|| self.start(index, wanted)));
        let Some(flight) = started else { return Ok(false) };
        let _pins = Pins::new(self.clone(), vec![content.digest]);
        flight.landed().await?;
        self.0.counted.prefetched.inc();
        Ok(true)
    }

    /// Writes on disk when files were last used, for the next process.
    pub async fn note_uses(&self) -> Result<(), QueryError> {
        let cache = self.clone();
        blocking(move || {
            let used = cache.with_index(Index::unnoted);
            cache.0.folder.note_uses(&used);
        })
        .await
    }

    /// Leaves the folder to another process. Connections that are slow to close may keep this for long.
    pub fn release(&self) {
        self.0.folder.release();
    }

    // Reserves room for all files and pins them; what had to give way is removed, and damaged files are no longer at hand.
    fn pin(&self, contents: &[Content]) -> Result<Pins, NoRoom> {
        self.with_index(|index| {
            let evicted = index.pin_all(contents)?;
            self.remove(&evicted);
            Ok(())
        })?;
        let pins = Pins::new(self.clone(), contents.iter().map(|content| content.digest).collect());
        let unchecked = self.with_index(|index| index.unchecked(contents));
        let damaged = unchecked.into_iter().filter(|content| !self.0.folder.has(content));
        for content in damaged.collect::<Vec<_>>() {
            tracing::warn!(file = %content.digest, "a cached file was damaged on disk and is fetched anew");
            self.with_index(|index| index.lose(content.digest));
        }
        Ok(pins)
    }

    // The flight that brings a pinned file; `None` if it is at hand.
    fn board(&self, wanted: Wanted) -> Option<Flight> {
        self.with_index(|index| {
            let digest = wanted.content.digest;
            self.0.counted.looked_up(index.is_kept(digest));
            match index.flight(digest) {
                Some(flight) => Some(flight),
                None if index.is_ready(digest) => None,
                None => Some(self.start(index, wanted)),
            }
        })
    }

    // Under the lock, so that a file that comes back meanwhile is not the one removed.
    fn remove(&self, evicted: &[Content]) {
        for content in evicted {
            self.0.counted.evicted(content.bytes);
            self.0.folder.remove(content.digest);
        }
    }

    // The lock is held for bookkeeping, renames and removals, never while a file is read or fetched.
    fn with_index<T>(&self, work: impl FnOnce(&mut Index) -> T) -> T {
        let mut index: MutexGuard<'_, Index> = self.0.index.lock().unwrap_or_else(PoisonError::into_inner);
        let done = work(&mut index);
        self.0.counted.holds(index.held(), index.pinned());
        done
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, QueryError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| QueryError::Internal(format!("the file cache: {error}")))
}

// Two files may hold the same, and then one is enough.
fn distinct(wanted: Vec<Wanted>) -> Vec<Wanted> {
    let mut seen = std::collections::HashSet::with_capacity(wanted.len());
    wanted.into_iter().filter(|file| seen.insert(file.content.digest)).collect()
}
