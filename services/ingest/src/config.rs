//! How the role is tuned.

use std::time::Duration;

use crate::SpoolConfig;

/// How the role is tuned.
#[derive(Debug, Clone)]
pub struct Config {
    /// How often open runs are brought to the queue.
    pub reconcile_every: Duration,
    /// How often the queue's indexes are compared with its jobs, and lost batches are looked for.
    pub repair_every: Duration,
    /// A batch that was under way as the queue was lost, and is not done so long after, is lost as well: two leases.
    pub batch_grace: Duration,
    /// A batch of which nothing was heard for so long is lost, whatever became of the queue.
    pub batch_silence: Duration,
    /// How long a source's spec is taken as it was.
    pub source_age: Duration,
    /// How many sources' specs are kept.
    pub source_cache: usize,
    /// Keeps accepted events on this process's disk as well; without, they are the queue's alone.
    pub spool: Option<SpoolConfig>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            reconcile_every: Duration::from_secs(10),
            repair_every: Duration::from_secs(60),
            batch_grace: Duration::from_secs(60),
            batch_silence: Duration::from_secs(900),
            source_age: Duration::from_secs(1),
            source_cache: 1000,
            spool: None,
        }
    }
}
