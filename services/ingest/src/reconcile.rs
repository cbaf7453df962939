//! Open runs are brought to the queue, so that one that was lost is rebuilt; it is repaired, and its counts brought to the metrics.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures::{StreamExt as _, TryStreamExt as _};
use rfe_mesh::{Metrics, Shutdown};
use rfe_model::Fault;
use rfe_proto::metadata::{ListRunsRequest, Run, RunKind, RunState};
use rfe_queue::{NewJob, Queue, QueueControl};

use crate::{
    Config, job, loss::Loss, lost_batches::LostBatches, queue_metrics::QueueMetrics, registry::Registry,
};

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
    repair_every: Duration,
    repaired: Instant,
    lost_batches: LostBatches,
    metrics: QueueMetrics,
}

impl Reconciler {
    pub(crate) fn new(
        queue: Arc<dyn Queue>,
        control: Arc<dyn QueueControl>,
        registry: Registry,
        metrics: &Metrics,
        config: &Config,
    ) -> Self {
        Self {
            queue,
            control,
            registry,
            every: config.reconcile_every,
            repair_every: config.repair_every,
            repaired: Instant::now(),
            lost_batches: LostBatches::new(config),
            metrics: QueueMetrics::new(metrics),
        }
    }

    /// Runs until shutdown begins; at once when the queue may have lost what it had.
    pub(crate) async fn run(mut self, loss: Loss, shutdown: Shutdown) {
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
            if !failed {
                tokio::select! {
                    () = self.mend(&loss) => {}
                    () = shutdown.begun() => return,
                }
            }
            tokio::select! {
                slept = shutdown.sleep(pause) => if !slept { return },
                () = loss.noticed() => {}
            }
        }
    }

    async fn mend(&mut self, loss: &Loss) {
        if self.repaired.elapsed() >= self.repair_every {
            self.repaired = Instant::now();
            match self.control.repair().await {
                Ok(repaired) => self.metrics.repaired(repaired),
                Err(error) => tracing::info!(%error, "the queue could not be repaired; trying on"),
            }
        }
        if let Err(fault) = self.lost_batches.end(&self.registry, loss.latest()).await {
            tracing::info!(error = %fault, "lost batches could not be looked for; trying on");
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
        // Whose call it was is no longer known.
        let trace = String::new();
        Ok(self
            .queue
            .enqueue(NewJob { id: run.run_id, source: run.source, kind, reads_source, trace })
            .await?)
    }

    async fn measure(&self) -> Result<(), Fault> {
        self.metrics.show(&self.control.stats().await?);
        Ok(())
    }
}
