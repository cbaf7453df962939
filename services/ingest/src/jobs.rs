//! Jobs are found.

use std::sync::Arc;

use futures::{StreamExt as _, TryStreamExt as _};
use rfe_model::{ErrorCode, Fault, fault::reason};
use rfe_proto::{
    ingest::{Job, JobKind},
    metadata::RunKind,
};
use rfe_queue::{JobStatus, QueueControl};

use crate::{job, registry::Registry};

const AT_ONCE: usize = 16;

/// The jobs of queue and registry.
#[derive(Debug, Clone)]
pub(crate) struct Jobs {
    pub(crate) control: Arc<dyn QueueControl>,
    pub(crate) registry: Registry,
}

impl Jobs {
    pub(crate) fn new(control: Arc<dyn QueueControl>, registry: Registry) -> Self {
        Self { control, registry }
    }

    /// One job.
    pub(crate) async fn get(&self, job_id: &str) -> Result<Job, Fault> {
        if job_id.is_empty() {
            return Err(Fault::invalid("job_id", "is missing; name the job"));
        }
        let status = self.control.job(job_id).await?;
        match status {
            Some(status) if status.kind == JobKind::Events => self.with_batch(status).await,
            other => {
                // The id of a batch is a run's but no job's.
                let run = self.registry.run(job_id).await?.filter(|run| run.kind() != RunKind::Events);
                let job = run
                    .as_ref()
                    .map(job::from_run)
                    .or_else(|| other.map(|status| job::from_status(&status, None)));
                job.ok_or_else(|| not_found(job_id))
            }
        }
    }

    /// Jobs of events with what their batches' runs add.
    pub(crate) async fn with_batches(&self, jobs: Vec<JobStatus>) -> Result<Vec<Job>, Fault> {
        futures::stream::iter(jobs.into_iter().map(|status| self.with_batch(status)))
            .buffered(AT_ONCE)
            .try_collect()
            .await
    }

    async fn with_batch(&self, status: JobStatus) -> Result<Job, Fault> {
        let run = match &status.run_id {
            Some(run_id) => self.registry.run(run_id).await?,
            None => None,
        };
        Ok(job::from_status(&status, run.as_ref()))
    }
}

/// There is no such job.
pub(crate) fn not_found(job_id: &str) -> Fault {
    let message = format!("job `{job_id}` does not exist, or ended more than a day ago");
    Fault::new(ErrorCode::NotFound, reason::JOB_NOT_FOUND, message).with("job_id", job_id)
}
