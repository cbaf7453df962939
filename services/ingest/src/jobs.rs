//! Jobs are found.

use std::{sync::Arc, time::Duration};

use futures::{StreamExt as _, TryStreamExt as _};
use rfe_model::{ErrorCode, Fault, fault::reason};
use rfe_proto::{
    ingest::{Job, JobKind},
    metadata::RunKind,
};
use rfe_queue::{JobStatus, QueueControl, QueueError};

use crate::{job, registry::Registry, spool::Spool};

const AT_ONCE: usize = 16;

/// The jobs of queue and registry.
#[derive(Debug, Clone)]
pub(crate) struct Jobs {
    pub(crate) control: Arc<dyn QueueControl>,
    pub(crate) registry: Registry,
    spool: Option<Spool>,
}

impl Jobs {
    pub(crate) fn new(control: Arc<dyn QueueControl>, registry: Registry, spool: Option<Spool>) -> Self {
        Self { control, registry, spool }
    }

    /// One job.
    pub(crate) async fn get(&self, job_id: &str) -> Result<Job, Fault> {
        if job_id.is_empty() {
            return Err(Fault::invalid("job_id", "is missing; name the job"));
        }
        if let Some(status) = self.spool.as_ref().and_then(|spool| spool.job(job_id)) {
            return Ok(job::from_status(&status, None));
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
                job.ok_or_else(|| self.unknown(job_id))
            }
        }
    }

    /// Jobs of events, newest first: those that wait in the spool, and the queue's. While that is away, the spool's alone.
    pub(crate) async fn of_events(
        &self,
        source: Option<&str>,
        before: Option<&str>,
        limit: u32,
    ) -> Result<Vec<JobStatus>, Fault> {
        let Some(spool) = &self.spool else { return Ok(self.control.jobs(source, before, limit).await?) };
        // Those that wait stand before all of the queue's.
        let in_queue = before.filter(|before| spool.job(before).is_none());
        let mut jobs = match in_queue {
            Some(_) => Vec::new(),
            None => spool.jobs(source, before, limit as usize),
        };
        let room = limit - jobs.len() as u32;
        if room == 0 {
            return Ok(jobs);
        }
        match self.control.jobs(source, in_queue, room).await {
            Ok(queued) => jobs.extend(queued),
            Err(QueueError::Store(_)) if !jobs.is_empty() => {}
            Err(error) => return Err(error.into()),
        }
        Ok(jobs)
    }

    // While accepted events are sent again, a job that nobody knows may be one of theirs.
    fn unknown(&self, job_id: &str) -> Fault {
        if !self.spool.as_ref().is_some_and(Spool::is_resending) {
            return not_found(job_id);
        }
        let message = format!("job `{job_id}` is not known while the queue is rebuilt; ask again");
        Fault::new(ErrorCode::Unavailable, reason::BACKEND_UNAVAILABLE, message)
            .retry_after(Duration::from_secs(1))
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
