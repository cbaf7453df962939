//! Jobs that only the spool knows.

use rfe_proto::ingest::{JobKind, JobState};
use rfe_queue::JobStatus;

use super::{Spool, index::Entry, plan::PlannedJob};

impl Spool {
    /// A job whose call waits to come to the queue.
    pub(crate) fn job(&self, job_id: &str) -> Option<JobStatus> {
        let index = self.shared.index();
        let entry = index.of_job(job_id)?;
        entry.jobs.iter().find(|job| job.id == job_id).map(|job| status(entry, job))
    }

    /// True while what was accepted before is sent to another incarnation of the queue.
    pub(crate) fn is_resending(&self) -> bool {
        self.shared.index().is_resending()
    }

    /// Those of a source, or of all, newest first; `before`: those behind this one.
    pub(crate) fn jobs(&self, source: Option<&str>, before: Option<&str>, limit: usize) -> Vec<JobStatus> {
        let index = self.shared.index();
        let waiting = index.newest().filter(|entry| source.is_none_or(|source| *entry.source == *source));
        waiting
            .flat_map(|entry| entry.jobs.iter().rev().map(move |job| (entry, job)))
            .skip_while(|(_, job)| before.is_some_and(|before| job.id != before))
            .skip(usize::from(before.is_some()))
            .take(limit)
            .map(|(entry, job)| status(entry, job))
            .collect()
    }
}

fn status(entry: &Entry, job: &PlannedJob) -> JobStatus {
    JobStatus {
        id: job.id.clone(),
        source: entry.source.to_string(),
        kind: JobKind::Events,
        state: JobState::Queued,
        run_id: None,
        split: false,
        attempts: 0,
        events: job.events,
        created_micros: entry.accepted,
        updated_micros: entry.accepted,
        not_before_micros: None,
        error: String::new(),
    }
}
