//! What goes into the queue and comes out.

use std::time::Duration;

use rfe_proto::ingest::{Event, JobKind, JobState};

/// A job that reads, replays or compacts.
#[derive(Debug, Clone, PartialEq)]
pub struct NewJob {
    /// Its id, and its run's.
    pub id: String,
    /// The source.
    pub source: String,
    /// PULL, REPLAY, BACKFILL or COMPACTION.
    pub kind: JobKind,
    /// True if it reads the whole source; of these one a source is leased at a time.
    pub reads_source: bool,
    /// The W3C `traceparent` of the call that brought it, or nothing.
    pub trace: String,
}

/// Events of one call. Every event has an id and a time of receipt.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEvents {
    /// The id of the first job that the call makes, a UUIDv7; the others are derived from it ([`rfe_model::id::nth`]). A call that is
    /// sent again under its id makes no other jobs.
    pub id: String,
    /// The source.
    pub source: String,
    /// The events.
    pub events: Vec<Event>,
    /// The W3C `traceparent` of the call, or nothing.
    pub trace: String,
}

/// What became of the events of one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnqueuedEvents {
    /// One entry an event, in the order of the call.
    pub outcomes: Vec<Accepted>,
}

/// What became of one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Accepted {
    /// New; this job carries it.
    New {
        /// The job.
        job_id: String,
    },
    /// Its id is known, or stands twice in the call; the first one is durable.
    Duplicate,
}

/// Who asks for work, and which.
#[derive(Debug, Clone)]
pub struct LeaseRequest {
    /// Unique per process start.
    pub worker: String,
    /// How long a lease lasts without a heartbeat.
    pub lease: Duration,
    /// How long to wait for work.
    pub wait: Duration,
    /// A batch is ready with so many events.
    pub batch_max_rows: u32,
    /// Or when its oldest event is so old.
    pub batch_max_age: Duration,
    /// Only work of these kinds; empty: of any. Workers keep slots for events and others for compactions, so that long pulls starve
    /// neither.
    pub kinds: Vec<JobKind>,
}

/// The right to do a piece of work, until it expires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The job's id, or the batch's; it is the run's id.
    pub id: String,
    /// Raised by every lease of this work.
    pub epoch: u64,
    /// How long it lasts without a heartbeat.
    pub period: Duration,
}

/// A piece of work.
#[derive(Debug, Clone, PartialEq)]
pub struct Leased {
    /// The lease.
    pub lease: Lease,
    /// The source.
    pub source: String,
    /// What it is.
    pub kind: JobKind,
    /// The events of a batch, in order; empty for other kinds.
    pub events: Vec<Event>,
    /// Attempts burnt before, by [`Queue::retry`](crate::Queue::retry).
    pub attempts: u32,
    /// Leases that expired before: workers that died or froze over it.
    pub expired: u32,
    /// The trace of the call that brought the job, or the batch's first one; or nothing.
    pub trace: String,
}

/// What a heartbeat says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Renewed {
    /// Go on.
    Held,
    /// The job was cancelled; stop.
    Cancelled,
}

/// What a repair found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Repaired {
    /// Jobs looked at.
    pub checked: u64,
    /// What did not agree with them and was mended: entries of indexes, and counts. 0 unless something is broken.
    pub mended: u64,
}

/// A job as the queue knows it.
#[derive(Debug, Clone, PartialEq)]
pub struct JobStatus {
    /// The job.
    pub id: String,
    /// The source.
    pub source: String,
    /// What it is.
    pub kind: JobKind,
    /// QUEUED, RUNNING, RETRYING or, once it left, SUCCEEDED. The registry knows better how a run ended.
    pub state: JobState,
    /// The batch that holds it, or held it last; of other kinds the job's own id.
    pub run_id: Option<String>,
    /// True once a bisection spread its events over several batches: `run_id` is then only one of them.
    pub split: bool,
    /// Attempts burnt.
    pub attempts: u32,
    /// Events in it.
    pub events: u32,
    /// When it was accepted, in µs since the Unix epoch.
    pub created_micros: i64,
    /// When it last changed, in µs since the Unix epoch.
    pub updated_micros: i64,
    /// Not leased before this, in µs since the Unix epoch.
    pub not_before_micros: Option<i64>,
    /// The last error.
    pub error: String,
}

/// Counts of one source.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SourceStats {
    /// The source.
    pub source: String,
    /// Jobs that wait.
    pub queued_jobs: i64,
    /// Jobs that a worker holds.
    pub running_jobs: i64,
    /// Jobs that wait for their next attempt.
    pub delayed_jobs: i64,
    /// Events in jobs that have not left.
    pub events: i64,
    /// Bytes of payload in jobs that have not left.
    pub bytes: i64,
    /// Age of the oldest job that waits.
    pub oldest_age: Duration,
    /// True while paused.
    pub paused: bool,
}
