//! The queue's counts, brought to the metrics.

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
};
use rfe_mesh::Metrics;
use rfe_queue::{Repaired, SourceStats};

/// So many sources are shown one by one, those with the most jobs.
const MOST_SOURCES: usize = 200;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Of {
    source: String,
}

/// What is shown of the queue.
#[derive(Debug)]
pub(crate) struct QueueMetrics {
    jobs: Gauge,
    events: Gauge,
    bytes: Gauge,
    oldest: Gauge,
    mended: Counter,
    source_jobs: Family<Of, Gauge>,
    source_bytes: Family<Of, Gauge>,
    source_oldest: Family<Of, Gauge>,
}

// === impl QueueMetrics ===

impl QueueMetrics {
    pub(crate) fn new(metrics: &Metrics) -> Self {
        let family = |name: &str, help: &str| {
            let family = Family::<Of, Gauge>::default();
            metrics.add(name, help, family.clone());
            family
        };
        Self {
            jobs: metrics.gauge("rfe_queue_jobs", "Jobs in the queue"),
            events: metrics.gauge("rfe_queue_events", "Events in the queue"),
            bytes: metrics.gauge("rfe_queue_bytes", "Bytes of payload in the queue"),
            oldest: metrics.gauge("rfe_queue_oldest_seconds", "Age of the oldest job that waits"),
            mended: metrics
                .counter("rfe_queue_mended", "Entries of the queue's indexes that had to be mended"),
            source_jobs: family("rfe_queue_source_jobs", "Jobs of a source in the queue"),
            source_bytes: family("rfe_queue_source_bytes", "Bytes of payload of a source in the queue"),
            source_oldest: family(
                "rfe_queue_source_oldest_seconds",
                "Age of a source's oldest job that waits",
            ),
        }
    }

    /// Shows these counts.
    pub(crate) fn show(&self, stats: &[SourceStats]) {
        self.jobs.set(stats.iter().map(jobs).sum());
        self.events.set(stats.iter().map(|of| of.events).sum());
        self.bytes.set(stats.iter().map(|of| of.bytes).sum());
        self.oldest.set(stats.iter().map(seconds).max().unwrap_or(0));
        self.show_sources(stats);
    }

    /// Counts what a repair found.
    pub(crate) fn repaired(&self, repaired: Repaired) {
        if repaired.mended > 0 {
            self.mended.inc_by(repaired.mended);
            tracing::warn!(
                mended = repaired.mended,
                checked = repaired.checked,
                "the queue's indexes were mended"
            );
        }
    }

    // Those without jobs are left out, so that what is shown stays small.
    fn show_sources(&self, stats: &[SourceStats]) {
        let mut busy: Vec<&SourceStats> = stats.iter().filter(|of| jobs(of) > 0).collect();
        busy.sort_by_key(|of| std::cmp::Reverse(jobs(of)));
        for family in [&self.source_jobs, &self.source_bytes, &self.source_oldest] {
            family.clear();
        }
        for of in busy.into_iter().take(MOST_SOURCES) {
            let label = Of { source: of.source.clone() };
            self.source_jobs.get_or_create(&label).set(jobs(of));
            self.source_bytes.get_or_create(&label).set(of.bytes);
            self.source_oldest.get_or_create(&label).set(seconds(of));
        }
    }
}

fn jobs(of: &SourceStats) -> i64 {
    of.queued_jobs + of.running_jobs + of.delayed_jobs
}

fn seconds(of: &SourceStats) -> i64 {
    i64::try_from(of.oldest_age.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_source_is_shown_while_it_has_jobs() {
        let metrics = Metrics::default();
        let queue = QueueMetrics::new(&metrics);
        let stats = |queued_jobs| SourceStats {
            source: "clicks".to_owned(),
            queued_jobs,
            oldest_age: Duration::from_secs(7),
            ..SourceStats::default()
        };
        queue.show(&[stats(3)]);
        let text = metrics.render();
        assert!(text.contains("rfe_queue_source_jobs{source=\"clicks\"} 3"), "{text}");
        assert!(text.contains("rfe_queue_source_oldest_seconds{source=\"clicks\"} 7"), "{text}");
        queue.show(&[stats(0)]);
        assert!(!metrics.render().contains("clicks"));
    }
}
