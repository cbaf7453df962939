//! What can be set.

use std::time::Duration;

/// Settings of the role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// How often the sources are asked for changes; the clock never sleeps longer.
    pub poll: Duration,
    /// How long after an instant that could not fire is tried again.
    pub retry: Duration,
    /// With misfire `skip`, an instant that is older than this passes.
    pub misfire_grace: Duration,
    /// Schedules that fire at the same time.
    pub concurrency: usize,
    /// No call to another role takes longer.
    pub call_timeout: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            poll: Duration::from_secs(1),
            retry: Duration::from_secs(1),
            misfire_grace: Duration::from_secs(10),
            concurrency: 16,
            call_timeout: Duration::from_secs(10),
        }
    }
}
