//! Ends raw files that are too old, takes ended files out of the registry, and deletes objects that are doomed.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use futures::StreamExt as _;
use prometheus_client::metrics::counter::Counter;
use rfe_lake::{Bucket, Lake, LakeError};
use rfe_mesh::Shutdown;
use rfe_model::{ErrorCode, Fault, fault::reason, time};
use rfe_registry::{LakeObject, UpkeepStore};

use super::turn::Round;

const DELETES_AT_ONCE: usize = 16;
const SOME: u32 = 1_000;

/// Deletes what has had its time.
#[derive(Debug)]
pub(crate) struct Retention {
    pub(crate) store: Arc<dyn UpkeepStore>,
    pub(crate) lake: Arc<dyn Lake>,
    pub(crate) keep: Duration,
    pub(crate) ended: Counter,
    pub(crate) retired: Counter,
    pub(crate) deleted: Counter,
    pub(crate) shutdown: Shutdown,
}

#[async_trait]
impl Round for Retention {
    async fn round(&self) -> Result<(), Fault> {
        let ended = self.store.end_old_raw(time::now_micros()).await?;
        let retired = self.store.retire_files(time::now_micros(), self.keep).await?;
        let deleted = self.delete_doomed().await?;
        self.ended.inc_by(ended);
        self.retired.inc_by(retired);
        if ended + retired + deleted > 0 {
            tracing::info!(ended, retired, deleted, "what has had its time was deleted");
        }
        Ok(())
    }
}

impl Retention {
    async fn delete_doomed(&self) -> Result<u64, Fault> {
        let mut deleted = 0;
        while !self.shutdown.has_begun() {
            let some = self.store.doomed(SOME).await?;
            let are_all = some.len() < SOME as usize;
            let tried: Vec<_> = futures::stream::iter(some)
                .map(|object| async move { self.delete(&object).await.map(|()| object) })
                .buffer_unordered(DELETES_AT_ONCE)
                .collect()
                .await;
            let (gone, failed): (Vec<_>, Vec<_>) = tried.into_iter().partition(Result::is_ok);
            let gone: Vec<LakeObject> = gone.into_iter().flatten().collect();
            // Only now: what a crash leaves is deleted again, which is fine.
            self.store.forget_doomed(&gone).await?;
            self.deleted.inc_by(gone.len() as u64);
            deleted += gone.len() as u64;
            // One that can't be deleted holds no other one up.
            if let Some(Err(fault)) = failed.into_iter().next() {
                return Err(fault);
            }
            if are_all {
                break;
            }
        }
        Ok(deleted)
    }

    async fn delete(&self, object: &LakeObject) -> Result<(), Fault> {
        let bucket = bucket(&object.bucket)?;
        self.lake.delete(bucket, &object.key).await.map_err(unavailable)
    }
}

fn bucket(name: &str) -> Result<Bucket, Fault> {
    let known = Bucket::ALL.into_iter().find(|bucket| bucket.name() == name);
    known.ok_or_else(|| Fault::internal(format!("`{name}` is no bucket")))
}

/// The fault of a lake that could not be used.
pub(super) fn unavailable(error: LakeError) -> Fault {
    let source = std::error::Error::source(&error).map(|source| format!(": {source}")).unwrap_or_default();
    Fault::new(ErrorCode::Unavailable, reason::BACKEND_UNAVAILABLE, format!("{error}{source}"))
}
