//! The queue in one SQLite file.

mod batch;
mod bisect;
mod cancel;
mod complete;
mod dedupe;
mod enqueue;
mod enqueue_events;
mod expire;
mod give_back;
mod heartbeat;
mod held;
mod pause;
mod prune;
mod read;
mod repair;
mod store;
mod take;
mod tx;
mod writer;

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use rfe_model::time::now_micros;
use rfe_proto::ingest::JobKind;
use sqlx::SqlitePool;

use self::{
    dedupe::Dedupe,
    give_back::GiveBack,
    take::{Offer, Take, Taken},
    tx::{Bound, Limits},
    writer::Writer,
};
use crate::{
    EnqueuedEvents, JobStatus, Lease, LeaseRequest, Leased, NewEvents, NewJob, Queue, QueueControl,
    QueueError, Renewed, Repaired, SourceStats,
};

/// Those who wait for work look again no more often than this.
const LOOK_AGAIN: Duration = Duration::from_millis(5);
const LONGEST_WAIT: Duration = Duration::from_secs(86_400);

/// Where the queue is and how much it holds.
#[derive(Debug, Clone)]
pub struct SqliteQueueConfig {
    /// The file; it and its folder are made if missing.
    pub path: PathBuf,
    /// Jobs that have not left.
    pub max_jobs: u64,
    /// Bytes of payload in jobs that have not left.
    pub max_bytes: u64,
    /// Jobs of one source that have not left.
    pub max_source_jobs: u64,
    /// Bytes of payload in them.
    pub max_source_bytes: u64,
    /// How long an event id is remembered.
    pub dedupe_window: Duration,
    /// How many ids of a source are remembered; of all sources together four times as many.
    pub dedupe_max_ids: usize,
}

impl SqliteQueueConfig {
    /// The defaults of CONTRACT §11 on this file.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            max_jobs: 1_000_000,
            max_bytes: 1 << 30,
            max_source_jobs: u64::MAX,
            max_source_bytes: u64::MAX,
            dedupe_window: Duration::from_secs(600),
            dedupe_max_ids: 1_000_000,
        }
    }
}

/// The queue in one SQLite file, of which one process is the only user.
#[derive(Debug)]
pub struct SqliteQueue {
    writer: Writer,
    readers: SqlitePool,
}

impl SqliteQueue {
    /// Opens the queue. Leases of a process before stay until they expire; where no such process can still run, end them with
    /// [`SqliteQueue::expire_all_leases`].
    ///
    /// # Errors
    /// If the file can't be opened or made.
    pub async fn open(config: SqliteQueueConfig) -> Result<Self, QueueError> {
        if let Some(folder) = config.path.parent() {
            tokio::fs::create_dir_all(folder).await.map_err(|error| QueueError::Store(Box::new(error)))?;
        }
        let limits = Limits {
            all: Bound { jobs: config.max_jobs, bytes: config.max_bytes },
            source: Bound { jobs: config.max_source_jobs, bytes: config.max_source_bytes },
        };
        let dedupe = Dedupe::new(config.dedupe_window, config.dedupe_max_ids);
        let writer = Writer::start(config.path.clone(), limits, dedupe).await?;
        let readers = store::open_readers(&config.path).await?;
        Ok(Self { writer, readers })
    }

    /// Ends every lease; each counts as expired, since a worker that ends in order releases what it holds. Returns how many
    /// there were.
    ///
    /// # Errors
    /// If the file can't be written.
    pub async fn expire_all_leases(&self) -> Result<u64, QueueError> {
        self.writer.run(expire::ExpireAll).await
    }

    /// Finishes what was called before and closes the file. Later calls fail. A queue that is only dropped loses nothing either.
    pub async fn close(&self) {
        self.writer.close().await;
        self.readers.close().await;
    }

    async fn deliver(&self, taken: Taken) -> Result<Leased, QueueError> {
        let events = match taken.kind {
            JobKind::Events => read::events(&self.readers, taken.seq).await?,
            _ => Vec::new(),
        };
        taken.delivery.arrived();
        Ok(Leased {
            lease: taken.lease,
            source: taken.source,
            kind: taken.kind,
            events,
            attempts: taken.attempts,
            expired: taken.expired,
            trace: taken.trace,
        })
    }
}

#[async_trait]
impl Queue for SqliteQueue {
    async fn enqueue(&self, job: NewJob) -> Result<(), QueueError> {
        self.writer.run(enqueue::Enqueue(job)).await
    }

    async fn enqueue_events(&self, events: NewEvents) -> Result<EnqueuedEvents, QueueError> {
        self.writer.run(enqueue_events::EnqueueEvents::new(&events)).await
    }

    async fn lease(&self, request: LeaseRequest) -> Result<Option<Leased>, QueueError> {
        let deadline = Instant::now() + request.wait.min(LONGEST_WAIT);
        let mut changes = self.writer.changes();
        loop {
            changes.mark_unchanged();
            let due = match self.writer.run(Take(request.clone())).await? {
                Offer::Work(taken) => return self.deliver(*taken).await.map(Some),
                Offer::Nothing { due } => due,
            };
            let now = Instant::now();
            if now >= deadline {
                return Ok(None);
            }
            let until_due = due.map_or(LONGEST_WAIT, |due| {
                Duration::from_micros(u64::try_from(due - now_micros()).unwrap_or(0))
            });
            let pause = until_due.max(LOOK_AGAIN).min(deadline - now);
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                changed = changes.changed() => {
                    changed.map_err(|_| writer::ended())?;
                    tokio::time::sleep(LOOK_AGAIN.min(deadline - now)).await;
                }
            }
        }
    }

    async fn heartbeat(&self, lease: &Lease) -> Result<Renewed, QueueError> {
        self.writer.run(heartbeat::Heartbeat(lease.clone())).await
    }

    async fn complete(&self, lease: &Lease) -> Result<(), QueueError> {
        self.writer.run(complete::Complete(lease.clone())).await
    }

    async fn retry(&self, lease: &Lease, delay: Duration, error: &str) -> Result<(), QueueError> {
        self.writer.run(GiveBack::failed(lease.clone(), delay, error)).await
    }

    async fn release(&self, lease: &Lease, delay: Duration) -> Result<(), QueueError> {
        self.writer.run(GiveBack::released(lease.clone(), delay)).await
    }

    async fn bisect(&self, lease: &Lease) -> Result<(), QueueError> {
        self.writer.run(bisect::Bisect(lease.clone())).await
    }
}

#[async_trait]
impl QueueControl for SqliteQueue {
    async fn cancel(&self, job_id: &str) -> Result<(), QueueError> {
        self.writer.run(cancel::Cancel(job_id.to_owned())).await
    }

    async fn pause(&self, source: &str) -> Result<(), QueueError> {
        self.writer.run(pause::Pause { source: source.to_owned(), paused: true }).await
    }

    async fn resume(&self, source: &str) -> Result<(), QueueError> {
        self.writer.run(pause::Pause { source: source.to_owned(), paused: false }).await
    }

    async fn job(&self, job_id: &str) -> Result<Option<JobStatus>, QueueError> {
        read::job(&self.readers, job_id, now_micros()).await
    }

    async fn jobs(
        &self,
        source: Option<&str>,
        before: Option<&str>,
        limit: u32,
    ) -> Result<Vec<JobStatus>, QueueError> {
        read::jobs(&self.readers, source, before, limit, now_micros()).await
    }

    async fn stats(&self) -> Result<Vec<SourceStats>, QueueError> {
        read::stats(&self.readers, now_micros()).await
    }

    async fn incarnation(&self) -> Result<String, QueueError> {
        read::incarnation(&self.readers).await
    }

    async fn repair(&self) -> Result<Repaired, QueueError> {
        self.writer.run(repair::Repair).await
    }

    async fn ping(&self) -> Result<(), QueueError> {
        self.incarnation().await.map(drop)
    }
}
