#![doc = include_str!("../README.md")]

mod compaction;
pub mod conformance;
mod error;
mod postgres;
mod record;
mod sqlite;
mod upkeep;

use async_trait::async_trait;
use rfe_model::SourceSpec;
use rfe_proto::{
    dlq::{DeadLetter, DeadLetterFilter},
    metadata as pb,
    scheduler::{Firing, Schedule},
};

pub use error::RegistryError;
pub use postgres::PostgresRegistry;
pub use record::{
    Claim, Claimed, Commit, Failure, MetaPart, MetaTable, MetaValue, NewRun, Page, Resolved, RunFilter,
    WaitingFiring, file_cursor,
};
pub use sqlite::SqliteRegistry;
pub use upkeep::{
    CompactionLimits, CompactionStore, LakeObject, OrphanAge, OrphanStore, PlannedCompaction, RetentionStore,
    TaskStore, UpkeepStore,
};

/// A table of `meta` shows at most so many rows.
pub const SCAN_ROWS: usize = 1_000_000;
/// The tables of `meta`.
pub const META_TABLES: [&str; 8] = [
    "data_files",
    "freshness",
    "ingestion_failures",
    "ingestion_run_summary",
    "ingestion_runs",
    "ingestion_schemas",
    "schedules",
    "sources",
];

const SCAN_PART: u32 = 10_000;

type Result<T> = std::result::Result<T, RegistryError>;

/// Declared sources. Records are the messages of the protos: there is one definition of each.
#[async_trait]
pub trait SourceStore: Send + Sync + std::fmt::Debug {
    /// Creates and updates sources in one transaction; with `prune` the declared ones that are not among them are deleted.
    /// Returns name and action (`created`, `updated`, `unchanged`, `deleted`). A deleted source of the name comes back.
    async fn apply(&self, sources: &[SourceSpec], prune: bool) -> Result<Vec<pb::AppliedSource>>;

    /// Creates one source. At most `limit` auto-created ones if `auto_created`.
    async fn create(&self, source: &SourceSpec, auto_created: Option<u32>) -> Result<pb::Source>;

    /// Replaces one source.
    async fn update(&self, source: &SourceSpec) -> Result<pb::Source>;

    /// One source, deleted or not.
    async fn source(&self, name: &str) -> Result<Option<pb::Source>>;

    /// Sources by name, those after `page.after`; and the revision of them all.
    async fn sources(&self, page: &Page, deleted: bool) -> Result<(Vec<pb::Source>, u64)>;

    /// Ends the reading of a source.
    async fn delete(&self, name: &str) -> Result<()>;
}

/// Runs, from row to commit (DESIGN §3).
#[async_trait]
pub trait RunStore: Send + Sync + std::fmt::Debug {
    /// Makes the row of a pull or replay run; idempotent by id. True if it is new. While a pull run of the source is QUEUED,
    /// that one is the answer.
    async fn create_run(&self, run: &NewRun) -> Result<(pb::Run, bool)>;

    /// Claims a run and raises its epoch; makes the row of a batch of events.
    async fn claim(&self, claim: &Claim) -> Result<Claimed>;

    /// Settles the columns under the dataset's lock (`rfe_model::schema::settle`); idempotent by hash. Returns the version and
    /// the discarded columns.
    async fn register_schema(
        &self,
        run_id: &str,
        epoch: u64,
        columns: &[pb::ObservedColumn],
    ) -> Result<(pb::SchemaVersion, Vec<String>)>;

    /// Commits in one transaction, the snapshot's number last. A second commit of the same epoch answers as the first did.
    async fn commit(&self, commit: &Commit) -> Result<pb::Run>;

    /// Ends an attempt in one transaction with its letters, and raises the epoch.
    async fn fail(&self, failure: &Failure) -> Result<pb::Run>;

    /// Notes progress of a running epoch.
    async fn progress(&self, run_id: &str, epoch: u64, counters: &pb::RunCounters) -> Result<()>;

    /// Cancels a pull, replay or backfill run that has not ended, and raises the epoch; a cancelled one is answered again.
    async fn cancel(&self, run_id: &str) -> Result<pb::Run>;

    /// One run.
    async fn run(&self, run_id: &str) -> Result<Option<pb::Run>>;

    /// Runs, newest first.
    async fn runs(&self, filter: &RunFilter, page: &Page) -> Result<Vec<pb::Run>>;

    /// Forgets ids of events that landed before an instant, in µs since the Unix epoch. Returns how many.
    async fn purge_ledger(&self, before_micros: i64) -> Result<u64>;
}

/// What a run and its source remember of what they read. All of it is fenced by the run's epoch.
#[async_trait]
pub trait MemoryStore: Send + Sync + std::fmt::Debug {
    /// Notes an object of checkpoints of a running epoch. It takes the place of what earlier epochs saved from its place on.
    async fn save_checkpoint(&self, run_id: &str, epoch: u64, checkpoint: &pb::Checkpoint) -> Result<()>;

    /// The objects of checkpoints of a running epoch, by place: inherited ones, and its own. `page.after` is a place.
    async fn checkpoints(&self, run_id: &str, epoch: u64, page: &Page) -> Result<Vec<pb::Checkpoint>>;

    /// The places in `files` of those that no committed run of the run's source has read, ascending.
    async fn unread(&self, run_id: &str, epoch: u64, files: &[pb::FileMark]) -> Result<Vec<u32>>;
}

/// Datasets, schema versions and data files, as snapshots show them.
#[async_trait]
pub trait CatalogStore: Send + Sync + std::fmt::Debug {
    /// The newest snapshot.
    async fn snapshot(&self) -> Result<u64>;

    /// Datasets with columns and, unless `columns_only`, visible files, at one snapshot (0 = newest). Empty `names`: all. A
    /// dropped dataset is left out. A dataset of which the snapshot shows files that are deleted is an error, where it is named.
    async fn resolve(&self, snapshot: u64, names: &[String], columns_only: bool) -> Result<Resolved>;

    /// Visible files of one dataset by key.
    async fn files(
        &self,
        dataset: &str,
        snapshot: u64,
        layer: pb::Layer,
        page: &Page,
    ) -> Result<(Vec<pb::DataFile>, u64)> {
        self.files_after(dataset, snapshot, layer, 0, page).await
    }

    /// Those of the visible files that began after a snapshot, by key.
    async fn files_after(
        &self,
        dataset: &str,
        snapshot: u64,
        layer: pb::Layer,
        begun_after: u64,
        page: &Page,
    ) -> Result<(Vec<pb::DataFile>, u64)>;

    /// Keys of the files that an older snapshot shows and a later one does not. An error if files that the older one shows may be
    /// deleted.
    async fn ended(&self, dataset: &str, older: u64, snapshot: u64, layer: pb::Layer) -> Result<Vec<String>>;

    /// The newest snapshot, and the datasets of which files began or ended after an older one, by name.
    async fn changes(&self, after: u64) -> Result<(u64, Vec<String>)>;

    /// Schema versions, newest first.
    async fn schema_versions(&self, dataset: &str, page: &Page) -> Result<Vec<pb::SchemaVersion>>;

    /// How fresh sources are, by name; `source`: only that one.
    async fn freshness(&self, source: Option<&str>, page: &Page) -> Result<Vec<pb::Freshness>>;

    /// The newest million rows of a table of `meta`; `None` if there is no such table. It holds them all in memory;
    /// [`CatalogStore::scan_part`] does not.
    async fn scan(&self, table: &str) -> Result<Option<MetaTable>> {
        let Some(mut part) = self.scan_part(table, None, SCAN_PART).await? else { return Ok(None) };
        let mut whole = std::mem::take(&mut part.table);
        while let Some(next) = part.next.filter(|_| whole.rows.len() < SCAN_ROWS) {
            let Some(following) = self.scan_part(table, Some(next), SCAN_PART).await? else { break };
            part = following;
            whole.rows.append(&mut part.table.rows);
        }
        whole.rows.truncate(SCAN_ROWS);
        Ok(Some(whole))
    }

    /// Some rows of a table of `meta`, newest first, after the part that ended with `after`; `None` if there is no such
    /// table.
    async fn scan_part(&self, table: &str, after: Option<i64>, limit: u32) -> Result<Option<MetaPart>>;
}

/// Dead letters.
#[async_trait]
pub trait LetterStore: Send + Sync + std::fmt::Debug {
    /// Letters without their bytes, newest first.
    async fn letters(&self, filter: &DeadLetterFilter, page: &Page) -> Result<Vec<DeadLetter>>;

    /// One letter with the bytes that the registry holds.
    async fn letter(&self, id: &str) -> Result<Option<DeadLetter>>;

    /// How many letters match.
    async fn count_letters(&self, filter: &DeadLetterFilter) -> Result<i64>;

    /// Closes an open letter, with why and who; a discarded one is answered again as it is.
    async fn discard(&self, id: &str, reason: &str, by: &str) -> Result<DeadLetter>;
}

/// Schedules and firings. Only the scheduler opens it.
#[async_trait]
pub trait ScheduleStore: Send + Sync + std::fmt::Debug {
    /// Creates or replaces a schedule.
    async fn put_schedule(&self, schedule: &Schedule) -> Result<()>;

    /// One schedule.
    async fn schedule(&self, id: &str) -> Result<Option<Schedule>>;

    /// Schedules by id, those after `page.after`; `source`: only its ones.
    async fn schedules(&self, source: Option<&str>, page: &Page) -> Result<Vec<Schedule>>;

    /// Deletes a schedule; one that is not there is fine.
    async fn delete_schedule(&self, id: &str) -> Result<()>;

    /// Notes firings of one schedule and moves its `next_fire_time`, and its `last_fire_time` to the newest of them that was not
    /// missed, in one transaction. Idempotent by firing.
    async fn fired(
        &self,
        schedule: &str,
        firings: &[Firing],
        next: Option<prost_types::Timestamp>,
    ) -> Result<()>;

    /// Notes what became of a firing; its schedule stays as it is.
    async fn settle_firing(&self, firing: &Firing) -> Result<()>;

    /// Of each schedule that has firings that wait (outcome `buffered`) the oldest of them.
    async fn waiting(&self) -> Result<Vec<WaitingFiring>>;

    /// Firings of a schedule, newest first.
    async fn firings(&self, schedule: &str, page: &Page) -> Result<Vec<Firing>>;
}
