//! What can be set.

use std::time::Duration;

/// Settings of the role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// How often the sources are asked for changes; the clock never sleeps longer.
    pub poll: Duration,
    /// How long after an instant that could not fire is tried again.
    pub retry: Duration,
    /// How often a firing that waits is tried.
    pub turn: Duration,
    /// An instant that is not older than this, and the newest one, is no misfire; nor is a longer break of the clock's.
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
            turn: Duration::from_millis(250),
            misfire_grace: Duration::from_secs(10),
            concurrency: 16,
            call_timeout: Duration::from_secs(10),
        }
    }
}
