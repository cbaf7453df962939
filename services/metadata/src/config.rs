//! Settings of the role.

use std::time::Duration;

/// Settings of the role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// At most so many sources are made by first webhooks.
    pub max_auto_created: u32,
    /// How long the ledger knows the id of an event that landed.
    pub keep_ledger: Duration,
    /// How often older ids are forgotten.
    pub purge_every: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            max_auto_created: 100,
            keep_ledger: Duration::from_secs(7 * 24 * 3600),
            purge_every: Duration::from_secs(3600),
        }
    }
}
