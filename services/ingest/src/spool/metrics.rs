//! What the spool shows of itself.

use prometheus_client::metrics::{counter::Counter, gauge::Gauge};
use rfe_mesh::Metrics;
use rfe_model::time::now_micros;

use super::index::Counts;

/// The spool's metrics.
#[derive(Debug, Clone)]
pub(super) struct SpoolMetrics {
    bytes: Gauge,
    waiting: Gauge,
    oldest: Gauge,
    pub(super) kept: Counter,
    pub(super) sent: Counter,
    pub(super) resent: Counter,
    pub(super) incarnations: Counter,
    pub(super) damaged: Counter,
    pub(super) write_errors: Counter,
}

impl SpoolMetrics {
    pub(super) fn new(metrics: &Metrics) -> Self {
        Self {
            bytes: metrics.gauge("rfe_spool_bytes", "Bytes of the spool on disk"),
            waiting: metrics.gauge("rfe_spool_waiting", "Calls in the spool that wait for the queue"),
            oldest: metrics
                .gauge("rfe_spool_oldest_seconds", "Age of the oldest call that the queue does not have"),
            kept: metrics.counter("rfe_spool_kept", "Calls accepted by the spool while the queue was away"),
            sent: metrics.counter("rfe_spool_sent", "Calls that waited in the spool and came to the queue"),
            resent: metrics
                .counter("rfe_spool_resent", "Calls to be sent again, to another incarnation of the queue"),
            incarnations: metrics.counter(
                "rfe_spool_incarnations",
                "Times that the queue was found to be another incarnation",
            ),
            damaged: metrics
                .counter("rfe_spool_damaged", "Places of the spool in which nothing could be read"),
            write_errors: metrics
                .counter("rfe_spool_write_errors", "Calls that could not be written to the spool"),
        }
    }

    /// Shows these counts.
    pub(super) fn show(&self, counts: Counts) {
        self.bytes.set(i64::try_from(counts.bytes).unwrap_or(i64::MAX));
        self.waiting.set(i64::try_from(counts.waiting).unwrap_or(i64::MAX));
        let age = counts.oldest.map_or(0, |oldest| (now_micros() - oldest) / 1_000_000);
        self.oldest.set(age.max(0));
    }
}
