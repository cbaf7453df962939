//! The task that forgets old ids of events.

use std::{sync::Arc, time::Duration};

use prometheus_client::metrics::counter::Counter;
use rfe_mesh::Shutdown;
use rfe_model::time;
use rfe_registry::RunStore;

/// Forgets ids that are older than `keep`.
pub(crate) struct Purge {
    pub(crate) runs: Arc<dyn RunStore>,
    pub(crate) keep: Duration,
    pub(crate) every: Duration,
    pub(crate) forgotten: Counter,
    pub(crate) shutdown: Shutdown,
}

impl Purge {
    /// At start and then at intervals, until shutdown.
    pub(crate) async fn run(self) {
        loop {
            tokio::select! {
                () = self.once() => {}
                () = self.shutdown.begun() => return,
            }
            if !self.shutdown.sleep(self.every).await {
                return;
            }
        }
    }

    async fn once(&self) {
        let keep = i64::try_from(self.keep.as_micros()).unwrap_or(i64::MAX);
        match self.runs.purge_ledger(time::now_micros().saturating_sub(keep)).await {
            Ok(0) => {}
            Ok(forgotten) => {
                self.forgotten.inc_by(forgotten);
                tracing::info!(forgotten, "forgot ids of events that landed long ago");
            }
            Err(error) => {
                tracing::warn!(%error, "old ids of events could not be forgotten; the next round tries again")
            }
        }
    }
}
