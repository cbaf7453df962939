//! Rounds of a task that only one metadata process does at a time.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use rfe_mesh::Shutdown;
use rfe_model::{Fault, id, time};
use rfe_registry::UpkeepStore;

/// Who dies holding a task is missed for the time of three rounds, within these bounds; who lives says so three times as often.
const HOLD: [Duration; 2] = [Duration::from_secs(3), Duration::from_secs(60)];
/// Rounds follow one another no faster.
const SHORTEST: Duration = Duration::from_millis(10);
/// A process that drains waits no longer to let go of a task.
const LET_GO: Duration = Duration::from_secs(1);

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
        tokio::select! {
            () = self.rounds(&round) => {}
            () = self.shutdown.begun() => {}
        }
        // The next process need not wait until this one is missed.
        match tokio::time::timeout(LET_GO, self.hold(Duration::ZERO)).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::debug!(task = self.task, %error, "a task is held a while longer"),
            Err(_) => tracing::debug!(task = self.task, "a task is held a while longer"),
        }
    }

    async fn rounds(&self, round: &impl Round) {
        let mut due = Instant::now();
        while !self.shutdown.has_begun() {
            match self.hold(self.held_for()).await {
                Ok(true) if Instant::now() >= due => {
                    tokio::select! {
                        done = round.round() => self.note(done),
                        () = self.go_on_holding() => {}
                    }
                    due = Instant::now() + self.every;
                }
                Ok(_) => {}
                Err(fault) => self.note(Err(fault)),
            }
            tokio::time::sleep(self.every.min(self.held_for() / 3)).await;
        }
    }

    fn note(&self, done: Result<(), Fault>) {
        if let Err(error) = done {
            tracing::warn!(task = self.task, %error, "upkeep was not finished; the next round goes on");
        }
    }

    // While it lasts; ends once another process holds the task.
    async fn go_on_holding(&self) {
        loop {
            tokio::time::sleep(self.held_for() / 3).await;
            match self.hold(self.held_for()).await {
                Ok(true) => {}
                Ok(false) => return,
                Err(fault) => self.note(Err(fault)),
            }
        }
    }

    fn held_for(&self) -> Duration {
        let [least, most] = HOLD;
        (3 * self.every).clamp(least, most)
    }

    async fn hold(&self, period: Duration) -> Result<bool, Fault> {
        let now = time::now_micros();
        let period = i64::try_from(period.as_micros()).unwrap_or(i64::MAX);
        Ok(self.store.hold_task(self.task, &self.holder, now, now.saturating_add(period)).await?)
    }
}
