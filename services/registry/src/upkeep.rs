//! The stores that keep the platform tidy: compaction, retention, orphans, and who does it.

use std::time::Duration;

use async_trait::async_trait;
use rfe_proto::metadata as pb;

use crate::Result;

/// When small files are made into large ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CompactionLimits {
    /// A layer of a dataset is compacted once it has so many small files.
    pub files: u32,
    /// A file below so many bytes is small.
    pub small_bytes: u64,
    /// One compaction reads at most so many bytes.
    pub target_bytes: u64,
    /// One compaction reads at most so many files.
    pub inputs: u32,
}

/// A compaction that was planned.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedCompaction {
    /// Its run, QUEUED.
    pub run: pb::Run,
    /// How many files it reads.
    pub inputs: u32,
}

/// Compactions: runs of kind COMPACTION, which end many files of one layer of a dataset and begin few with the same rows. Claim,
/// commit, failure and cancel are those of every run.
#[async_trait]
pub trait CompactionStore: Send + Sync + std::fmt::Debug {
    /// Makes a run, with the files that it shall read, for each layer of a dataset that has too many small files and no
    /// compaction under way; of a backlog a few runs, each with files of its own. Files whose columns do not go together are never read by the same run. In mode `merge` the files
    /// follow one another without a gap. Where a compaction failed, none is made for five minutes.
    async fn plan_compactions(&self, limits: &CompactionLimits) -> Result<Vec<PlannedCompaction>>;
}

/// An object of the lake.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LakeObject {
    /// `raw`, `processed` or `dead-letter`, whatever the bucket is called there.
    pub bucket: String,
    /// Its key.
    pub key: String,
}

/// What is deleted with time, or on demand. What nothing names any more is doomed first: the note survives a crash, and goes once
/// the object is deleted.
#[async_trait]
pub trait RetentionStore: Send + Sync + std::fmt::Debug {
    /// Drops the dataset of a deleted source: its files end at a new snapshot, its open runs end (those of events begin
    /// again), its open letters are discarded, its ledger is forgotten. Returns the dataset as it was, and that snapshot.
    async fn drop_dataset(&self, name: &str) -> Result<(pb::Dataset, u64)>;

    /// Ends the files of `raw` that are older than their source keeps them at the instant `now`, each source's at a snapshot of
    /// its own. Returns how many.
    async fn end_old_raw(&self, now_micros: i64) -> Result<u64>;

    /// Takes out of the registry the files that ended longer before `now` than their source keeps snapshots, or `keep` where it
    /// does not say, and dooms their objects. Older snapshots are refused from then on. Returns how many.
    async fn retire_files(&self, now_micros: i64, keep: Duration) -> Result<u64>;

    /// Objects that are to be deleted, at most so many.
    async fn doomed(&self, limit: u32) -> Result<Vec<LakeObject>>;

    /// Notes that objects are deleted.
    async fn forget_doomed(&self, objects: &[LakeObject]) -> Result<()>;
}

/// Since when what nothing names may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrphanAge {
    /// It was marked before this instant, in µs since the Unix epoch.
    pub marked_before: i64,
    /// A running run that could still commit it was last heard of before this instant; its epoch is raised.
    pub heard_before: i64,
}

/// Objects that nothing names. A visible file can't be among them: what is marked is checked again under its run's lock, and then
/// no epoch is left under which it could be committed.
#[async_trait]
pub trait OrphanStore: Send + Sync + std::fmt::Debug {
    /// Marks those of the objects of a bucket that no file, no checkpoint and no letter names. Objects of runs that the
    /// registry does not know, and of keys that no run writes, are left alone. Returns how many are marked by this.
    async fn mark_orphans(&self, bucket: &str, keys: &[String], now_micros: i64) -> Result<u64>;

    /// Checks objects again that were marked long enough ago, at most so many, and dooms those that nothing names still.
    /// Returns how many marks it settled, and how many objects it doomed.
    async fn doom_orphans(&self, age: OrphanAge, limit: u32) -> Result<(u64, u64)>;
}

/// Who does what only one process may do at a time.
#[async_trait]
pub trait TaskStore: Send + Sync + std::fmt::Debug {
    /// True if `holder` holds the task until the given instant now: nobody else did at the instant `now`, in µs since the Unix
    /// epoch.
    async fn hold_task(&self, task: &str, holder: &str, now_micros: i64, until_micros: i64) -> Result<bool>;
}

/// All that upkeep needs.
pub trait UpkeepStore: CompactionStore + RetentionStore + OrphanStore + TaskStore {}

impl<T: CompactionStore + RetentionStore + OrphanStore + TaskStore> UpkeepStore for T {}
