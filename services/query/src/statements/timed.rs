//! How long statements take before they run.

use std::time::{Duration, Instant};

use prometheus_client::metrics::histogram::Histogram;
use rfe_mesh::Metrics;

const BOUNDS: [f64; 14] =
    [0.001, 0.0025, 0.005, 0.01, 0.02, 0.035, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5];

/// The metrics `rfe_query_resolve_seconds` and `rfe_query_bind_seconds`.
#[derive(Debug)]
pub struct Timed {
    resolve: Histogram,
    bind: Histogram,
}

/// A statement that is being bound: its views are made, then it is prepared.
#[derive(Debug)]
pub struct Binding {
    begun: Instant,
    seconds: Histogram,
}

impl Timed {
    /// Adds them to the process's metrics.
    pub fn new(metrics: &Metrics) -> Self {
        let (resolve, bind) = (Histogram::new(BOUNDS), Histogram::new(BOUNDS));
        let help = "Time to the files that a statement reads: the list of its snapshot, and what its comparisons leave";
        metrics.add("rfe_query_resolve_seconds", help, resolve.clone());
        let help = "Time that the engine takes to bind a statement over its files";
        metrics.add("rfe_query_bind_seconds", help, bind.clone());
        Self { resolve, bind }
    }

    /// The files are known; binding begins.
    pub fn resolved(&self, took: Duration) -> Binding {
        self.resolve.observe(took.as_secs_f64());
        Binding { begun: Instant::now(), seconds: self.bind.clone() }
    }
}

impl Binding {
    /// The statement is bound.
    pub fn done(&self) {
        self.seconds.observe(self.begun.elapsed().as_secs_f64());
    }
}
