//! Files in use.

use std::path::PathBuf;

use super::{Cache, Digest};

/// Files that stay on disk as long as this lives: as long as a statement runs, since the engine opens them as it goes.
#[derive(Debug)]
pub struct Pins {
    cache: Cache,
    files: Vec<Digest>,
}

impl Pins {
    /// Of files that are pinned.
    pub(super) fn new(cache: Cache, files: Vec<Digest>) -> Self {
        Self { cache, files }
    }

    /// Where a pinned file lies.
    pub fn path(&self, file: Digest) -> PathBuf {
        self.cache.0.folder.path(file)
    }

    /// The engine could not read one of them: they are verified before they are used again.
    pub fn doubt(&self) {
        self.cache.with_index(|index| self.files.iter().for_each(|file| index.doubt(*file)));
    }
}

impl Drop for Pins {
    fn drop(&mut self) {
        let cache = &self.cache;
        cache.with_index(|index| {
            for file in &self.files {
                let Some(flight) = index.unpin(*file) else { continue };
                if let Some(flight) = flight {
                    flight.call_off();
                }
                // A damaged file may lie in its place.
                cache.0.folder.remove(*file);
            }
        });
    }
}
