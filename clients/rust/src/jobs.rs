//! Jobs and the queue.

use std::time::{Duration, Instant};

use rfe_proto::ingest as pb;
use uuid::Uuid;

use crate::{Client, Listing, Result};

// A service that restarts must not end the waiting for a job that goes on.
const PATIENCE: Duration = Duration::from_secs(30);
const FIRST_POLL: Duration = Duration::from_millis(50);
const SLOWEST_POLL: Duration = Duration::from_millis(500);

/// The answer to a submitted job.
#[derive(Debug, Clone)]
pub struct Submitted {
    /// The job.
    pub job: pb::Job,
    /// False if a job that was there already is the answer.
    pub created: bool,
}

/// True if nothing more happens to the job.
pub fn has_ended(job: &pb::Job) -> bool {
    matches!(job.state(), pb::JobState::Succeeded | pb::JobState::Failed | pb::JobState::Cancelled)
}

impl Client {
    /// Queues a job that reads a pull source. While one runs, one more waits; a third call answers with the waiting one.
    ///
    /// # Errors
    /// If the source does not exist or takes no jobs.
    pub async fn submit_job(&self, source: &str) -> Result<Submitted> {
        self.submit_job_as(source, &Uuid::now_v7().to_string()).await
    }

    /// As [`Self::submit_job`], with the caller's id (a UUID): a second call with it answers with the first one's job.
    ///
    /// # Errors
    /// As [`Self::submit_job`].
    pub async fn submit_job_as(&self, source: &str, request_id: &str) -> Result<Submitted> {
        let request = pb::SubmitJobRequest {
            source: source.to_owned(),
            request_id: request_id.to_owned(),
            replay: None,
            scheduled_time: None,
        };
        let answer =
            self.ingest
                .safe(request, |mut client, request| async move {
                    Ok(client.submit_job(request).await?.into_inner())
                })
                .await?;
        let job = self.ingest.filled(answer.job, "job")?;
        Ok(Submitted { job, created: answer.created })
    }

    /// One job.
    ///
    /// # Errors
    /// If it does not exist.
    pub async fn job(&self, job_id: &str) -> Result<pb::Job> {
        let request = pb::GetJobRequest { job_id: job_id.to_owned() };
        let answer =
            self.ingest
                .safe(request, |mut client, request| async move {
                    Ok(client.get_job(request).await?.into_inner())
                })
                .await?;
        self.ingest.filled(answer.job, "job")
    }

    /// The jobs, newest first; only of `source` and in `state` where they say something.
    pub fn jobs(&self, source: &str, state: pb::JobState) -> Listing<pb::Job> {
        let stub = self.ingest.clone();
        let source = source.to_owned();
        Listing::new(move |page_size, page_token| {
            let stub = stub.clone();
            let request =
                pb::ListJobsRequest { source: source.clone(), state: state.into(), page_size, page_token };
            async move {
                let page = stub
                    .safe(request, |mut client, request| async move {
                        Ok(client.list_jobs(request).await?.into_inner())
                    })
                    .await?;
                Ok((page.jobs, page.next_page_token))
            }
        })
    }

    /// Waits until a job has ended. `progress` sees the job each time it is looked at.
    ///
    /// # Errors
    /// If the job does not exist, or its service stays away for more than 30 s. That the job failed is no error.
    pub async fn wait_job(&self, job_id: &str, mut progress: impl FnMut(&pb::Job) + Send) -> Result<pb::Job> {
        let mut poll = FIRST_POLL;
        let mut last_seen = Instant::now();
        loop {
            match self.job(job_id).await {
                Ok(job) => {
                    last_seen = Instant::now();
                    progress(&job);
                    if has_ended(&job) {
                        return Ok(job);
                    }
                }
                Err(error) if error.is_transient() && last_seen.elapsed() < PATIENCE => {}
                Err(error) => return Err(error),
            }
            tokio::time::sleep(poll).await;
            poll = (poll * 3 / 2).min(SLOWEST_POLL);
        }
    }

    /// Cancels a pull, replay or backfill job. After OK no row of it appears.
    ///
    /// # Errors
    /// If the job does not exist, has ended, or is one of events.
    pub async fn cancel_job(&self, job_id: &str) -> Result<pb::Job> {
        let request = pb::CancelJobRequest { job_id: job_id.to_owned() };
        let answer =
            self.ingest
                .once(request, |mut client, request| async move {
                    Ok(client.cancel_job(request).await?.into_inner())
                })
                .await?;
        self.ingest.filled(answer.job, "job")
    }

    /// Stops the work on a source's jobs; accepting goes on.
    ///
    /// # Errors
    /// If the source does not exist.
    pub async fn pause_source(&self, source: &str) -> Result<()> {
        let request = pb::PauseSourceRequest { source: source.to_owned() };
        self.ingest
            .safe(
                request,
                |mut client, request| async move { client.pause_source(request).await.map(|_| ()) },
            )
            .await
    }

    /// Works on a paused source's jobs again.
    ///
    /// # Errors
    /// If the source does not exist.
    pub async fn resume_source(&self, source: &str) -> Result<()> {
        let request = pb::ResumeSourceRequest { source: source.to_owned() };
        self.ingest
            .safe(
                request,
                |mut client, request| async move { client.resume_source(request).await.map(|_| ()) },
            )
            .await
    }

    /// What is queued, by source and in total; an empty `source` means all.
    ///
    /// # Errors
    /// As the call has them.
    pub async fn queue_stats(&self, source: &str) -> Result<pb::GetQueueStatsResponse> {
        let request = pb::GetQueueStatsRequest { source: source.to_owned() };
        self.ingest
            .safe(request, |mut client, request| async move {
                Ok(client.get_queue_stats(request).await?.into_inner())
            })
            .await
    }
}
