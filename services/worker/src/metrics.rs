//! What the role counts.

use std::time::Duration;

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, histogram::Histogram},
};
use rfe_mesh::Metrics;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Ended {
    kind: &'static str,
    outcome: &'static str,
}

/// What the role counts.
#[derive(Debug)]
pub(crate) struct WorkerMetrics {
    runs: Family<Ended, Counter>,
    rows: Counter,
    letters: Counter,
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
        Self {
            runs,
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

    pub fn landed(&self, rows: i64, letters: i64) {
        self.rows.inc_by(rows.unsigned_abs());
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
