//! `rfe.ingest.v1.IngestService`: decode, call, encode.

use rfe_mesh::{Shutdown, status_from_fault};
use rfe_proto::ingest::{
    CancelJobRequest, CancelJobResponse, GetJobRequest, GetJobResponse, GetQueueStatsRequest,
    GetQueueStatsResponse, ListJobsRequest, ListJobsResponse, PauseSourceRequest, PauseSourceResponse,
    PreviewSourceRequest, PreviewSourceResponse, ResumeSourceRequest, ResumeSourceResponse,
    StreamEventsRequest, StreamEventsResponse, SubmitEventsRequest, SubmitEventsResponse, SubmitJobRequest,
    SubmitJobResponse, WatchJobRequest, ingest_service_server::IngestService,
};
use tonic::{Request, Response, Status, Streaming};

use crate::{
    control::Control,
    jobs::Jobs,
    preview::Previews,
    stream_events::EventStream,
    submit_events::EventDoor,
    submit_job::JobDoor,
    watch_job::{Changes, Watches},
};

/// The service.
#[derive(Debug)]
pub(crate) struct Ingest {
    pub(crate) events: EventDoor,
    pub(crate) jobs_in: JobDoor,
    pub(crate) jobs: Jobs,
    pub(crate) watches: Watches,
    pub(crate) control: Control,
    pub(crate) previews: Previews,
    pub(crate) shutdown: Shutdown,
}

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl IngestService for Ingest {
    type WatchJobStream = Changes;

    async fn submit_job(&self, request: Request<SubmitJobRequest>) -> Answer<SubmitJobResponse> {
        let (job, created) = self.jobs_in.submit(request.into_inner()).await.map_err(status_from_fault)?;
        Ok(Response::new(SubmitJobResponse { job: Some(job), created }))
    }

    async fn submit_events(&self, request: Request<SubmitEventsRequest>) -> Answer<SubmitEventsResponse> {
        let SubmitEventsRequest { source, events } = request.into_inner();
        let results = self.events.submit(source, events).await.map_err(status_from_fault)?;
        Ok(Response::new(SubmitEventsResponse { results }))
    }

    async fn stream_events(
        &self,
        request: Request<Streaming<StreamEventsRequest>>,
    ) -> Answer<StreamEventsResponse> {
        let stream = EventStream::new(&self.events);
        let done = stream.accept(request.into_inner(), &self.shutdown).await.map_err(status_from_fault)?;
        Ok(Response::new(done))
    }

    async fn get_job(&self, request: Request<GetJobRequest>) -> Answer<GetJobResponse> {
        let job = self.jobs.get(&request.into_inner().job_id).await.map_err(status_from_fault)?;
        Ok(Response::new(GetJobResponse { job: Some(job) }))
    }

    async fn list_jobs(&self, request: Request<ListJobsRequest>) -> Answer<ListJobsResponse> {
        let (jobs, next_page_token) =
            self.jobs.list(request.into_inner()).await.map_err(status_from_fault)?;
        Ok(Response::new(ListJobsResponse { jobs, next_page_token }))
    }

    async fn watch_job(&self, request: Request<WatchJobRequest>) -> Answer<Self::WatchJobStream> {
        let job_id = request.into_inner().job_id;
        Ok(Response::new(self.watches.watch(job_id).await.map_err(status_from_fault)?))
    }

    async fn cancel_job(&self, request: Request<CancelJobRequest>) -> Answer<CancelJobResponse> {
        let job = self.jobs.cancel(&request.into_inner().job_id).await.map_err(status_from_fault)?;
        Ok(Response::new(CancelJobResponse { job: Some(job) }))
    }

    async fn pause_source(&self, request: Request<PauseSourceRequest>) -> Answer<PauseSourceResponse> {
        self.control.pause(&request.into_inner().source).await.map_err(status_from_fault)?;
        Ok(Response::new(PauseSourceResponse {}))
    }

    async fn resume_source(&self, request: Request<ResumeSourceRequest>) -> Answer<ResumeSourceResponse> {
        self.control.resume(&request.into_inner().source).await.map_err(status_from_fault)?;
        Ok(Response::new(ResumeSourceResponse {}))
    }

    async fn get_queue_stats(&self, request: Request<GetQueueStatsRequest>) -> Answer<GetQueueStatsResponse> {
        let (sources, total) =
            self.control.stats(&request.into_inner().source).await.map_err(status_from_fault)?;
        Ok(Response::new(GetQueueStatsResponse { sources, total: Some(total) }))
    }

    async fn preview_source(&self, request: Request<PreviewSourceRequest>) -> Answer<PreviewSourceResponse> {
        let preview = self.previews.preview(request.into_inner()).await.map_err(status_from_fault)?;
        Ok(Response::new(PreviewSourceResponse { preview: Some(preview) }))
    }
}
