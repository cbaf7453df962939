//! A job is watched until it has ended.

use std::{sync::Arc, time::Duration};

use futures::{
    StreamExt as _,
    stream::{self, BoxStream},
};
use rfe_mesh::{Shutdown, status_from_fault};
use rfe_model::{ErrorCode, Fault, fault::reason};
use rfe_proto::ingest::{Job, JobState, WatchJobResponse};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};
use tonic::Status;

use crate::jobs::Jobs;

const MAX_WATCHES: usize = 1000;
/// A job is looked at so soon after it changed, and less and less often while it does not.
const SOONEST: Duration = Duration::from_millis(50);
const LATEST: Duration = Duration::from_millis(500);
/// For how long queue or registry may be away before a watch ends.
const PATIENCE: Duration = Duration::from_secs(30);

/// Who lets jobs be watched.
#[derive(Debug)]
pub(crate) struct Watches {
    jobs: Jobs,
    places: Arc<Semaphore>,
    shutdown: Shutdown,
}

/// What a watch sends.
pub(crate) type Changes = BoxStream<'static, Result<WatchJobResponse, Status>>;

// === impl Watches ===

impl Watches {
    pub(crate) fn new(jobs: Jobs, shutdown: Shutdown) -> Self {
        Self { jobs, places: Arc::new(Semaphore::new(MAX_WATCHES)), shutdown }
    }

    /// The job as it is now, then as it is after each change, until it has ended.
    pub(crate) async fn watch(&self, job_id: String) -> Result<Changes, Fault> {
        let place = self.places.clone().try_acquire_owned().map_err(|_| too_many())?;
        let job = self.jobs.get(&job_id).await?;
        let watch = Watch {
            jobs: self.jobs.clone(),
            shutdown: self.shutdown.clone(),
            job,
            pause: SOONEST,
            answered: Instant::now(),
            next: Next::Send,
            _place: place,
        };
        Ok(stream::unfold(watch, Watch::send).boxed())
    }
}

/// One watch. It looks only when the client wants the next message: one that reads slowly costs no memory, and misses what was between.
#[derive(Debug)]
struct Watch {
    jobs: Jobs,
    shutdown: Shutdown,
    job: Job,
    pause: Duration,
    answered: Instant,
    next: Next,
    _place: OwnedSemaphorePermit,
}

#[derive(Debug, PartialEq, Eq)]
enum Next {
    Send,
    Look,
    End,
}

// === impl Watch ===

impl Watch {
    async fn send(mut self) -> Option<(Result<WatchJobResponse, Status>, Self)> {
        if self.next == Next::End {
            return None;
        }
        if self.next == Next::Look
            && let Err(fault) = self.look().await
        {
            self.next = Next::End;
            return Some((Err(status_from_fault(fault)), self));
        }
        self.next = if has_ended(&self.job) { Next::End } else { Next::Look };
        Some((Ok(WatchJobResponse { job: Some(self.job.clone()) }), self))
    }

    // Until the job is another than it was.
    async fn look(&mut self) -> Result<(), Fault> {
        self.pause = SOONEST;
        loop {
            if !self.shutdown.sleep(self.pause).await {
                return Err(shutting_down());
            }
            self.pause = (self.pause * 3 / 2).min(LATEST);
            match self.jobs.get(&self.job.job_id).await {
                Ok(job) => {
                    self.answered = Instant::now();
                    if job != self.job {
                        self.job = job;
                        return Ok(());
                    }
                }
                Err(fault) if is_passing(&fault) && self.answered.elapsed() < PATIENCE => {}
                Err(fault) => return Err(fault),
            }
        }
    }
}

// A job that was there and is not: the queue lost it, and is about to be told again.
fn is_passing(fault: &Fault) -> bool {
    fault.is_transient() || fault.reason == reason::JOB_NOT_FOUND
}

fn has_ended(job: &Job) -> bool {
    matches!(job.state(), JobState::Succeeded | JobState::Failed | JobState::Cancelled)
}

fn too_many() -> Fault {
    let message = format!("{MAX_WATCHES} jobs are watched already; ask with GetJob, or come again");
    Fault::new(ErrorCode::ResourceExhausted, reason::TOO_MANY_CALLS, message)
        .retry_after(Duration::from_secs(1))
}

/// The process drains.
pub(crate) fn shutting_down() -> Fault {
    Fault::new(ErrorCode::Unavailable, reason::SHUTTING_DOWN, "the process is shutting down; call again")
}
