//! What goes into the stores and comes out, where it is not a message of the protos.

use rfe_proto::{dlq::DeadLetter, metadata as pb, scheduler::Firing};

/// A page of a list: after this key, at most so many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The key of the last entry of the page before; `None` for the first page.
    pub after: Option<String>,
    /// At most this many.
    pub limit: u32,
}

/// What `Page::after` is after a file: its key, and its layer, since both layers may know the key.
pub fn file_cursor(file: &pb::DataFile) -> String {
    format!("{}\n{}", file.key, file.layer)
}

/// A run to make.
#[derive(Debug, Clone, PartialEq)]
pub struct NewRun {
    /// Its id.
    pub run_id: String,
    /// The source.
    pub source: String,
    /// PULL, REPLAY or BACKFILL.
    pub kind: pb::RunKind,
    /// For REPLAY: the letter; it must be open.
    pub letter_id: Option<String>,
    /// For REPLAY: bytes that replace the letter's.
    pub replay_raw: Option<Vec<u8>>,
    /// The instant of the schedule, in µs since the Unix epoch.
    pub scheduled_micros: Option<i64>,
}

/// A claim on a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The run.
    pub run_id: String,
    /// The source.
    pub source: String,
    /// What it is.
    pub kind: pb::RunKind,
    /// Unique per process start.
    pub worker: String,
}

/// What a claim found.
#[derive(Debug, Clone, PartialEq)]
pub struct Claimed {
    /// The run, with the epoch to use.
    pub run: pb::Run,
    /// False if it had ended.
    pub claimed: bool,
    /// The source; also a deleted one, so that what was accepted before still lands.
    pub source: pb::Source,
    /// The newest schema version.
    pub schema: Option<pb::SchemaVersion>,
    /// For REPLAY: the letter with the bytes that the registry holds.
    pub letter: Option<DeadLetter>,
    /// For REPLAY: bytes that replace the letter's.
    pub replay_raw: Option<Vec<u8>>,
    /// Where the source's last committed run left off; never in mode REPLACE.
    pub cursor: Option<String>,
    /// How many checkpoints earlier epochs left.
    pub checkpoints: u64,
    /// For COMPACTION: the files to read, all of one layer and in their order. Of their statistics only the ids of columns are
    /// given, and none where they are very many; of raw ones the first has the columns of all. `schema` is then the version to
    /// write by: the newest of theirs.
    pub inputs: Vec<pb::DataFile>,
}

/// A commit.
#[derive(Debug, Clone, PartialEq)]
pub struct Commit {
    /// The run.
    pub run_id: String,
    /// Its epoch.
    pub epoch: u64,
    /// The version that the files were written by; 0 if there are none.
    pub schema_version: u32,
    /// The files.
    pub files: Vec<pb::DataFile>,
    /// Ids for the ledger.
    pub event_ids: Vec<String>,
    /// Letters.
    pub letters: Vec<DeadLetter>,
    /// Counters; they must balance.
    pub counters: pb::RunCounters,
    /// Where the next run begins; `None`: where this one did.
    pub cursor: Option<String>,
    /// Files that were read to the end.
    pub files_read: Vec<pb::FileMark>,
    /// Columns that the policy left out, with their values counted.
    pub discarded_columns: Vec<pb::DiscardedColumn>,
}

/// The end of an attempt.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    /// The run.
    pub run_id: String,
    /// Its epoch.
    pub epoch: u64,
    /// Where it happened.
    pub stage: String,
    /// The reason as a constant.
    pub code: String,
    /// The reason for a person.
    pub message: String,
    /// When the next attempt may start, in µs since the Unix epoch; `None`: the run gives up.
    pub next_attempt_micros: Option<i64>,
    /// Letters for what it gives up.
    pub letters: Vec<DeadLetter>,
    /// What it had read.
    pub counters: pb::RunCounters,
}

/// Which runs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RunFilter {
    /// Only of this source.
    pub source: Option<String>,
    /// Only in these states; empty: in any.
    pub states: Vec<pb::RunState>,
    /// Only of these kinds; empty: of any.
    pub kinds: Vec<pb::RunKind>,
}

/// The firing of a schedule whose turn is next.
#[derive(Debug, Clone, PartialEq)]
pub struct WaitingFiring {
    /// The oldest one that waits.
    pub firing: Firing,
    /// How many of the schedule wait, this one included.
    pub count: u32,
}

/// Datasets as a snapshot shows them.
#[derive(Debug, Clone, PartialEq)]
pub struct Resolved {
    /// The snapshot.
    pub snapshot: u64,
    /// The datasets that exist among those asked for.
    pub datasets: Vec<pb::ResolvedDataset>,
}

/// A table of `meta`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MetaTable {
    /// Names and SQL types (BIGINT, DOUBLE, BOOLEAN, VARCHAR, TIMESTAMPTZ).
    pub columns: Vec<(&'static str, &'static str)>,
    /// Rows.
    pub rows: Vec<Vec<MetaValue>>,
}

/// Some rows of a table of `meta`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MetaPart {
    /// Columns and these rows.
    pub table: MetaTable,
    /// Where the next part begins; `None`: there is none.
    pub next: Option<i64>,
}

/// One value of a table of `meta`.
#[derive(Debug, Clone, PartialEq)]
pub enum MetaValue {
    /// NULL.
    Null,
    /// BIGINT.
    Integer(i64),
    /// DOUBLE.
    Double(f64),
    /// BOOLEAN.
    Boolean(bool),
    /// VARCHAR.
    Text(String),
    /// TIMESTAMPTZ, in µs since the Unix epoch.
    Time(i64),
}
