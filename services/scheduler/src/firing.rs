//! One instant: fire, skip or fail.

use jiff::Timestamp;
use prometheus_client::metrics::counter::Counter;
use rfe_mesh::Metrics;
use rfe_model::{ErrorCode, Fault, id, time};
use rfe_proto::scheduler::{Firing, OverlapPolicy, Schedule};

use crate::sources::Sources;

const SUBMITTED: &str = "submitted";
const SKIPPED: &str = "skipped";
const FAILED: &str = "failed";

/// Fires instants.
#[derive(Debug, Clone)]
pub(crate) struct Firer {
    sources: Sources,
    submitted: Counter,
    skipped: Counter,
    failed: Counter,
}

// === impl Firer ===

impl Firer {
    pub(crate) fn new(sources: Sources, metrics: &Metrics) -> Self {
        Self {
            sources,
            submitted: metrics.counter("rfe_firings_submitted", "Instants of schedules that made a job"),
            skipped: metrics.counter("rfe_firings_skipped", "Instants of schedules that passed"),
            failed: metrics.counter("rfe_firings_failed", "Instants of schedules whose job was refused"),
        }
    }

    /// Fires an instant, unless the source is paused or, with overlap `skip`, still at work. An error means that it may be tried
    /// again: nothing has become of it.
    pub(crate) async fn fire(&self, schedule: &Schedule, instant: Timestamp) -> Result<Firing, Fault> {
        let firing_id = id::firing(&schedule.schedule_id, instant);
        if self.is_in_the_way(schedule, &firing_id).await? {
            return Ok(self.pass(schedule, instant));
        }
        match self.sources.submit(&schedule.source, &firing_id, instant).await {
            Ok(job_id) => {
                self.submitted.inc();
                Ok(Firing { job_id, ..firing(schedule, instant, SUBMITTED) })
            }
            Err(fault) if can_help_itself(&fault) => Err(fault),
            Err(fault) => {
                tracing::warn!(schedule = %schedule.schedule_id, source = %schedule.source, %instant, error = %fault, "the job was refused");
                self.failed.inc();
                Ok(firing(schedule, instant, FAILED))
            }
        }
    }

    /// Lets an instant pass.
    pub(crate) fn pass(&self, schedule: &Schedule, instant: Timestamp) -> Firing {
        self.skipped.inc();
        firing(schedule, instant, SKIPPED)
    }

    async fn is_in_the_way(&self, schedule: &Schedule, firing_id: &str) -> Result<bool, Fault> {
        if self.sources.is_paused(&schedule.source).await? {
            return Ok(true);
        }
        if schedule.overlap() != OverlapPolicy::Skip && schedule.overlap() != OverlapPolicy::Unspecified {
            return Ok(false);
        }
        // This instant's own run is there if it fired before and the note of it was lost.
        let open = self.sources.open_runs(&schedule.source).await?;
        Ok(!open.is_empty() && !open.iter().any(|run_id| run_id == firing_id))
    }
}

/// The firing that TriggerSchedule makes.
pub(crate) fn triggered(
    schedule: &Schedule,
    firing_id: String,
    instant: Timestamp,
    job_id: String,
) -> Firing {
    Firing { firing_id, job_id, ..firing(schedule, instant, SUBMITTED) }
}

fn firing(schedule: &Schedule, instant: Timestamp, outcome: &str) -> Firing {
    Firing {
        firing_id: id::firing(&schedule.schedule_id, instant),
        schedule_id: schedule.schedule_id.clone(),
        scheduled_time: Some(time::to_proto(instant)),
        job_id: String::new(),
        outcome: outcome.to_owned(),
    }
}

fn can_help_itself(fault: &Fault) -> bool {
    fault.is_transient() || matches!(fault.code, ErrorCode::Aborted | ErrorCode::Cancelled)
}
