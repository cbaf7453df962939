//! How many files statements read, and how many their comparisons left out.

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family},
};
use rfe_mesh::Metrics;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    outcome: &'static str,
}

/// The metric `rfe_query_files_total`.
#[derive(Debug, Clone)]
pub struct FilesCounted(Family<Outcome, Counter>);

impl FilesCounted {
    /// Adds it to the process's metrics.
    pub fn new(metrics: &Metrics) -> Self {
        let family = Family::default();
        let help =
            "Data files of the datasets that statements read, by whether their comparisons left them out";
        metrics.add("rfe_query_files", help, family.clone());
        Self(family)
    }

    /// So many were read.
    pub fn read(&self, files: usize) {
        self.count("read", files);
    }

    /// So many were left out.
    pub fn pruned(&self, files: usize) {
        self.count("pruned", files);
    }

    fn count(&self, outcome: &'static str, files: usize) {
        self.0.get_or_create(&Outcome { outcome }).inc_by(files as u64);
    }
}
