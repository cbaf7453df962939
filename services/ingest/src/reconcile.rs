//! Open runs are brought to the queue, so that one that was lost is rebuilt; and its counts are brought to the metrics.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures::{StreamExt as _, TryStreamExt as _};
use prometheus_client::metrics::gauge::Gauge;
use rfe_mesh::{Metrics, Shutdown};
use rfe_model::Fault;
use rfe_proto::metadata::{ListRunsRequest, Run, RunKind, RunState};
use rfe_queue::{NewJob, Queue, QueueControl};

use crate::{job, registry::Registry};

/// Runs that are rows of the registry before they are jobs.
const KINDS: [RunKind; 4] = [RunKind::Pull, RunKind::Replay, RunKind::Backfill, RunKind::Compaction];
const PAGE: i32 = 1000;
const AT_ONCE: usize = 64;
/// How soon a failed round is repeated.
const AGAIN: Duration = Duration::from_secs(1);
/// A round may take this share of the time, so that very many open runs do not keep the process busy.
const REST: u32 = 10;

/// Brings open runs to the queue.
#[derive(Debug)]
pub(crate) struct Reconciler {
    queue: Arc<dyn Queue>,
    control: Arc<dyn QueueControl>,
    registry: Registry,
    every: Duration,
    jobs: Gauge,
    events: Gauge,
    bytes: Gauge,
    oldest: Gauge,
}

impl Reconciler {
    pub(crate) fn new(
        queue: Arc<dyn Queue>,
        control: Arc<dyn QueueControl>,
        registry: Registry,
        metrics: &Metrics,
        every: Duration,
    ) -> Self {
        Self {
            queue,
            control,
            registry,
            every,
            jobs: metrics.gauge("rfe_queue_jobs", "Jobs in the queue"),
            events: metrics.gauge("rfe_queue_events", "Events in the queue"),
            bytes: metrics.gauge("rfe_queue_bytes", "Bytes of payload in the queue"),
            oldest: metrics.gauge("rfe_queue_oldest_seconds", "Age of the oldest job that waits"),
        }
    }

    /// Runs until shutdown begins.
    pub(crate) async fn run(self, shutdown: Shutdown) {
        let mut failed = false;
        loop {
            let begun = Instant::now();
            let round = tokio::select! {
                round = self.round() => round,
                () = shutdown.begun() => return,
            };
            let pause = match round {
                Ok(()) => self.every.max(begun.elapsed() * REST),
                Err(fault) => {
                    // Once an outage; while the process starts, the registry is not there yet.
                    if !failed {
                        tracing::info!(error = %fault, "open runs could not be brought to the queue; trying on");
                    }
                    AGAIN.min(self.every)
                }
            };
            failed = pause < self.every;
            if !shutdown.sleep(pause).await {
                return;
            }
        }
    }

    /// Brings every open run to the queue once.
    pub(crate) async fn round(&self) -> Result<(), Fault> {
        let mut page_token = String::new();
        loop {
            let request = ListRunsRequest {
                states: [RunState::Queued, RunState::Running, RunState::Retrying]
                    .map(|state| state as i32)
                    .into(),
                kinds: KINDS.map(|kind| kind as i32).into(),
                page_size: PAGE,
                page_token,
                ..ListRunsRequest::default()
            };
            let (runs, next) = self.registry.list(request).await?;
            futures::stream::iter(runs)
                .map(|run| self.bring(run))
                .buffer_unordered(AT_ONCE)
                .try_collect::<()>()
                .await?;
            if next.is_empty() {
                break;
            }
            page_token = next;
        }
        self.measure().await
    }

    async fn bring(&self, run: Run) -> Result<(), Fault> {
        let kind = job::kind(run.kind());
        let reads_source = run.reads_source;
        Ok(self.queue.enqueue(NewJob { id: run.run_id, source: run.source, kind, reads_source }).await?)
    }

    async fn measure(&self) -> Result<(), Fault> {
        let stats = self.control.stats().await?;
        let jobs = stats.iter().map(|of| of.queued_jobs + of.running_jobs + of.delayed_jobs).sum();
        self.jobs.set(jobs);
        self.events.set(stats.iter().map(|of| of.events).sum());
        self.bytes.set(stats.iter().map(|of| of.bytes).sum());
        let oldest = stats.iter().map(|of| of.oldest_age.as_secs()).max().unwrap_or(0);
        self.oldest.set(i64::try_from(oldest).unwrap_or(i64::MAX));
        Ok(())
    }
}
