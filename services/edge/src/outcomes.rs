//! Metrics of webhooks.

use std::time::Duration;

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, histogram::Histogram},
};
use rfe_mesh::Metrics;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    outcome: String,
}

/// Webhooks by outcome, and how long they took.
#[derive(Debug, Clone)]
pub(crate) struct Outcomes {
    webhooks: Family<Outcome, Counter>,
    seconds: Histogram,
}

// === impl Outcomes ===

impl Outcomes {
    pub(crate) fn new(metrics: &Metrics) -> Self {
        let outcomes = Self {
            webhooks: Family::default(),
            seconds: Histogram::new([
                0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
            ]),
        };
        metrics.add("rfe_webhooks", "Webhooks answered", outcomes.webhooks.clone());
        metrics.add("rfe_webhook_seconds", "Time to the answer of a webhook", outcomes.seconds.clone());
        outcomes
    }

    /// Counts one: `accepted`, `duplicate`, or the reason of a refusal.
    pub(crate) fn count(&self, outcome: &str, took: Duration) {
        self.webhooks.get_or_create(&Outcome { outcome: outcome.to_owned() }).inc();
        self.seconds.observe(took.as_secs_f64());
    }
}
