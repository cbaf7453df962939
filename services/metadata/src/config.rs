//! Settings of the role.

use std::time::Duration;

const MIB: u64 = 1 << 20;
const HOUR: Duration = Duration::from_secs(3600);

/// Settings of the role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// At most so many sources are made by first webhooks.
    pub max_auto_created: u32,
    /// How long the ledger knows the id of an event that landed.
    pub keep_ledger: Duration,
    /// How often older ids are forgotten.
    pub purge_every: Duration,
    /// A layer of a dataset is compacted once it has so many small files; 0: never.
    pub compact_files: u32,
    /// A file below so many bytes is small.
    pub compact_small_bytes: u64,
    /// One compaction reads at most so many bytes.
    pub compact_target_bytes: u64,
    /// How often compactions are planned.
    pub compact_every: Duration,
    /// Files that ended are kept so long, where their source does not say. Longer than any query may take.
    pub snapshot_grace: Duration,
    /// Objects that nothing names are kept so long. Longer than anything is written before it is committed.
    pub orphan_grace: Duration,
    /// How often what has had its time is deleted.
    pub collect_every: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            max_auto_created: 100,
            keep_ledger: 7 * 24 * HOUR,
            purge_every: HOUR,
            compact_files: 64,
            compact_small_bytes: 32 * MIB,
            compact_target_bytes: 512 * MIB,
            compact_every: Duration::from_secs(30),
            snapshot_grace: 24 * HOUR,
            orphan_grace: 24 * HOUR,
            collect_every: Duration::from_secs(600),
        }
    }
}
