#![doc = include_str!("../README.md")]

pub mod conformance;
mod error;
mod job;
mod payload;
mod redis;
mod sqlite;

use async_trait::async_trait;

pub use self::redis::{RedisQueue, RedisQueueConfig};
pub use error::QueueError;
pub use job::{
    Accepted, EnqueuedEvents, JobStatus, Lease, LeaseRequest, Leased, NewEvents, NewJob, Renewed, Repaired,
    SourceStats,
};
pub use payload::{MAX_JOB_BYTES, MAX_JOB_EVENTS};
pub use sqlite::{SqliteQueue, SqliteQueueConfig};

/// The queue as those see it who bring work and who do it. Every call is one durable transition: when it returns, the new
/// state survives the death of any process. Every call about a lease carries its epoch and is refused with
/// [`QueueError::Stale`] once the lease has passed on.
#[async_trait]
pub trait Queue: Send + Sync + std::fmt::Debug {
    /// Queues a pull, replay, backfill or compaction job. Idempotent by id: a job that is there already is left as it is.
    async fn enqueue(&self, job: NewJob) -> Result<(), QueueError>;

    /// Queues events as jobs of at most 1,000 events or 1 MiB. Which of them are new is decided in the same transition; ids
    /// are remembered for ten minutes or a million a source. All of the call or none of it.
    async fn enqueue_events(&self, events: NewEvents) -> Result<EnqueuedEvents, QueueError>;

    /// Leases work, waiting up to `request.wait` for some. An events lease is a batch: the events jobs that one source has
    /// ready, once there are `batch_max_rows` or the oldest waits since `batch_max_age`. A batch whose lease expired is leased
    /// again as it was. Of the jobs that read a source ([`NewJob::reads_source`]) at most one is leased at a time. Sources take
    /// turns.
    async fn lease(&self, request: LeaseRequest) -> Result<Option<Leased>, QueueError>;

    /// Makes the lease last for another period.
    async fn heartbeat(&self, lease: &Lease) -> Result<Renewed, QueueError>;

    /// Done: the job or the batch's jobs leave the queue; a job whose events are spread over several batches leaves with the
    /// last of them.
    async fn complete(&self, lease: &Lease) -> Result<(), QueueError>;

    /// Failed: an attempt is burnt, and the work may be leased again after `delay`.
    async fn retry(&self, lease: &Lease, delay: std::time::Duration, error: &str) -> Result<(), QueueError>;

    /// Not the work's fault: it may be leased again after `delay`, and no attempt is burnt.
    async fn release(&self, lease: &Lease, delay: std::time::Duration) -> Result<(), QueueError>;

    /// Splits a batch of two events or more into two batches, inside jobs too. Their ids are derived
    /// ([`rfe_model::id::half`]), so that a repeated call does nothing.
    async fn bisect(&self, lease: &Lease) -> Result<(), QueueError>;
}

/// The queue as those see it who look after it.
#[async_trait]
pub trait QueueControl: Send + Sync + std::fmt::Debug {
    /// Takes a job that is not one of events out of the queue; its lease, if one is held, turns stale.
    async fn cancel(&self, job_id: &str) -> Result<(), QueueError>;

    /// Stops leasing a source's jobs.
    async fn pause(&self, source: &str) -> Result<(), QueueError>;

    /// Leases them again.
    async fn resume(&self, source: &str) -> Result<(), QueueError>;

    /// One job, also one that left the queue less than a day ago.
    async fn job(&self, job_id: &str) -> Result<Option<JobStatus>, QueueError>;

    /// Jobs of events, newest first; `before` is the id of the last one of the page before.
    async fn jobs(
        &self,
        source: Option<&str>,
        before: Option<&str>,
        limit: u32,
    ) -> Result<Vec<JobStatus>, QueueError>;

    /// Counts by source.
    async fn stats(&self) -> Result<Vec<SourceStats>, QueueError>;

    /// Which store this is. It changes when the store may have lost what it had accepted: emptied, restarted, failed over.
    async fn incarnation(&self) -> Result<String, QueueError>;

    /// Makes indexes and counts agree with the jobs again. Changes nothing where they do.
    async fn repair(&self) -> Result<Repaired, QueueError>;

    /// Asks whether the store answers.
    async fn ping(&self) -> Result<(), QueueError>;
}
