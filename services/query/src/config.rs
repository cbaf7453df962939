//! What can be set.

use std::{path::PathBuf, time::Duration};

/// Settings of the query role.
#[derive(Debug, Clone)]
pub struct Config {
    /// Bytes that all queries together may hold in memory; beyond it they spill, then fail with QUERY_TOO_LARGE.
    pub memory_bytes: u64,
    /// Threads of the engine.
    pub threads: u32,
    /// Folder below which the engine spills; `None` is the system's.
    pub scratch: Option<PathBuf>,
    /// Bytes that may be spilled.
    pub max_scratch_bytes: u64,
    /// Folder of the file cache, of this process alone; not used while the lake is a local one.
    pub cache: PathBuf,
    /// Bytes that the file cache may hold.
    pub cache_bytes: u64,
    /// Queries that run at once.
    pub max_running: usize,
    /// Queries that may wait for one of those to end.
    pub max_waiting: usize,
    /// The longest that a query may run, its results' way to the client included.
    pub max_runtime: Duration,
    /// The longest SQL text, in bytes.
    pub max_sql_bytes: usize,
    /// Prepared statements whose bound values are kept; the one used least recently gives way to a new one.
    pub max_statements: usize,
    /// How long bound values are kept without use.
    pub statement_idle: Duration,
    /// How long running queries may go on when the process stops.
    pub drain: Duration,
    /// The time zone in which TIMESTAMPTZ values read as text and dates.
    pub time_zone: String,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            memory_bytes: 512 << 20,
            threads: 2,
            scratch: None,
            max_scratch_bytes: 4 << 30,
            cache: PathBuf::from("query-cache"),
            cache_bytes: 10 << 30,
            max_running: 8,
            max_waiting: 64,
            max_runtime: Duration::from_secs(600),
            max_sql_bytes: 256 << 10,
            max_statements: 1000,
            statement_idle: Duration::from_secs(15 * 60),
            drain: Duration::from_secs(20),
            time_zone: "UTC".to_owned(),
        }
    }
}
