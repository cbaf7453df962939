//! The steps of one piece of leased work. A drill may end the process at one of them, or freeze the work there.

use std::sync::Arc;

use tokio::sync::watch;

use crate::worker::Worker;

/// The steps of one piece of work. Clones are those of the same work.
#[derive(Debug, Clone)]
pub(crate) struct Steps {
    worker: Arc<Worker>,
    /// How many of its tasks are frozen.
    frozen: Arc<watch::Sender<u32>>,
}

impl Steps {
    pub fn new(worker: Arc<Worker>) -> Self {
        Self { worker, frozen: Arc::new(watch::Sender::new(0)) }
    }

    /// Passes a step.
    pub async fn pass(&self, step: &'static str) {
        self.worker.crash.pass(step);
        let Some(time) = self.worker.freeze.due(step) else { return };
        tracing::warn!(step, ?time, "freeze point reached");
        let _frozen = Frozen::begin(&self.frozen);
        tokio::time::sleep(time).await;
    }

    /// Waits while the work is frozen; true if it was. Who does something for the work by the clock, such as its heartbeats,
    /// asks before, and afterwards waits for its whole interval: so a frozen worker goes on as it would have, and what stops it
    /// is that its epoch has passed.
    pub async fn thawed(&self) -> bool {
        let mut frozen = self.frozen.subscribe();
        if *frozen.borrow() == 0 {
            return false;
        }
        // Its sender is this one's, so that it can't be gone.
        let _thawed = frozen.wait_for(|frozen| *frozen == 0).await;
        true
    }
}

struct Frozen<'a>(&'a watch::Sender<u32>);

impl<'a> Frozen<'a> {
    fn begin(count: &'a watch::Sender<u32>) -> Self {
        count.send_modify(|frozen| *frozen += 1);
        Self(count)
    }
}

impl Drop for Frozen<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|frozen| *frozen -= 1);
    }
}
