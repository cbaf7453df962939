//! One instant: it is submitted, waits, or passes.

use jiff::Timestamp;
use prometheus_client::metrics::counter::Counter;
use rfe_mesh::Metrics;
use rfe_model::{ErrorCode, Fault, id, time};
use rfe_proto::scheduler::{Firing, OverlapPolicy, Schedule};

use crate::sources::Sources;

/// So many firings of one schedule wait at most.
pub(crate) const MAX_WAITING: u32 = 1000;

const SUBMITTED: &str = "submitted";
const BUFFERED: &str = "buffered";
const SKIPPED: &str = "skipped";
const MISSED: &str = "missed";
const FAILED: &str = "failed";

/// Fires instants.
#[derive(Debug, Clone)]
pub(crate) struct Firer {
    sources: Sources,
    submitted: Counter,
    buffered: Counter,
    skipped: Counter,
    missed: Counter,
    failed: Counter,
}

// === impl Firer ===

impl Firer {
    pub(crate) fn new(sources: Sources, metrics: &Metrics) -> Self {
        Self {
            sources,
            submitted: metrics.counter("rfe_firings_submitted", "Instants of schedules that made a job"),
            buffered: metrics.counter("rfe_firings_buffered", "Instants of schedules that had to wait"),
            skipped: metrics.counter("rfe_firings_skipped", "Instants that passed by the overlap policy"),
            missed: metrics.counter("rfe_firings_missed", "Instants that passed by the misfire policy"),
            failed: metrics.counter("rfe_firings_failed", "Instants of schedules whose job was refused"),
        }
    }

    /// Fires an instant, unless something is in its way; then it waits or passes, as the overlap policy says. `waiting` firings of
    /// the schedule wait already. An error means that it may be tried again: nothing has become of it.
    pub(crate) async fn fire(
        &self,
        schedule: &Schedule,
        instant: Timestamp,
        waiting: u32,
    ) -> Result<Firing, Fault> {
        if waiting == 0
            && let Some(fired) = self.submit(schedule, instant).await?
        {
            return Ok(fired);
        }
        let room = match schedule.overlap() {
            OverlapPolicy::Unspecified | OverlapPolicy::Skip => 0,
            OverlapPolicy::BufferOne => 1,
            OverlapPolicy::BufferAll => MAX_WAITING,
        };
        if waiting < room {
            return Ok(self.wait(schedule, instant));
        }
        self.skipped.inc();
        Ok(firing(schedule, instant, SKIPPED))
    }

    /// Fires one that waited; `None` while something is in its way.
    pub(crate) async fn turn(&self, schedule: &Schedule, waited: &Firing) -> Result<Option<Firing>, Fault> {
        let instant = waited.scheduled_time.as_ref().and_then(time::from_proto);
        let instant = instant.ok_or_else(|| Fault::internal("a firing waits without an instant"))?;
        self.submit(schedule, instant).await
    }

    /// Lets an instant wait for its turn.
    pub(crate) fn wait(&self, schedule: &Schedule, instant: Timestamp) -> Firing {
        self.buffered.inc();
        firing(schedule, instant, BUFFERED)
    }

    /// Lets an instant pass by the misfire policy.
    pub(crate) fn miss(&self, schedule: &Schedule, instant: Timestamp) -> Firing {
        self.missed.inc();
        firing(schedule, instant, MISSED)
    }

    // `None` while the source is paused, or a run that reads it has not ended.
    async fn submit(&self, schedule: &Schedule, instant: Timestamp) -> Result<Option<Firing>, Fault> {
        let firing_id = id::firing(&schedule.schedule_id, instant);
        if self.is_in_the_way(schedule, &firing_id).await? {
            return Ok(None);
        }
        match self.sources.submit(&schedule.source, &firing_id, instant).await {
            Ok(job_id) if job_id == firing_id => {
                self.submitted.inc();
                Ok(Some(Firing { job_id, ..firing(schedule, instant, SUBMITTED) }))
            }
            // Somebody else was faster.
            Ok(_) => Ok(None),
            Err(fault) if can_help_itself(&fault) => Err(fault),
            Err(fault) => {
                tracing::warn!(schedule = %schedule.schedule_id, source = %schedule.source, %instant, error = %fault, "the job was refused");
                self.failed.inc();
                Ok(Some(firing(schedule, instant, FAILED)))
            }
        }
    }

    async fn is_in_the_way(&self, schedule: &Schedule, firing_id: &str) -> Result<bool, Fault> {
        if self.sources.is_paused(&schedule.source).await? {
            return Ok(true);
        }
        // This instant's own run is there if it fired before and the note of it was lost.
        let open = self.sources.open_runs(&schedule.source).await?;
        Ok(!open.is_empty() && !open.iter().any(|run_id| run_id == firing_id))
    }
}

/// True if the firing waits for its turn.
pub(crate) fn waits(firing: &Firing) -> bool {
    firing.outcome == BUFFERED
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
