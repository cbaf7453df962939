//! What waits in the spool is sent to the queue, oldest first, as soon as that takes it.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures::{StreamExt as _, stream};
use rfe_mesh::Shutdown;
use rfe_queue::{Queue, QueueError};

use super::{
    Spool, SpoolError,
    index::{Blocked, Due},
    open,
};

/// So many calls, or bytes of them, are under way at once.
const FRAMES: usize = 64;
const BYTES: u64 = 8 << 20;
/// How soon a queue that is away is tried again.
const AGAIN: Duration = Duration::from_millis(250);
/// How soon a source is tried again for which the queue is full, or whose call failed for another reason.
const SOURCE_AGAIN: Duration = Duration::from_millis(500);
/// For how long a process that ends goes on sending.
const LAST: Duration = Duration::from_secs(5);

/// Sends what waits.
#[derive(Debug)]
pub(crate) struct Drain {
    spool: Spool,
    queue: Arc<dyn Queue>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Round {
    /// Something was sent.
    Sent,
    /// Nothing could be sent.
    Nothing,
    /// The queue is away.
    Away,
}

/// What became of one frame.
#[derive(Debug)]
enum Sent {
    Queued,
    Lost,
    Full(Due),
    Away(Due),
    Failed(Due),
}

// === impl Drain ===

impl Drain {
    /// From this spool to this queue.
    pub(crate) fn new(spool: Spool, queue: Arc<dyn Queue>) -> Self {
        Self { spool, queue }
    }

    /// Runs until shutdown begins, then until nothing waits or the queue is away. What waits then, the next process sends.
    pub(crate) async fn run(self, shutdown: Shutdown) {
        let mut blocked = Blocked::new();
        while !shutdown.has_begun() {
            let pause = match self.round(&mut blocked).await {
                Round::Sent => continue,
                Round::Away => AGAIN,
                Round::Nothing if self.spool.shared.index().has_waiting() => SOURCE_AGAIN,
                Round::Nothing => {
                    tokio::select! {
                        () = self.spool.shared.work.notified() => {}
                        () = shutdown.begun() => {}
                    }
                    continue;
                }
            };
            shutdown.sleep(pause).await;
        }
        let _out_of_time = tokio::time::timeout(LAST, self.last(&mut blocked)).await;
        if let Err(error) = self.spool.sync(0).await {
            tracing::error!(%error, "the spool could not be synced at the end");
        }
    }

    async fn last(&self, blocked: &mut Blocked) {
        while self.round(blocked).await == Round::Sent {}
    }

    async fn round(&self, blocked: &mut Blocked) -> Round {
        let now = Instant::now();
        blocked.retain(|_, until| *until > now);
        let due = self.spool.shared.index().take_due(FRAMES, BYTES, blocked);
        if due.is_empty() {
            return Round::Nothing;
        }
        // In the order in which they were accepted; so a repeat is met behind its first.
        let mut sent = stream::iter(due.into_iter().map(|due| self.send(due))).buffered(FRAMES);
        let mut round = Round::Nothing;
        while let Some(one) = sent.next().await {
            round = self.note(one, blocked, round);
        }
        if round == Round::Sent {
            self.spool.shared.set_away(false);
        }
        round
    }

    async fn send(&self, due: Due) -> Sent {
        let body = match due.place.read(&due.file) {
            Ok(Some(body)) => body,
            Ok(None) => {
                open::damaged(due.number, &self.spool.shared.metrics);
                self.spool.refuse(due.number);
                return Sent::Lost;
            }
            Err(error) => return failed(due, &SpoolError::Read(error)),
        };
        match self.queue.enqueue_events(body.into_call()).await {
            Ok(_) => {
                if self.spool.settle(due.number, due.generation) {
                    self.spool.shared.metrics.sent.inc();
                }
                Sent::Queued
            }
            Err(QueueError::Full { .. } | QueueError::OutOfMemory) => Sent::Full(due),
            Err(QueueError::Store(_)) => Sent::Away(due),
            Err(error) => failed(due, &error),
        }
    }

    fn note(&self, sent: Sent, blocked: &mut Blocked, round: Round) -> Round {
        let until = Instant::now() + SOURCE_AGAIN;
        match sent {
            Sent::Queued | Sent::Lost if round != Round::Away => Round::Sent,
            Sent::Queued | Sent::Lost => round,
            Sent::Full(due) => {
                // It answered, so that it is there; calls are told by itself that it is full.
                self.spool.shared.set_away(false);
                blocked.insert(due.source.clone(), until);
                self.give_back(&due);
                round
            }
            Sent::Failed(due) => {
                blocked.insert(due.source.clone(), until);
                self.give_back(&due);
                round
            }
            Sent::Away(due) => {
                self.spool.shared.set_away(true);
                self.give_back(&due);
                Round::Away
            }
        }
    }

    fn give_back(&self, due: &Due) {
        self.spool.shared.index().wait(due.number, super::plan::Plan::default());
    }
}

fn failed(due: Due, error: &dyn std::error::Error) -> Sent {
    tracing::error!(frame = due.number, source = %due.source, %error, "a call of the spool could not be sent; trying on");
    Sent::Failed(due)
}
