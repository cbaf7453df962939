//! What the role counts.

use std::time::Duration;

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
};
use rfe_mesh::{Metrics, metrics::InFlight};

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Ended {
    kind: &'static str,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Kind {
    kind: &'static str,
}

/// What the role counts.
#[derive(Debug)]
pub(crate) struct WorkerMetrics {
    runs: Family<Ended, Counter>,
    running: Family<Kind, Gauge>,
    rows: Counter,
    bytes: Counter,
    letters: Counter,
    expired: Counter,
    lost: Counter,
    visible_seconds: Histogram,
    compacted_files: Counter,
    compacting_files: Counter,
    commit_seconds: Histogram,
}

impl WorkerMetrics {
    pub fn new(metrics: &Metrics) -> Self {
        let runs = Family::default();
        metrics.add("rfe_worker_runs", "Attempts that ended, by kind and outcome", runs.clone());
        let commit_seconds = Histogram::new([0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0]);
        metrics.add(
            "rfe_worker_commit_seconds",
            "Time from the first CommitRun of a run to its answer",
            commit_seconds.clone(),
        );
        let running = Family::default();
        metrics.add("rfe_worker_running", "Attempts that run, by kind", running.clone());
        let visible_seconds =
            Histogram::new([0.1, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0]);
        metrics.add(
            "rfe_worker_visible_seconds",
            "Time from the receipt of a batch's oldest event to the commit that made it visible",
            visible_seconds.clone(),
        );
        Self {
            runs,
            running,
            bytes: metrics.counter("rfe_worker_bytes_landed", "Bytes of data files that became visible"),
            expired: metrics
                .counter("rfe_worker_leases_expired", "Leases of work whose last lease had expired"),
            lost: metrics.counter("rfe_worker_leases_lost", "Leases that were lost while the work was done"),
            visible_seconds,
            rows: metrics.counter("rfe_worker_rows_landed", "Rows that became visible"),
            letters: metrics.counter("rfe_worker_letters", "Records that became dead letters"),
            compacted_files: metrics
                .counter("rfe_worker_compacted_files", "Data files that became larger ones"),
            compacting_files: metrics
                .counter("rfe_worker_compacting_files", "Data files that took the place of smaller ones"),
            commit_seconds,
        }
    }

    pub fn ended(&self, kind: &'static str, outcome: &'static str) {
        self.runs.get_or_create(&Ended { kind, outcome }).inc();
    }

    /// Counts an attempt as long as it runs, and the lease before it if that had expired.
    pub fn began(&self, kind: &'static str, expired: bool) -> InFlight {
        self.expired.inc_by(u64::from(expired));
        InFlight::new(&self.running.get_or_create(&Kind { kind }))
    }

    pub fn lease_lost(&self) {
        self.lost.inc();
    }

    /// The oldest event of a batch took so long.
    pub fn visible(&self, after: Duration) {
        self.visible_seconds.observe(after.as_secs_f64());
    }

    pub fn landed(&self, rows: i64, bytes: i64, letters: i64) {
        self.rows.inc_by(rows.unsigned_abs());
        self.bytes.inc_by(bytes.unsigned_abs());
        self.letters.inc_by(letters.unsigned_abs());
    }

    pub fn compacted(&self, inputs: usize, outputs: usize) {
        self.compacted_files.inc_by(inputs as u64);
        self.compacting_files.inc_by(outputs as u64);
    }

    pub fn committed(&self, took: Duration) {
        self.commit_seconds.observe(took.as_secs_f64());
    }
}
