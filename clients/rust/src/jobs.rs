//! Jobs and the queue.

use std::time::{Duration, Instant};

use rfe_proto::ingest::{self as pb, ingest_service_client::IngestServiceClient};
use uuid::Uuid;

use crate::{
    Client, Error, Listing, Result,
    stub::{Stub, Wire},
};

// A service that restarts must not end the waiting for a job that goes on.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(200);

/// The answer to a submitted job.
#[derive(Debug, Clone)]
pub struct Submitted {
    /// The job.
    pub job: pb::Job,
    /// False if a job that was there already is the answer.
    pub created: bool,
}

/// A job that is watched. Dropping it ends the watch.
#[derive(Debug)]
pub struct JobWatch {
    messages: tonic::Streaming<pb::WatchJobResponse>,
    stub: Stub<IngestServiceClient<Wire>>,
    end: Option<Instant>,
}

impl JobWatch {
    /// Lets the watch last so long from now on; as long as the job, by default.
    #[must_use]
    pub fn within(self, deadline: Duration) -> Self {
        Self { end: Some(Instant::now() + deadline), ..self }
    }

    /// The job as it is now, or once it has changed; `None` behind the state in which it ended.
    ///
    /// # Errors
    /// If the watch broke off, also because the service is stopping; the job can be watched again. If its deadline is over.
    pub async fn next(&mut self) -> Result<Option<pb::Job>> {
        let message = self.messages.message();
        let message = match self.end {
            None => message.await,
            Some(end) => tokio::time::timeout_at(end.into(), message)
                .await
                .map_err(|_| Error::deadline(&self.stub.url))?,
        };
        match message {
            Ok(Some(message)) => self.stub.filled(message.job, "job").map(Some),
            Ok(None) => Ok(None),
            Err(status) => Err(Error::from_status(&self.stub.url, &status)),
        }
    }
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

    /// Watches a job: as it is now, then as it is after each change, until it has ended.
    ///
    /// # Errors
    /// If the job does not exist.
    pub async fn watch_job(&self, job_id: &str) -> Result<JobWatch> {
        let request = pb::WatchJobRequest { job_id: job_id.to_owned() };
        let messages =
            self.streams
                .safe(request, |mut client, request| async move {
                    Ok(client.watch_job(request).await?.into_inner())
                })
                .await?;
        Ok(JobWatch { messages, stub: self.streams.clone(), end: None })
    }

    /// Waits until a job has ended. `progress` sees the job as it is now and after each change.
    ///
    /// # Errors
    /// If the job does not exist, or its service stays away for more than 30 s. That the job failed is no error.
    pub async fn wait_job(&self, job_id: &str, mut progress: impl FnMut(&pb::Job) + Send) -> Result<pb::Job> {
        let mut away_since: Option<Instant> = None;
        loop {
            let broke_off = match self.watch_job(job_id).await {
                Ok(mut watch) => loop {
                    match watch.next().await {
                        Ok(Some(job)) => {
                            away_since = None;
                            progress(&job);
                            if has_ended(&job) {
                                return Ok(job);
                            }
                        }
                        Ok(None) => break self.streams.broken("the watch ended before the job".to_owned()),
                        Err(error) => break error,
                    }
                },
                Err(error) => error,
            };
            let since = *away_since.get_or_insert_with(Instant::now);
            if !broke_off.is_transient() || since.elapsed() > PATIENCE {
                return Err(broke_off);
            }
            tokio::time::sleep(PAUSE).await;
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
