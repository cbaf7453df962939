//! Settings of the role.

use std::{path::PathBuf, time::Duration};

use rfe_lake::S3Config;
use rfe_model::backoff::Backoff;

/// Settings of the role.
#[derive(Debug, Clone)]
pub struct Config {
    /// Pull, replay and backfill jobs that run at the same time.
    pub pull_slots: usize,
    /// Batches of events that land at the same time; long pulls can't take their slots.
    pub event_slots: usize,
    /// Compactions that run at the same time.
    pub compaction_slots: usize,
    /// How long a lease lasts without a heartbeat; heartbeats come at a third of it.
    pub lease: Duration,
    /// A batch is ready with so many events.
    pub batch_max_rows: u32,
    /// Or when its oldest event is so old.
    pub batch_max_age: Duration,
    /// Delays between attempts, where a source does not say.
    pub backoff: Backoff,
    /// Local files may be read below these folders.
    pub roots: Vec<PathBuf>,
    /// Hosts, addresses and CIDRs that may be private.
    pub allow_private_hosts: Vec<String>,
    /// The store that the lake is in, if that is an S3 one: sources without a store of their own are read from it.
    pub s3: Option<S3Config>,
    /// A folder of this worker alone; what is in it at start is swept.
    pub scratch: PathBuf,
    /// Bytes of fields that a run holds in memory; more goes to files in `scratch`.
    pub staged_bytes: usize,
    /// Bytes of source data in one chunk.
    pub chunk_bytes: usize,
    /// Rows of a Parquet row group.
    pub row_group_rows: usize,
    /// Bytes of values after which a row group ends even if it has fewer rows.
    pub row_group_bytes: usize,
    /// Rows after which a data file ends.
    pub part_rows: u64,
    /// Bytes after which a data file ends.
    pub part_bytes: u64,
    /// About how large a compaction makes its files, in bytes; none is over twice as large.
    pub compact_bytes: u64,
    /// How often a run tells how far it is.
    pub progress_every: Duration,
    /// How long running work may go on once the shutdown has begun; then it is released.
    pub drain: Duration,
    /// The step at which the process aborts, once; for drills. See [`STEPS`](crate::STEPS).
    pub crash_point: Option<String>,
    /// The step at which a run freezes, and for how long; for drills. See [`FreezePoint::parse`](crate::FreezePoint::parse).
    pub freeze_point: Option<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            pull_slots: 2,
            event_slots: 2,
            compaction_slots: 1,
            lease: Duration::from_secs(30),
            batch_max_rows: 5000,
            batch_max_age: Duration::from_secs(1),
            backoff: Backoff::default(),
            roots: vec![PathBuf::from(".")],
            allow_private_hosts: Vec::new(),
            s3: None,
            scratch: std::env::temp_dir().join(format!("rfe-worker-{}", std::process::id())),
            staged_bytes: 64 << 20,
            chunk_bytes: 8 << 20,
            row_group_rows: 122_880,
            row_group_bytes: 64 << 20,
            part_rows: 4_000_000,
            part_bytes: 128 << 20,
            compact_bytes: 256 << 20,
            progress_every: Duration::from_secs(1),
            drain: Duration::from_secs(25),
            crash_point: None,
            freeze_point: None,
        }
    }
}
