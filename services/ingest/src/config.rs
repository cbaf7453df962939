//! How the role is tuned.

use std::time::Duration;

/// How the role is tuned.
#[derive(Debug, Clone)]
pub struct Config {
    /// How often open runs are brought to the queue.
    pub reconcile_every: Duration,
    /// How long a source's spec is taken as it was.
    pub source_age: Duration,
    /// How many sources' specs are kept.
    pub source_cache: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            reconcile_every: Duration::from_secs(10),
            source_age: Duration::from_secs(1),
            source_cache: 1000,
        }
    }
}
