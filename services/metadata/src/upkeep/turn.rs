//! Rounds of a task that only one metadata process does at a time.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use rfe_mesh::Shutdown;
use rfe_model::{Fault, id, time};
use rfe_registry::UpkeepStore;

/// Who holds a task keeps it beyond the next round for as long as two more take, within these bounds, so that a process that died is
/// missed soon.
const BEYOND: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(30)];

/// Rounds follow one another no faster.
const SHORTEST: Duration = Duration::from_millis(10);

/// What is done again and again. Whatever a round leaves undone the next one does.
#[async_trait]
pub(crate) trait Round: Send + Sync {
    /// One round.
    async fn round(&self) -> Result<(), Fault>;
}

/// A task and how often its rounds are.
#[derive(Debug)]
pub(crate) struct Turn {
    task: &'static str,
    store: Arc<dyn UpkeepStore>,
    holder: String,
    every: Duration,
    shutdown: Shutdown,
}

impl Turn {
    pub(crate) fn new(
        task: &'static str,
        store: Arc<dyn UpkeepStore>,
        every: Duration,
        shutdown: Shutdown,
    ) -> Self {
        Self { task, store, holder: id::new(), every: every.max(SHORTEST), shutdown }
    }

    /// Does rounds until shutdown, while no other process does.
    pub(crate) async fn run(self, round: impl Round) {
        loop {
            tokio::select! {
                () = self.once(&round) => {}
                () = self.shutdown.begun() => return,
            }
            if !self.shutdown.sleep(self.every).await {
                return;
            }
        }
    }

    async fn once(&self, round: &impl Round) {
        let done = match self.is_held().await {
            Ok(true) => round.round().await,
            Ok(false) => Ok(()),
            Err(fault) => Err(fault),
        };
        if let Err(error) = done {
            tracing::warn!(task = self.task, %error, "upkeep was not finished; the next round goes on");
        }
    }

    async fn is_held(&self) -> Result<bool, Fault> {
        let now = time::now_micros();
        let [least, most] = BEYOND;
        let beyond = (2 * self.every).clamp(least, most);
        let period = i64::try_from((self.every + beyond).as_micros()).unwrap_or(i64::MAX);
        Ok(self.store.hold_task(self.task, &self.holder, now, now.saturating_add(period)).await?)
    }
}
