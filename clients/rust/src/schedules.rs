//! Schedules.

use prost_types::Timestamp;
use rfe_proto::scheduler as pb;
use uuid::Uuid;

use crate::{Client, Listing, Result};

impl Client {
    /// Makes a schedule; without an id it gets one.
    ///
    /// # Errors
    /// If one of the id exists, the source does not, or the timing is wrong.
    pub async fn create_schedule(&self, schedule: pb::Schedule) -> Result<pb::Schedule> {
        let request = pb::CreateScheduleRequest { schedule: Some(schedule) };
        let answer = self
            .scheduler
            .once(request, |mut client, request| async move {
                Ok(client.create_schedule(request).await?.into_inner())
            })
            .await?;
        self.scheduler.filled(answer.schedule, "schedule")
    }

    /// Changes a schedule to what is given.
    ///
    /// # Errors
    /// If it does not exist, belongs to a source's spec, or the timing is wrong.
    pub async fn update_schedule(&self, schedule: pb::Schedule) -> Result<pb::Schedule> {
        let request = pb::UpdateScheduleRequest { schedule: Some(schedule) };
        let answer = self
            .scheduler
            .once(request, |mut client, request| async move {
                Ok(client.update_schedule(request).await?.into_inner())
            })
            .await?;
        self.scheduler.filled(answer.schedule, "schedule")
    }

    /// The schedules by id; only of `source` unless it is empty.
    pub fn schedules(&self, source: &str) -> Listing<pb::Schedule> {
        let stub = self.scheduler.clone();
        let source = source.to_owned();
        Listing::new(move |page_size, page_token| {
            let stub = stub.clone();
            let request = pb::ListSchedulesRequest { source: source.clone(), page_size, page_token };
            async move {
                let page = stub
                    .safe(request, |mut client, request| async move {
                        Ok(client.list_schedules(request).await?.into_inner())
                    })
                    .await?;
                Ok((page.schedules, page.next_page_token))
            }
        })
    }

    /// One schedule.
    ///
    /// # Errors
    /// If it does not exist.
    pub async fn schedule(&self, schedule_id: &str) -> Result<pb::Schedule> {
        let request = pb::GetScheduleRequest { schedule_id: schedule_id.to_owned() };
        let answer = self
            .scheduler
            .safe(request, |mut client, request| async move {
                Ok(client.get_schedule(request).await?.into_inner())
            })
            .await?;
        self.scheduler.filled(answer.schedule, "schedule")
    }

    /// Stops firing.
    ///
    /// # Errors
    /// If the schedule does not exist.
    pub async fn pause_schedule(&self, schedule_id: &str) -> Result<pb::Schedule> {
        let request = pb::PauseScheduleRequest { schedule_id: schedule_id.to_owned() };
        let answer = self
            .scheduler
            .safe(request, |mut client, request| async move {
                Ok(client.pause_schedule(request).await?.into_inner())
            })
            .await?;
        self.scheduler.filled(answer.schedule, "schedule")
    }

    /// Fires again, from the next instant on.
    ///
    /// # Errors
    /// If the schedule does not exist.
    pub async fn resume_schedule(&self, schedule_id: &str) -> Result<pb::Schedule> {
        let request = pb::ResumeScheduleRequest { schedule_id: schedule_id.to_owned() };
        let answer = self
            .scheduler
            .safe(request, |mut client, request| async move {
                Ok(client.resume_schedule(request).await?.into_inner())
            })
            .await?;
        self.scheduler.filled(answer.schedule, "schedule")
    }

    /// Deletes a schedule.
    ///
    /// # Errors
    /// If it does not exist, or a source's spec declares it.
    pub async fn delete_schedule(&self, schedule_id: &str) -> Result<()> {
        let request = pb::DeleteScheduleRequest { schedule_id: schedule_id.to_owned() };
        self.scheduler
            .once(
                request,
                |mut client, request| async move { client.delete_schedule(request).await.map(|_| ()) },
            )
            .await
    }

    /// What became of a schedule's instants, newest first.
    pub fn firings(&self, schedule_id: &str) -> Listing<pb::Firing> {
        let stub = self.scheduler.clone();
        let schedule_id = schedule_id.to_owned();
        Listing::new(move |page_size, page_token| {
            let stub = stub.clone();
            let request = pb::ListFiringsRequest { schedule_id: schedule_id.clone(), page_size, page_token };
            async move {
                let page = stub
                    .safe(request, |mut client, request| async move {
                        Ok(client.list_firings(request).await?.into_inner())
                    })
                    .await?;
                Ok((page.firings, page.next_page_token))
            }
        })
    }

    /// Fires once, now; the answer is the job's id.
    ///
    /// # Errors
    /// If the schedule does not exist.
    pub async fn trigger_schedule(&self, schedule_id: &str) -> Result<String> {
        let request = pb::TriggerScheduleRequest {
            schedule_id: schedule_id.to_owned(),
            request_id: Uuid::now_v7().to_string(),
        };
        self.scheduler
            .safe(request, |mut client, request| async move {
                Ok(client.trigger_schedule(request).await?.into_inner().job_id)
            })
            .await
    }

    /// The next instants of a timing, which need not exist as a schedule.
    ///
    /// # Errors
    /// If the timing is wrong.
    pub async fn preview_schedule(&self, schedule: pb::Schedule, count: i32) -> Result<Vec<Timestamp>> {
        let request = pb::PreviewScheduleRequest { schedule: Some(schedule), count };
        self.scheduler
            .safe(request, |mut client, request| async move {
                Ok(client.preview_schedule(request).await?.into_inner().fire_times)
            })
            .await
    }
}
