//! What the cache did.

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
};
use rfe_mesh::Metrics;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    outcome: &'static str,
}

/// The metrics `rfe_query_cache_*`.
#[derive(Debug)]
pub struct Counted {
    files: Family<Outcome, Counter>,
    fetched: Counter,
    fetched_bytes: Counter,
    evicted: Counter,
    evicted_bytes: Counter,
    /// Files fetched before a statement needed them.
    pub prefetched: Counter,
    held: Gauge,
    pinned: Gauge,
}

impl Counted {
    /// Adds them to the process's metrics.
    pub fn new(metrics: &Metrics) -> Self {
        let files = Family::default();
        let help = "Data files that statements needed, by whether they were in the file cache";
        metrics.add("rfe_query_cache_files", help, files.clone());
        let counter = |name: &str, help: &str| metrics.counter(&format!("rfe_query_cache_{name}"), help);
        Self {
            files,
            fetched: counter("fetched_files", "Data files fetched from the lake into the file cache"),
            fetched_bytes: counter("fetched_bytes", "Bytes fetched from the lake into the file cache"),
            evicted: counter("evicted_files", "Data files that gave way to others in the file cache"),
            evicted_bytes: counter("evicted_bytes", "Bytes that gave way to others in the file cache"),
            prefetched: counter("prefetched_files", "Data files fetched before a statement needed them"),
            held: metrics.gauge("rfe_query_cache_bytes", "Bytes in the file cache"),
            pinned: metrics
                .gauge("rfe_query_cache_pinned_bytes", "Bytes in the file cache that statements use"),
        }
    }

    /// A statement needs a file.
    pub fn looked_up(&self, kept: bool) {
        self.files.get_or_create(&Outcome { outcome: if kept { "hit" } else { "miss" } }).inc();
    }

    /// A file came.
    pub fn fetched(&self, bytes: u64) {
        self.fetched.inc();
        self.fetched_bytes.inc_by(bytes);
    }

    /// A file gave way.
    pub fn evicted(&self, bytes: u64) {
        self.evicted.inc();
        self.evicted_bytes.inc_by(bytes);
    }

    /// So much is kept and in use.
    pub fn holds(&self, held: u64, pinned: u64) {
        self.held.set(held.cast_signed());
        self.pinned.set(pinned.cast_signed());
    }
}
