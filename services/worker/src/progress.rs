//! How far a run is, told to the registry about once a second.

use std::sync::{Arc, Mutex, PoisonError};

use rfe_mesh::fault_from_status;
use rfe_model::fault::reason;
use rfe_proto::metadata::{ReportProgressRequest, RunCounters};

use crate::{steps::Steps, worker::Worker};

/// How far a run is. Clones are the same progress.
#[derive(Debug, Clone, Default)]
pub(crate) struct Progress(Arc<Mutex<Option<ReportProgressRequest>>>);

impl Progress {
    /// Notes how far the run is under an epoch.
    pub fn note(&self, run_id: &str, epoch: u64, counters: RunCounters) {
        let report = ReportProgressRequest { run_id: run_id.to_owned(), epoch, counters: Some(counters) };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(report);
    }

    fn take(&self) -> Option<ReportProgressRequest> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Reports until the registry says that the run has passed on.
pub(crate) async fn report(worker: &Worker, progress: &Progress, steps: &Steps) {
    let mut ticks = tokio::time::interval(worker.config.progress_every);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if steps.thawed().await {
            ticks.reset();
            continue;
        }
        let Some(report) = progress.take() else { continue };
        // Best effort but for one answer: a lost report is made up for by the next.
        if let Err(status) = worker.runs().report_progress(report).await
            && fault_from_status(&status).reason == reason::STALE_EPOCH
        {
            return;
        }
    }
}
