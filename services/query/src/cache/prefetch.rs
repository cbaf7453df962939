//! Fetches what commits bring to datasets that were queried of late, while the cache has free room.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use futures::{StreamExt as _, TryStreamExt as _};
use rfe_lake::Bucket;
use rfe_mesh::Shutdown;

use super::{Cache, Wanted};
use crate::{catalog::Catalog, error::QueryError};

const EVERY: Duration = Duration::from_secs(1);
/// For so long after a query its dataset's new files are fetched ahead.
const LATELY: Duration = Duration::from_secs(60 * 60);
/// Files fetched ahead at once: less than statements may, which go first.
const AT_ONCE: usize = 2;
/// How often uses are written down, in rounds.
const NOTE_USES: u64 = 30;

/// Which datasets were queried, and when last. Clones are the same memory.
#[derive(Debug, Clone, Default)]
pub struct Queried(Arc<Mutex<HashMap<String, Instant>>>);

impl Queried {
    /// A statement reads rows of the dataset.
    pub fn note(&self, dataset: &str) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(dataset.to_owned(), Instant::now());
    }

    fn lately(&self) -> Vec<String> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, last| last.elapsed() < LATELY);
        all.keys().cloned().collect()
    }
}

/// Runs until shutdown.
pub async fn run(cache: Cache, catalog: Catalog, queried: Queried, shutdown: Shutdown) {
    let mut known = 0;
    let mut round = 0_u64;
    while shutdown.sleep(EVERY).await {
        round += 1;
        let advance = advance(&cache, &catalog, &queried, known);
        tokio::select! {
            advanced = advance => match advanced {
                Ok(snapshot) => known = snapshot,
                // Statements fetch for themselves what is missing here.
                Err(error) => tracing::debug!(%error, "new data files were not fetched ahead"),
            },
            () = shutdown.begun() => break,
        }
        if round.is_multiple_of(NOTE_USES) {
            note_uses(&cache).await;
        }
    }
    note_uses(&cache).await;
}

async fn note_uses(cache: &Cache) {
    if let Err(error) = cache.note_uses().await {
        tracing::warn!(%error, "uses of cached files could not be noted");
    }
}

async fn advance(cache: &Cache, catalog: &Catalog, queried: &Queried, known: u64) -> Result<u64, QueryError> {
    let changes = catalog.changes(known).await?;
    let lately = queried.lately();
    // What was there before this process is no news.
    let news = changes.datasets.iter().filter(|name| known > 0 && lately.contains(name));
    for dataset in news {
        let files = catalog.files_since(dataset, changes.snapshot, known).await?;
        let wanted = files.all().iter().filter_map(|file| {
            Some(Wanted { bucket: Bucket::Processed, key: file.key.clone(), content: file.content? })
        });
        let fetched = futures::stream::iter(wanted.collect::<Vec<_>>()).map(|file| cache.prefetch(file));
        fetched.buffer_unordered(AT_ONCE).try_for_each(|_| std::future::ready(Ok(()))).await?;
    }
    Ok(changes.snapshot)
}
