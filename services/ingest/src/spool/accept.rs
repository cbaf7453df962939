//! Events are accepted: by the queue, and by the spool alone while the queue is away.

use std::{sync::Arc, time::Duration};

use rfe_model::Fault;
use rfe_queue::{EnqueuedEvents, NewEvents, Queue, QueueError};

use super::{Held, Spool, SpoolError};

/// A queue that has not answered by then is taken to be away.
const PATIENCE: Duration = Duration::from_secs(2);

/// Where events become durable.
#[derive(Debug, Clone)]
pub(crate) struct Acceptance {
    queue: Arc<dyn Queue>,
    spool: Option<Spool>,
}

// === impl Acceptance ===

impl Acceptance {
    /// By this queue, and by the spool if there is one.
    pub(crate) fn new(queue: Arc<dyn Queue>, spool: Option<Spool>) -> Self {
        Self { queue, spool }
    }

    /// Accepts a call: when this returns, it is durable.
    pub(crate) async fn accept(&self, call: NewEvents) -> Result<EnqueuedEvents, Fault> {
        match &self.spool {
            Some(spool) => spool.accept(&*self.queue, call).await,
            None => Ok(self.queue.enqueue_events(call).await?),
        }
    }
}

impl Spool {
    pub(super) async fn accept(&self, queue: &dyn Queue, call: NewEvents) -> Result<EnqueuedEvents, Fault> {
        if self.shared.is_away() {
            return Ok(self.append(&call)?.written().await?.keep().await?);
        }
        // Without room for a copy a call is refused: what the queue would lose with it could not be sent again.
        let appending = self.append(&call)?;
        // Both at once: the copy costs no time, and is there before the answer is.
        let (held, queued) = tokio::join!(appending.written(), patiently(queue.enqueue_events(call)));
        match (held, queued) {
            (Ok(held), Some(Ok(enqueued))) => {
                self.shared.set_away(false);
                held.settle();
                Ok(enqueued)
            }
            (Ok(held), None | Some(Err(QueueError::Store(_)))) => {
                self.shared.set_away(true);
                Ok(held.keep().await?)
            }
            (Ok(held), Some(Err(error))) => {
                held.refuse();
                Err(error.into())
            }
            (Err(error), queued) => unspooled(error, queued),
        }
    }
}

// The spool's disk failed, which is counted and logged; the queue's word counts.
fn unspooled(
    error: SpoolError,
    queued: Option<Result<EnqueuedEvents, QueueError>>,
) -> Result<EnqueuedEvents, Fault> {
    match queued {
        Some(Ok(enqueued)) => Ok(enqueued),
        Some(Err(refused)) if !matches!(refused, QueueError::Store(_)) => Err(refused.into()),
        _ => Err(error.into()),
    }
}

async fn patiently<T>(answer: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(PATIENCE, answer).await.ok()
}

// === impl Held ===

impl Held {
    /// The call is the spool's: makes it durable there. Says what its events will become, as the queue will decide unless it knows
    /// of repeats that the spool does not.
    async fn keep(mut self) -> Result<EnqueuedEvents, SpoolError> {
        let (place, file) = self.spool.shared.index().place(self.number).ok_or(SpoolError::Closed)?;
        let body = place.read(&file).map_err(SpoolError::Read)?;
        let body = body.ok_or(SpoolError::Damaged(self.number))?;
        let outcomes = self.spool.shared.index().keep(self.number, &body.id, &body.source, &body.events);
        self.open = false;
        self.spool.shared.metrics.kept.inc();
        self.spool.shared.work.notify_one();
        self.spool.sync(place.segment).await?;
        Ok(EnqueuedEvents { outcomes })
    }
}
