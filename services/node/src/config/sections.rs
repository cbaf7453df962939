//! Sections of the configuration whose settings stand alone.

use std::path::PathBuf;

use serde::Deserialize;

/// `[batch]`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchSection {
    /// Events that make a batch.
    pub max_rows: u32,
    /// Age that makes a batch, in ms.
    pub max_age_ms: u64,
}

/// `[worker]`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkerSection {
    /// Pull, replay and backfill jobs that one process runs at the same time.
    pub pull_slots: usize,
    /// Batches of events that one process lands at the same time.
    pub event_slots: usize,
}

/// `[retry]`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetrySection {
    /// Attempts in all.
    pub attempts: u32,
    /// Seconds before the second attempt.
    pub base_seconds: f64,
    /// No delay is longer, in seconds.
    pub cap_seconds: f64,
}

/// `[sources]`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourcesSection {
    /// Folders of local files.
    pub roots: Vec<PathBuf>,
    /// Private hosts that may be reached; unset: see `default.toml`.
    pub allow_private_hosts: Option<Vec<String>>,
}

/// `[edge]`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EdgeSection {
    /// What an unknown source does; unset: see `default.toml`.
    pub unknown_sources: Option<UnknownSources>,
}

/// What a webhook to an unknown source does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnknownSources {
    /// Makes the source.
    Create,
    /// Answers 404.
    Reject,
}

/// `[demo]`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DemoSection {
    /// Seconds between reads of the demo sources.
    pub schedule_interval_seconds: f64,
}

/// `[drill]`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DrillSection {
    /// The step at which the process aborts.
    pub crash_point: Option<String>,
    /// The step at which a run freezes, and for how long.
    pub freeze_point: Option<String>,
}

/// `[query]`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuerySection {
    /// Bytes of the lake's files that are kept locally.
    pub cache_bytes: u64,
}

/// `[upkeep]`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpkeepSection {
    /// Small files of a layer that make a compaction; 0: never.
    pub compact_files: u32,
    /// Bytes below which a file is small.
    pub compact_small_bytes: u64,
    /// Bytes that one compaction reads at most.
    pub compact_target_bytes: u64,
    /// Seconds between plans of compactions.
    pub compact_every_seconds: f64,
    /// Hours that files stay after they were replaced.
    pub snapshot_hours: f64,
    /// Hours that objects stay which nothing names.
    pub orphan_hours: f64,
    /// Seconds between deletions.
    pub collect_every_seconds: f64,
}
