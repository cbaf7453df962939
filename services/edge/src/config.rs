//! What can be set.

use std::time::Duration;

/// What a webhook to a source that does not exist does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnknownSources {
    /// Makes the source.
    Create,
    /// Is answered with 404.
    Reject,
}

/// Settings of the role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Webhooks to unknown sources.
    pub unknown_sources: UnknownSources,
    /// Bytes of a body where the source does not say.
    pub max_body: u64,
    /// Bytes of bodies in the process at any time.
    pub body_budget: u32,
    /// How long a source is remembered.
    pub source_ttl: Duration,
    /// The longest wait of an event for others of its source.
    pub group_max_age: Duration,
    /// Events in one call.
    pub group_max_events: usize,
    /// Bytes of bodies in one call; a larger body goes alone.
    pub group_max_bytes: usize,
    /// Calls to ingest at the same time for one source.
    pub calls_per_source: usize,
    /// No request takes longer.
    pub deadline: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            unknown_sources: UnknownSources::Reject,
            max_body: 1 << 20,
            body_budget: 128 << 20,
            source_ttl: Duration::from_secs(1),
            group_max_age: Duration::from_millis(5),
            group_max_events: 1000,
            group_max_bytes: 1 << 20,
            calls_per_source: 4,
            deadline: Duration::from_secs(10),
        }
    }
}
