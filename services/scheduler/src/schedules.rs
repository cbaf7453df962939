//! Create, update, delete, pause, resume, trigger and preview.

use jiff::Timestamp;
use rfe_model::{ErrorCode, Fault, fault::reason, id, time};
use rfe_proto::scheduler::{Firing, Schedule};
use rfe_registry::Page;

use crate::{book::Book, check, firing, sources::Sources};

const DEFAULT_PREVIEW: i32 = 10;
const MAX_PREVIEW: i32 = 1000;

/// What people do with schedules.
#[derive(Debug, Clone)]
pub(crate) struct Schedules {
    book: Book,
    sources: Sources,
}

// === impl Schedules ===

impl Schedules {
    pub(crate) fn new(book: Book, sources: Sources) -> Self {
        Self { book, sources }
    }

    pub(crate) async fn create(&self, given: Option<Schedule>, now: Timestamp) -> Result<Schedule, Fault> {
        let mut schedule = check::settled(required(given)?);
        check::words(&schedule)?;
        let (_, next) = check::timing_with_next(&schedule, now)?;
        self.sources.check(&schedule.source).await?;
        if schedule.schedule_id.is_empty() {
            schedule.schedule_id = id::new();
        }
        schedule.declared = false;
        schedule.last_fire_time = None;
        schedule.created_time = Some(time::proto_from_micros(now.as_microsecond()));
        schedule.next_fire_time = (!schedule.paused).then(|| time::to_proto(next));
        let held = self.book.hold().await;
        match self.book.get(&schedule.schedule_id).await {
            Ok(_) => return Err(exists(&schedule.schedule_id)),
            Err(fault) if fault.code == ErrorCode::NotFound => {}
            Err(fault) => return Err(fault),
        }
        held.put(&schedule).await?;
        Ok(schedule)
    }

    pub(crate) async fn update(&self, given: Option<Schedule>, now: Timestamp) -> Result<Schedule, Fault> {
        let given = check::settled(required(given)?);
        check::words(&given)?;
        let (_, next) = check::timing_with_next(&given, now)?;
        let held = self.book.hold().await;
        let before = self.own(&given.schedule_id, "schedule.schedule_id").await?;
        if !given.source.is_empty() && given.source != before.source {
            let reason = format!(
                "a schedule keeps its source, `{}`; make another schedule for `{}`",
                before.source, given.source
            );
            return Err(Fault::invalid("schedule.source", reason));
        }
        let next = if before.paused { None } else { Some(time::to_proto(next)) };
        let schedule = Schedule {
            timing: given.timing,
            timezone: given.timezone,
            overlap: given.overlap,
            misfire: given.misfire,
            next_fire_time: next,
            ..before
        };
        held.put(&schedule).await?;
        Ok(schedule)
    }

    pub(crate) async fn get(&self, id: &str) -> Result<Schedule, Fault> {
        self.book.get(id).await
    }

    pub(crate) async fn list(&self, source: &str, page: &Page) -> Result<Vec<Schedule>, Fault> {
        self.book.page((!source.is_empty()).then_some(source), page).await
    }

    pub(crate) async fn delete(&self, id: &str) -> Result<(), Fault> {
        let held = self.book.hold().await;
        self.own(id, "schedule_id").await?;
        held.delete(id).await
    }

    pub(crate) async fn pause(&self, id: &str) -> Result<Schedule, Fault> {
        let held = self.book.hold().await;
        let schedule = Schedule { paused: true, next_fire_time: None, ..self.book.get(id).await? };
        held.put(&schedule).await?;
        Ok(schedule)
    }

    pub(crate) async fn resume(&self, id: &str, now: Timestamp) -> Result<Schedule, Fault> {
        let held = self.book.hold().await;
        let before = self.book.get(id).await?;
        if !before.paused {
            return Ok(before);
        }
        let (_, next) = check::timing_with_next(&before, now)?;
        let schedule = Schedule { paused: false, next_fire_time: Some(time::to_proto(next)), ..before };
        held.put(&schedule).await?;
        Ok(schedule)
    }

    /// Fires once, now, also while paused; the id of the job that answers.
    pub(crate) async fn trigger(
        &self,
        id: &str,
        request_id: String,
        now: Timestamp,
    ) -> Result<String, Fault> {
        let request_id = match request_id.as_str() {
            "" => id::new(),
            given => uuid::Uuid::parse_str(given)
                .map_err(|_| Fault::invalid("request_id", format!("`{given}` is no UUID")))?
                .to_string(),
        };
        let schedule = self.book.get(id).await?;
        let job_id = self.sources.submit(&schedule.source, &request_id, now).await?;
        let firing = firing::triggered(&schedule, request_id, now, job_id.clone());
        self.book.hold().await.triggered(&firing).await?;
        Ok(job_id)
    }

    pub(crate) fn preview(
        given: Option<Schedule>,
        count: i32,
        now: Timestamp,
    ) -> Result<Vec<prost_types::Timestamp>, Fault> {
        let (timing, next) = check::timing_with_next(&required(given)?, now)?;
        let count = if count == 0 { DEFAULT_PREVIEW } else { count.min(MAX_PREVIEW) };
        let count =
            usize::try_from(count).map_err(|_| Fault::invalid("count", format!("{count} is negative")))?;
        Ok(std::iter::successors(Some(next), |at| timing.next_after(*at))
            .take(count)
            .map(time::to_proto)
            .collect())
    }

    pub(crate) async fn firings(&self, id: &str, page: &Page) -> Result<Vec<Firing>, Fault> {
        self.book.get(id).await?;
        self.book.firings(id, page).await
    }

    // A schedule that no spec declares.
    async fn own(&self, id: &str, path: &str) -> Result<Schedule, Fault> {
        if id.is_empty() {
            return Err(Fault::invalid(path, "is missing"));
        }
        let schedule = self.book.get(id).await?;
        if schedule.declared {
            let message = format!(
                "schedule `{id}` belongs to the spec of source `{}`; change it there",
                schedule.source
            );
            return Err(Fault::new(ErrorCode::FailedPrecondition, reason::SCHEDULE_DECLARED, message)
                .with("schedule", id));
        }
        Ok(schedule)
    }
}

fn required(given: Option<Schedule>) -> Result<Schedule, Fault> {
    given.ok_or_else(|| Fault::invalid("schedule", "is missing"))
}

fn exists(id: &str) -> Fault {
    Fault::new(ErrorCode::AlreadyExists, reason::SCHEDULE_EXISTS, format!("schedule `{id}` exists"))
        .with("schedule", id)
}
