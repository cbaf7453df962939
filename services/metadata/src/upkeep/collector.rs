//! Finds objects of the lake that nothing names: mark, wait, check again in a transaction, and only then delete.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use prometheus_client::metrics::counter::Counter;
use rfe_lake::{Bucket, Lake};
use rfe_mesh::Shutdown;
use rfe_model::{Fault, key, time};
use rfe_registry::{OrphanAge, UpkeepStore};

use super::{retention::unavailable, turn::Round};

const PAGE: usize = 1_000;
const SETTLED: u32 = 500;
/// No upload takes longer.
const UPLOAD: Duration = Duration::from_secs(24 * 3600);

/// Collects orphans.
#[derive(Debug)]
pub(crate) struct Collector {
    pub(crate) store: Arc<dyn UpkeepStore>,
    pub(crate) lake: Arc<dyn Lake>,
    /// How long an object is there, and is marked, before it is doomed.
    pub(crate) grace: Duration,
    /// How long a run is silent before it is fenced.
    pub(crate) silence: Duration,
    pub(crate) found: Counter,
    pub(crate) doomed: Counter,
    pub(crate) swept: Counter,
    pub(crate) shutdown: Shutdown,
}

#[async_trait]
impl Round for Collector {
    // What was marked in earlier rounds is settled, then everything is looked at again.
    async fn round(&self) -> Result<(), Fault> {
        self.settle().await?;
        for bucket in Bucket::ALL {
            self.mark(bucket).await?;
        }
        let swept = self.lake.sweep(self.grace.max(UPLOAD)).await.map_err(unavailable)?;
        self.swept.inc_by(swept);
        Ok(())
    }
}

impl Collector {
    async fn settle(&self) -> Result<(), Fault> {
        let age = OrphanAge { marked_before: before(self.grace), heard_before: before(self.silence) };
        while !self.shutdown.has_begun() {
            let (settled, doomed) = self.store.doom_orphans(age, SETTLED).await?;
            self.doomed.inc_by(doomed);
            if doomed > 0 {
                tracing::info!(doomed, "objects that nothing names will be deleted");
            }
            if settled < u64::from(SETTLED) {
                break;
            }
        }
        Ok(())
    }

    async fn mark(&self, bucket: Bucket) -> Result<(), Fault> {
        let mut after = None;
        while !self.shutdown.has_begun() {
            let page = self.lake.list(bucket, "", after.as_deref(), PAGE).await.map_err(unavailable)?;
            let young = before(self.grace);
            let is_old = |key: &str, modified: i64| modified < young && key::Writer::of(key).is_some();
            let old = page.iter().filter(|object| is_old(&object.key, object.modified_micros));
            let keys: Vec<String> = old.map(|object| object.key.clone()).collect();
            if !keys.is_empty() {
                let marked = self.store.mark_orphans(bucket.name(), &keys, time::now_micros()).await?;
                self.found.inc_by(marked);
            }
            match page.last() {
                Some(last) if page.len() >= PAGE => after = Some(last.key.clone()),
                _ => break,
            }
        }
        Ok(())
    }
}

fn before(age: Duration) -> i64 {
    time::now_micros().saturating_sub(i64::try_from(age.as_micros()).unwrap_or(i64::MAX))
}
