//! Whether the queue is the one that it was: one that restarted, was flushed or failed over may have lost what it had accepted.

use std::{fs, io, sync::Arc, time::Duration};

use rfe_mesh::Shutdown;
use rfe_model::time::now_micros;
use rfe_queue::QueueControl;
use tokio::task::spawn_blocking;

use super::{Spool, pauses};
use crate::loss::Loss;

/// How often it is asked.
const EVERY: Duration = Duration::from_secs(1);
const NAME: &str = "incarnation";
const NEW_NAME: &str = "incarnation.new";

/// Watches the queue's incarnation.
#[derive(Debug)]
pub(crate) struct Watch {
    spool: Spool,
    control: Arc<dyn QueueControl>,
    loss: Loss,
}

// === impl Watch ===

impl Watch {
    /// Of the queue that this spool sends to. `loss` is told when another one is there.
    pub(crate) fn new(spool: Spool, control: Arc<dyn QueueControl>, loss: Loss) -> Self {
        Self { spool, control, loss }
    }

    /// Runs until shutdown begins.
    pub(crate) async fn run(self, shutdown: Shutdown) {
        tokio::join!(self.watch(&shutdown), self.show(&shutdown));
    }

    async fn watch(&self, shutdown: &Shutdown) {
        // Kept only once all of the window was sent to it: a process that dies before does it anew.
        let mut kept = self.read().await;
        let mut met = kept.clone();
        loop {
            let stats = self.control.stats().await;
            match self.control.incarnation().await {
                Ok(found) if kept.as_ref() == Some(&found) => {
                    self.trim();
                    // They are older than the incarnation, so that they are its own.
                    if let Ok(stats) = stats {
                        self.spool.note_stats(&stats).await;
                    }
                }
                Ok(found) => {
                    if met.as_ref() != Some(&found) {
                        self.meet(met.is_some());
                        met = Some(found.clone());
                    }
                    kept = self.resend_to(&found, shutdown).await.then_some(found);
                }
                Err(error) => tracing::debug!(%error, "the queue's incarnation is not known"),
            }
            if !shutdown.sleep(EVERY).await {
                return;
            }
        }
    }

    // By itself: a queue that is away is waited for.
    async fn show(&self, shutdown: &Shutdown) {
        loop {
            self.spool.shared.metrics.show(self.spool.shared.index().counts());
            if !shutdown.sleep(EVERY).await {
                return;
            }
        }
    }

    fn meet(&self, is_another: bool) {
        if is_another {
            self.spool.shared.metrics.incarnations.inc();
            tracing::warn!("the queue is another incarnation; what was accepted lately is sent to it again");
            self.loss.happened();
        }
    }

    // False if yet another one came meanwhile, or the end of the process.
    async fn resend_to(&self, found: &str, shutdown: &Shutdown) -> bool {
        // First, so that nothing of them is leased that comes again.
        if let Err(error) = self.spool.restore_pauses(&*self.control).await {
            tracing::debug!(%error, "paused sources could not be paused again; trying on");
            return false;
        }
        let done = tokio::select! {
            done = self.spool.resend(shutdown) => done,
            () = self.until_another(found, shutdown) => false,
        };
        if done {
            self.write(found.to_owned()).await;
        }
        done
    }

    async fn until_another(&self, found: &str, shutdown: &Shutdown) {
        while shutdown.sleep(EVERY).await {
            if self.control.incarnation().await.is_ok_and(|now| now != found) {
                return;
            }
        }
    }

    // Only while the queue is known to be the one that has it.
    fn trim(&self) {
        let window = i64::try_from(self.spool.shared.config.window.as_micros()).unwrap_or(i64::MAX);
        let dropped = {
            let mut index = self.spool.shared.index();
            index.trim(now_micros().saturating_sub(window));
            index.take_dropped()
        };
        self.spool.remove(dropped);
    }

    async fn read(&self) -> Option<String> {
        let path = self.spool.shared.config.folder.join(NAME);
        spawn_blocking(move || fs::read_to_string(path).ok()).await.ok().flatten()
    }

    async fn write(&self, found: String) {
        let folder = self.spool.shared.config.folder.clone();
        let written = spawn_blocking(move || pauses::write(&folder, NAME, NEW_NAME, &found))
            .await
            .map_err(io::Error::other);
        if let Err(error) = written.flatten() {
            tracing::warn!(%error, "the queue's incarnation could not be noted; the next process sends everything again");
        }
    }
}
