//! What was accepted stands on this process's disk too, so that events are taken while the queue is away, and sent again to a queue
//! that lost them. See `docs/adr/0011-spool.md`.

mod accept;
mod drain;
mod error;
mod find;
mod frame;
mod incarnation;
mod index;
mod marks;
mod metrics;
mod open;
mod pauses;
mod plan;
mod resend;
mod segment;
#[cfg(test)]
mod tests;
mod writer;

use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use rfe_model::time::now_micros;
use rfe_queue::NewEvents;
use tokio::sync::{Notify, oneshot};

pub use self::error::SpoolError;
pub(crate) use self::{accept::Acceptance, drain::Drain, incarnation::Watch};
use self::{
    frame::Encoded,
    index::{Index, NoRoom},
    marks::Mark,
    metrics::SpoolMetrics,
    pauses::Pauses,
    writer::{Append, Command, Writer},
};

/// Where the spool is and how much it keeps.
#[derive(Debug, Clone)]
pub struct SpoolConfig {
    /// The folder; it is made if missing. One process is its only user.
    pub folder: PathBuf,
    /// Bytes on disk. What the queue has gives way to what it does not have; beyond, calls are refused.
    pub bytes: u64,
    /// For how long accepted events are kept after the queue has them.
    pub window: Duration,
}

impl SpoolConfig {
    /// A spool of 1 GiB and ten minutes in this folder.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), bytes: 1 << 30, window: Duration::from_secs(600) }
    }
}

/// The spool. Clones are the same spool.
#[derive(Debug, Clone)]
pub(crate) struct Spool {
    shared: Arc<Shared>,
    writer: Writer,
}

/// What the spool's tasks and its thread share.
#[derive(Debug)]
pub(super) struct Shared {
    config: SpoolConfig,
    index: Mutex<Index>,
    metrics: SpoolMetrics,
    pauses: Pauses,
    /// True while the queue is taken to be away: calls don't wait for it.
    away: AtomicBool,
    /// Told when frames wait that did not before.
    work: Notify,
}

/// A frame on its way to the disk. Dropped, it waits to be sent once it is there.
#[derive(Debug)]
struct Appending(oneshot::Receiver<Result<Held, SpoolError>>);

/// A frame that a call wrote. Dropped without a fate, it waits to be sent.
#[derive(Debug)]
struct Held {
    spool: Spool,
    number: u64,
    generation: u64,
    open: bool,
}

// === impl Spool ===

impl Spool {
    /// Begins to write a call, as far as the system's cache: that survives the death of the process.
    fn append(&self, call: &NewEvents) -> Result<Appending, SpoolError> {
        let accepted = now_micros();
        let frame = Encoded::new(call, accepted)?;
        let generation = self.reserve(frame.len())?;
        let (reply, written) = oneshot::channel();
        let (source, spool) = (call.source.clone(), self.clone());
        let append = Append { frame, source, accepted, spool, generation, reply };
        self.writer.send(Command::Append(Box::new(append)))?;
        Ok(Appending(written))
    }

    fn reserve(&self, bytes: u64) -> Result<u64, SpoolError> {
        let mut index = self.shared.index();
        let reserved = index.reserve(bytes);
        let dropped = index.take_dropped();
        drop(index);
        self.remove(dropped);
        reserved.map_err(|NoRoom| SpoolError::Full(self.shared.config.bytes))
    }

    /// Makes durable what was written, to this segment above all.
    async fn sync(&self, segment: u64) -> Result<(), SpoolError> {
        let (reply, synced) = oneshot::channel();
        self.writer.send(Command::Sync { segment, reply })?;
        synced.await.map_err(|_| SpoolError::Closed)?.map_err(SpoolError::Sync)
    }

    fn remove(&self, segments: Vec<u64>) {
        for segment in segments {
            // A thread that ended leaves the files to the next process, which drops them.
            let _ended = self.writer.send(Command::Remove(segment));
        }
    }

    fn mark(&self, number: u64, segment: u64, mark: Mark) {
        // Without its mark a frame is sent once more by the next process.
        let _ended = self.writer.send(Command::Mark { segment, number, mark });
    }

    /// The queue has the frame. False if it came from an earlier incarnation, and the frame waits to be sent to this one.
    fn settle(&self, number: u64, generation: u64) -> bool {
        let mut index = self.shared.index();
        let Some((place, _)) = index.place(number) else { return true };
        let settled = index.settle(number, generation, now_micros());
        drop(index);
        if settled {
            self.mark(number, place.segment, Mark::Queued);
        } else {
            self.shared.work.notify_one();
        }
        settled
    }

    /// The caller is told that the frame was not accepted.
    fn refuse(&self, number: u64) {
        let mut index = self.shared.index();
        let Some((place, _)) = index.place(number) else { return };
        index.forget(number, 0);
        drop(index);
        self.mark(number, place.segment, Mark::Refused);
    }
}

// === impl Shared ===

impl Shared {
    fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_away(&self) -> bool {
        self.away.load(Ordering::Relaxed)
    }

    /// The queue answered, or did not.
    fn set_away(&self, away: bool) {
        if self.away.swap(away, Ordering::Relaxed) != away {
            match away {
                true => tracing::warn!("the queue is away; events are kept in the spool until it is back"),
                false => tracing::info!("the queue is back; what waits in the spool is sent"),
            }
        }
    }
}

// === impl Appending ===

impl Appending {
    /// Waits until the frame is written.
    async fn written(self) -> Result<Held, SpoolError> {
        self.0.await.map_err(|_| SpoolError::Closed)?
    }
}

// === impl Held ===

impl Held {
    fn settle(mut self) {
        self.open = false;
        self.spool.settle(self.number, self.generation);
    }

    fn refuse(mut self) {
        self.open = false;
        self.spool.refuse(self.number);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if self.open {
            self.spool.shared.index().wait(self.number, plan::Plan::default());
            self.spool.shared.work.notify_one();
        }
    }
}
