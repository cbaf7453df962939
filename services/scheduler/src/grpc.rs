//! `rfe.scheduler.v1.SchedulerService`: decode, call, encode.

use jiff::Timestamp;
use rfe_mesh::{
    Scope,
    caller::{self, Reach},
    status_from_fault,
};
use rfe_model::{ErrorCode, Fault, fault::reason};
use rfe_proto::scheduler as pb;
use rfe_registry::Page;
use tonic::{Request, Response, Status};

use crate::schedules::Schedules;

type Answer<T> = Result<Response<T>, Status>;

/// The service.
#[derive(Debug)]
pub(crate) struct Scheduler(pub(crate) Schedules);

#[tonic::async_trait]
impl pb::scheduler_service_server::SchedulerService for Scheduler {
    async fn create_schedule(
        &self,
        request: Request<pb::CreateScheduleRequest>,
    ) -> Answer<pb::CreateScheduleResponse> {
        let source = request.get_ref().schedule.as_ref().map_or("", |schedule| &schedule.source);
        caller::check(&request, Scope::Admin, source)?;
        let made = self
            .0
            .create(request.into_inner().schedule, Timestamp::now())
            .await
            .map_err(status_from_fault)?;
        Ok(Response::new(pb::CreateScheduleResponse { schedule: Some(made) }))
    }

    async fn update_schedule(
        &self,
        request: Request<pb::UpdateScheduleRequest>,
    ) -> Answer<pb::UpdateScheduleResponse> {
        let id = request.get_ref().schedule.as_ref().map_or("", |schedule| &schedule.schedule_id);
        self.about(&request, Scope::Admin, id).await?;
        let now = self
            .0
            .update(request.into_inner().schedule, Timestamp::now())
            .await
            .map_err(status_from_fault)?;
        Ok(Response::new(pb::UpdateScheduleResponse { schedule: Some(now) }))
    }

    async fn get_schedule(
        &self,
        request: Request<pb::GetScheduleRequest>,
    ) -> Answer<pb::GetScheduleResponse> {
        let found = self.0.get(&request.get_ref().schedule_id).await.map_err(status_from_fault)?;
        caller::of(&request).may_unnamed(Scope::Read, &found.source).map_err(status_from_fault)?;
        Ok(Response::new(pb::GetScheduleResponse { schedule: Some(found) }))
    }

    async fn list_schedules(
        &self,
        request: Request<pb::ListSchedulesRequest>,
    ) -> Answer<pb::ListSchedulesResponse> {
        let caller = caller::of(&request);
        let pb::ListSchedulesRequest { mut source, page_size, page_token } = request.into_inner();
        let reach = caller.narrow(Scope::Read, &mut source).map_err(status_from_fault)?;
        let size = size(page_size)?;
        let schedules = self.0.list(&source, &one_more(size, page_token)).await.map_err(status_from_fault)?;
        let (mut schedules, next_page_token) = cut(schedules, size, |schedule| &schedule.schedule_id);
        schedules.retain(|schedule| reach.has(&schedule.source));
        Ok(Response::new(pb::ListSchedulesResponse { schedules, next_page_token }))
    }

    async fn delete_schedule(
        &self,
        request: Request<pb::DeleteScheduleRequest>,
    ) -> Answer<pb::DeleteScheduleResponse> {
        self.about(&request, Scope::Admin, &request.get_ref().schedule_id).await?;
        self.0.delete(&request.into_inner().schedule_id).await.map_err(status_from_fault)?;
        Ok(Response::new(pb::DeleteScheduleResponse {}))
    }

    async fn pause_schedule(
        &self,
        request: Request<pb::PauseScheduleRequest>,
    ) -> Answer<pb::PauseScheduleResponse> {
        self.about(&request, Scope::Admin, &request.get_ref().schedule_id).await?;
        let now = self.0.pause(&request.into_inner().schedule_id).await.map_err(status_from_fault)?;
        Ok(Response::new(pb::PauseScheduleResponse { schedule: Some(now) }))
    }

    async fn resume_schedule(
        &self,
        request: Request<pb::ResumeScheduleRequest>,
    ) -> Answer<pb::ResumeScheduleResponse> {
        self.about(&request, Scope::Admin, &request.get_ref().schedule_id).await?;
        let now = self
            .0
            .resume(&request.into_inner().schedule_id, Timestamp::now())
            .await
            .map_err(status_from_fault)?;
        Ok(Response::new(pb::ResumeScheduleResponse { schedule: Some(now) }))
    }

    async fn trigger_schedule(
        &self,
        request: Request<pb::TriggerScheduleRequest>,
    ) -> Answer<pb::TriggerScheduleResponse> {
        self.about(&request, Scope::Admin, &request.get_ref().schedule_id).await?;
        let pb::TriggerScheduleRequest { schedule_id, request_id } = request.into_inner();
        let job_id =
            self.0.trigger(&schedule_id, request_id, Timestamp::now()).await.map_err(status_from_fault)?;
        Ok(Response::new(pb::TriggerScheduleResponse { job_id }))
    }

    async fn backfill_schedule(
        &self,
        _: Request<pb::BackfillScheduleRequest>,
    ) -> Answer<pb::BackfillScheduleResponse> {
        let message = "BackfillSchedule comes with a later version; `rfe ingest` reads a source now";
        Err(status_from_fault(Fault::new(ErrorCode::Unimplemented, reason::NOT_IMPLEMENTED, message)))
    }

    async fn preview_schedule(
        &self,
        request: Request<pb::PreviewScheduleRequest>,
    ) -> Answer<pb::PreviewScheduleResponse> {
        let pb::PreviewScheduleRequest { schedule, count } = request.into_inner();
        let fire_times = Schedules::preview(schedule, count, Timestamp::now()).map_err(status_from_fault)?;
        Ok(Response::new(pb::PreviewScheduleResponse { fire_times }))
    }

    async fn list_firings(
        &self,
        request: Request<pb::ListFiringsRequest>,
    ) -> Answer<pb::ListFiringsResponse> {
        self.about(&request, Scope::Read, &request.get_ref().schedule_id).await?;
        let pb::ListFiringsRequest { schedule_id, page_size, page_token } = request.into_inner();
        let size = size(page_size)?;
        let firings =
            self.0.firings(&schedule_id, &one_more(size, page_token)).await.map_err(status_from_fault)?;
        let (firings, next_page_token) = cut(firings, size, |firing| &firing.firing_id);
        Ok(Response::new(pb::ListFiringsResponse { firings, next_page_token }))
    }
}

impl Scheduler {
    // Refuses a caller who may not do it to the source of a schedule. Who reaches all sources costs no look at the schedule.
    async fn about<T: Sync>(
        &self,
        request: &Request<T>,
        scope: Scope,
        schedule_id: &str,
    ) -> Result<(), Status> {
        let caller = caller::of(request);
        if caller.reach(scope) == Reach::All {
            return Ok(());
        }
        let schedule = self.0.get(schedule_id).await.map_err(status_from_fault)?;
        caller.may_unnamed(scope, &schedule.source).map_err(status_from_fault)
    }
}

fn size(given: i32) -> Result<u32, Status> {
    match given {
        0 => Ok(100),
        _ => u32::try_from(given).map(|size| size.min(1000)).map_err(|_| {
            status_from_fault(Fault::invalid("page_size", format!("{given} is negative; 0 means 100")))
        }),
    }
}

// One more than asked for tells whether another page follows.
fn one_more(size: u32, token: String) -> Page {
    Page { after: (!token.is_empty()).then_some(token), limit: size + 1 }
}

fn cut<T>(mut items: Vec<T>, size: u32, key: impl Fn(&T) -> &String) -> (Vec<T>, String) {
    let size = size as usize;
    if items.len() <= size {
        return (items, String::new());
    }
    items.truncate(size);
    let token = items.last().map(key).cloned().unwrap_or_default();
    (items, token)
}
