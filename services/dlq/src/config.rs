//! What can be set.

use std::time::Duration;

/// Settings of the role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// No call to another role takes longer.
    pub call_timeout: Duration,
    /// Letters that one ReplayDeadLetters brings back at the same time.
    pub bulk_concurrency: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self { call_timeout: Duration::from_secs(10), bulk_concurrency: 8 }
    }
}
