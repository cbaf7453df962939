//! The schedules as the store has them. Whoever changes one holds the book, so that nobody writes over another's change.

use std::{fmt, sync::Arc};

use jiff::Timestamp;
use rfe_model::{ErrorCode, Fault, fault::reason, time};
use rfe_proto::scheduler::{Firing, Schedule};
use rfe_registry::{Page, ScheduleStore, WaitingFiring};
use tokio::sync::{Mutex, MutexGuard, Notify};

use crate::check;

const PAGE: u32 = 1000;

/// The schedules.
#[derive(Clone)]
pub(crate) struct Book {
    store: Arc<dyn ScheduleStore>,
    writing: Arc<Mutex<()>>,
    changed: Arc<Notify>,
}

impl fmt::Debug for Book {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Book").field("store", &self.store).finish_non_exhaustive()
    }
}

/// The right to change schedules.
#[derive(Debug)]
pub(crate) struct Held<'a> {
    book: &'a Book,
    _writing: MutexGuard<'a, ()>,
}

// === impl Book ===

impl Book {
    pub(crate) fn new(store: Arc<dyn ScheduleStore>) -> Self {
        Self { store, writing: Arc::default(), changed: Arc::default() }
    }

    /// One schedule.
    pub(crate) async fn get(&self, id: &str) -> Result<Schedule, Fault> {
        if id.is_empty() {
            return Err(Fault::invalid("schedule_id", "is missing"));
        }
        self.store.schedule(id).await?.ok_or_else(|| {
            Fault::new(
                ErrorCode::NotFound,
                reason::SCHEDULE_NOT_FOUND,
                format!("schedule `{id}` does not exist"),
            )
            .with("schedule", id)
        })
    }

    /// A page of schedules by id, of one source or of all.
    pub(crate) async fn page(&self, source: Option<&str>, page: &Page) -> Result<Vec<Schedule>, Fault> {
        Ok(self.store.schedules(source, page).await?)
    }

    /// All schedules.
    pub(crate) async fn all(&self) -> Result<Vec<Schedule>, Fault> {
        let mut all: Vec<Schedule> = Vec::new();
        loop {
            let after = all.last().map(|schedule| schedule.schedule_id.clone());
            let page = self.store.schedules(None, &Page { after, limit: PAGE }).await?;
            let is_last = page.len() < PAGE as usize;
            all.extend(page);
            if is_last {
                return Ok(all);
            }
        }
    }

    /// A page of a schedule's firings, newest first.
    pub(crate) async fn firings(&self, id: &str, page: &Page) -> Result<Vec<Firing>, Fault> {
        Ok(self.store.firings(id, page).await?)
    }

    /// Waits until nobody else changes schedules.
    pub(crate) async fn hold(&self) -> Held<'_> {
        Held { book: self, _writing: self.writing.lock().await }
    }

    /// Resolves once a schedule has changed.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Of each schedule that has firings that wait the oldest of them.
    pub(crate) async fn waiting(&self) -> Result<Vec<WaitingFiring>, Fault> {
        Ok(self.store.waiting().await?)
    }

    /// Notes firings and moves the schedule on to its first instant after `after`, unless it was changed or paused meanwhile.
    pub(crate) async fn fired(
        &self,
        fired: &Schedule,
        firings: &[Firing],
        after: Timestamp,
    ) -> Result<(), Fault> {
        let _held = self.hold().await;
        // One that is gone leaves no firing behind, although its job runs.
        let Some(current) = self.store.schedule(&fired.schedule_id).await? else { return Ok(()) };
        let next = if check::same_timing(&current, fired) && !current.paused {
            let timing = check::timing(&current).map_err(Fault::violations)?;
            timing.next_after(after).map(time::to_proto)
        } else {
            current.next_fire_time
        };
        Ok(self.store.fired(&fired.schedule_id, firings, next).await?)
    }

    /// Notes what became of a firing that waited.
    pub(crate) async fn settle(&self, firing: &Firing) -> Result<(), Fault> {
        let _held = self.hold().await;
        let is_there = self.store.schedule(&firing.schedule_id).await?.is_some();
        if is_there { Ok(self.store.settle_firing(firing).await?) } else { Ok(()) }
    }
}

// === impl Held ===

impl Held<'_> {
    /// Writes a schedule and wakes the clock.
    pub(crate) async fn put(&self, schedule: &Schedule) -> Result<(), Fault> {
        self.book.store.put_schedule(schedule).await?;
        self.book.changed.notify_one();
        Ok(())
    }

    /// Deletes a schedule.
    pub(crate) async fn delete(&self, id: &str) -> Result<(), Fault> {
        Ok(self.book.store.delete_schedule(id).await?)
    }

    /// Notes a firing that no instant asked for; the next instant stays.
    pub(crate) async fn triggered(&self, firing: &Firing) -> Result<(), Fault> {
        let Some(current) = self.book.store.schedule(&firing.schedule_id).await? else { return Ok(()) };
        let firings = std::slice::from_ref(firing);
        Ok(self.book.store.fired(&firing.schedule_id, firings, current.next_fire_time).await?)
    }
}
