//! A job is cancelled.

use rfe_model::{ErrorCode, Fault, fault::reason};
use rfe_proto::ingest::{Job, JobKind};

use crate::{
    job,
    jobs::{Jobs, not_found},
};

impl Jobs {
    /// Cancels a job: first in the registry, after which nothing of it can be committed, then in the queue.
    pub(crate) async fn cancel(&self, job_id: &str) -> Result<Job, Fault> {
        if job_id.is_empty() {
            return Err(Fault::invalid("job_id", "is missing; name the job"));
        }
        let status = self.control.job(job_id).await?;
        if status.is_some_and(|status| status.kind == JobKind::Events) {
            return Err(not_cancellable(job_id));
        }
        let run = self.registry.cancel_run(job_id).await.map_err(|fault| match fault.reason.as_str() {
            reason::RUN_NOT_FOUND => not_found(job_id),
            _ => fault,
        })?;
        if let Err(error) = self.control.cancel(job_id).await {
            // It is cancelled all the same: whoever leases it is told so as it claims the run.
            tracing::warn!(job = job_id, %error, "a cancelled job stays in the queue until a worker meets it");
        }
        Ok(job::from_run(&run))
    }
}

fn not_cancellable(job_id: &str) -> Fault {
    let message = format!(
        "job `{job_id}` carries events, which were accepted and will land; only jobs that read can be cancelled"
    );
    Fault::new(ErrorCode::FailedPrecondition, reason::JOB_NOT_CANCELLABLE, message).with("job_id", job_id)
}
