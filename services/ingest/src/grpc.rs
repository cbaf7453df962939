//! `rfe.ingest.v1.IngestService`: decode, call, encode.

use rfe_mesh::{
    Caller, Scope, Shutdown,
    caller::{self, Reach},
    status_from_fault,
};
use rfe_proto::ingest::{
    CancelJobRequest, CancelJobResponse, GetJobRequest, GetJobResponse, GetQueueStatsRequest,
    GetQueueStatsResponse, ListJobsRequest, ListJobsResponse, PauseSourceRequest, PauseSourceResponse,
    PreviewSourceRequest, PreviewSourceResponse, ResumeSourceRequest, ResumeSourceResponse,
    StreamEventsRequest, StreamEventsResponse, SubmitEventsRequest, SubmitEventsResponse, SubmitJobRequest,
    SubmitJobResponse, WatchJobRequest, ingest_service_server::IngestService, preview_source_request::Of,
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
        let SubmitJobRequest { source, replay, .. } = request.get_ref();
        let scope = if replay.is_some() { Scope::Admin } else { Scope::Ingest };
        caller::check(&request, scope, source)?;
        let (job, created) = self.jobs_in.submit(request.into_inner()).await.map_err(status_from_fault)?;
        Ok(Response::new(SubmitJobResponse { job: Some(job), created }))
    }

    async fn submit_events(&self, request: Request<SubmitEventsRequest>) -> Answer<SubmitEventsResponse> {
        caller::check(&request, Scope::Ingest, &request.get_ref().source)?;
        let SubmitEventsRequest { source, events } = request.into_inner();
        let results = self.events.submit(source, events).await.map_err(status_from_fault)?;
        Ok(Response::new(SubmitEventsResponse { results }))
    }

    async fn stream_events(
        &self,
        request: Request<Streaming<StreamEventsRequest>>,
    ) -> Answer<StreamEventsResponse> {
        let stream = EventStream::new(&self.events, caller::of(&request));
        let done = stream.accept(request.into_inner(), &self.shutdown).await.map_err(status_from_fault)?;
        Ok(Response::new(done))
    }

    async fn get_job(&self, request: Request<GetJobRequest>) -> Answer<GetJobResponse> {
        let job = self.jobs.get(&request.get_ref().job_id).await.map_err(status_from_fault)?;
        caller::of(&request).may_unnamed(Scope::Read, &job.source).map_err(status_from_fault)?;
        Ok(Response::new(GetJobResponse { job: Some(job) }))
    }

    async fn list_jobs(&self, request: Request<ListJobsRequest>) -> Answer<ListJobsResponse> {
        let caller = caller::of(&request);
        let mut request = request.into_inner();
        let reach = caller.narrow(Scope::Read, &mut request.source).map_err(status_from_fault)?;
        let (mut jobs, next_page_token) = self.jobs.list(request).await.map_err(status_from_fault)?;
        jobs.retain(|job| reach.has(&job.source));
        Ok(Response::new(ListJobsResponse { jobs, next_page_token }))
    }

    async fn watch_job(&self, request: Request<WatchJobRequest>) -> Answer<Self::WatchJobStream> {
        self.about(&caller::of(&request), Scope::Read, &request.get_ref().job_id).await?;
        let job_id = request.into_inner().job_id;
        Ok(Response::new(self.watches.watch(job_id).await.map_err(status_from_fault)?))
    }

    async fn cancel_job(&self, request: Request<CancelJobRequest>) -> Answer<CancelJobResponse> {
        self.about(&caller::of(&request), Scope::Admin, &request.get_ref().job_id).await?;
        let job = self.jobs.cancel(&request.into_inner().job_id).await.map_err(status_from_fault)?;
        Ok(Response::new(CancelJobResponse { job: Some(job) }))
    }

    async fn pause_source(&self, request: Request<PauseSourceRequest>) -> Answer<PauseSourceResponse> {
        caller::check(&request, Scope::Admin, &request.get_ref().source)?;
        self.control.pause(&request.into_inner().source).await.map_err(status_from_fault)?;
        Ok(Response::new(PauseSourceResponse {}))
    }

    async fn resume_source(&self, request: Request<ResumeSourceRequest>) -> Answer<ResumeSourceResponse> {
        caller::check(&request, Scope::Admin, &request.get_ref().source)?;
        self.control.resume(&request.into_inner().source).await.map_err(status_from_fault)?;
        Ok(Response::new(ResumeSourceResponse {}))
    }

    async fn get_queue_stats(&self, request: Request<GetQueueStatsRequest>) -> Answer<GetQueueStatsResponse> {
        let caller = caller::of(&request);
        let mut source = request.into_inner().source;
        let reach = caller.narrow(Scope::Read, &mut source).map_err(status_from_fault)?;
        let (sources, total) = self.control.stats(&source, &reach).await.map_err(status_from_fault)?;
        Ok(Response::new(GetQueueStatsResponse { sources, total: Some(total) }))
    }

    async fn preview_source(&self, request: Request<PreviewSourceRequest>) -> Answer<PreviewSourceResponse> {
        // A spec can name any place and any secret that a worker reaches; only a declared source is one's own.
        let name = match &request.get_ref().of {
            Some(Of::Name(name)) => name.as_str(),
            Some(Of::Source(_)) | None => "",
        };
        caller::check(&request, Scope::Admin, name)?;
        let preview = self.previews.preview(request.into_inner()).await.map_err(status_from_fault)?;
        Ok(Response::new(PreviewSourceResponse { preview: Some(preview) }))
    }
}

impl Ingest {
    // Refuses a caller who may not do it to the source of a job. Who reaches all sources costs no look at the job.
    async fn about(&self, caller: &Caller, scope: Scope, job_id: &str) -> Result<(), Status> {
        if caller.reach(scope) == Reach::All {
            return Ok(());
        }
        let job = self.jobs.get(job_id).await.map_err(status_from_fault)?;
        caller.may_unnamed(scope, &job.source).map_err(status_from_fault)
    }
}
