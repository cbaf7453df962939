//! Finds what is due and waits for what is not.

use std::{collections::HashMap, time::Duration};

use futures::{StreamExt as _, stream};
use jiff::{SignedDuration, Timestamp};
use rfe_mesh::Shutdown;
use rfe_model::{Fault, time};
use rfe_proto::scheduler::{Firing, Schedule};
use rfe_registry::WaitingFiring;

use crate::{
    Config,
    book::Book,
    check,
    declared::Declared,
    firing::{Firer, MAX_WAITING, waits},
    misfire::{Fate, Watch},
};

// Instants of one schedule that are looked at after a downtime, the newest ones.
const MAX_INSTANTS: usize = 1000;

/// The clock.
#[derive(Debug)]
pub(crate) struct Clock {
    pub(crate) config: Config,
    pub(crate) book: Book,
    pub(crate) firer: Firer,
    pub(crate) declared: Declared,
    pub(crate) watch: Watch,
}

// === impl Clock ===

impl Clock {
    /// Runs until shutdown begins.
    pub(crate) async fn run(mut self, shutdown: Shutdown) {
        while !shutdown.has_begun() {
            self.watch.look(Timestamp::now(), self.config.misfire_grace);
            if let Err(fault) = self.declared.follow(Timestamp::now()).await {
                tracing::warn!(error = %fault, "the sources' schedules could not be followed; trying again");
            }
            let wait = match self.tick(Timestamp::now()).await {
                Ok(()) => self.until_next(Timestamp::now()).await,
                Err(fault) => Err(fault),
            };
            let wait = wait.unwrap_or_else(|fault| {
                tracing::warn!(error = %fault, "the schedules could not be read; trying again");
                self.config.retry
            });
            // What was slow was done, not slept.
            self.watch.seen = Timestamp::now();
            tokio::select! {
                _ = shutdown.sleep(wait) => {}
                () = self.book.changed() => {}
            }
        }
    }

    /// Fires what is due, and what waits and whose turn it is.
    pub(crate) async fn tick(&self, now: Timestamp) -> Result<(), Fault> {
        let mut waiting = self.waiting().await?;
        let schedules = self.book.all().await?.into_iter().filter(|schedule| !schedule.paused);
        let attended = schedules.filter_map(|schedule| {
            let due = next(&schedule).filter(|next| *next <= now);
            let waits = waiting.remove(&schedule.schedule_id);
            (due.is_some() || waits.is_some()).then_some((schedule, due, waits))
        });
        stream::iter(attended)
            .for_each_concurrent(self.config.concurrency.max(1), async |(schedule, due, waits)| {
                if let Err(fault) = self.attend(&schedule, due, waits, now).await {
                    tracing::warn!(schedule = %schedule.schedule_id, error = %fault, "could not fire; trying again");
                }
            })
            .await;
        Ok(())
    }

    async fn attend(
        &self,
        schedule: &Schedule,
        due: Option<Timestamp>,
        waits: Option<WaitingFiring>,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let mut backlog = Backlog::new(waits);
        if let Some(due) = due {
            self.catch_up(schedule, due, now, &mut backlog).await?;
        }
        self.turn(schedule, &mut backlog).await
    }

    async fn catch_up(
        &self,
        schedule: &Schedule,
        next: Timestamp,
        now: Timestamp,
        backlog: &mut Backlog,
    ) -> Result<(), Fault> {
        let due = due(schedule, next, now)?;
        let newest = due.last().copied().unwrap_or(next);
        let mut noted = Noted { schedule, book: &self.book, firings: Vec::new() };
        for instant in due {
            let grace = self.config.misfire_grace;
            let fate = self.watch.fate(schedule.misfire(), grace, instant, newest, now);
            let firing = match fate {
                Fate::Fire => {
                    // Those that wait go first. Where not even they can be tried, nothing becomes of this one: it stays due.
                    noted.write().await?;
                    self.turn(schedule, backlog).await?;
                    self.firer.fire(schedule, instant, backlog.count).await?
                }
                Fate::MakeUp if backlog.count < MAX_WAITING => self.firer.wait(schedule, instant),
                Fate::MakeUp | Fate::Miss => self.firer.miss(schedule, instant),
            };
            backlog.note(&firing);
            noted.firings.push(firing);
        }
        noted.write().await
    }

    // Tries the oldest one that waits, once a tick.
    async fn turn(&self, schedule: &Schedule, backlog: &mut Backlog) -> Result<(), Fault> {
        let Some(oldest) = backlog.oldest.take() else { return Ok(()) };
        backlog.tried = true;
        if let Some(fired) = self.firer.turn(schedule, &oldest).await? {
            self.book.settle(&fired).await?;
            backlog.count -= 1;
        }
        Ok(())
    }

    async fn waiting(&self) -> Result<HashMap<String, WaitingFiring>, Fault> {
        let waiting = self.book.waiting().await?.into_iter();
        Ok(waiting.map(|waits| (waits.firing.schedule_id.clone(), waits)).collect())
    }

    async fn until_next(&self, now: Timestamp) -> Result<Duration, Fault> {
        let waiting = self.waiting().await?;
        let schedules = self.book.all().await?;
        let active: Vec<&Schedule> = schedules.iter().filter(|schedule| !schedule.paused).collect();
        if active.iter().any(|schedule| waiting.contains_key(&schedule.schedule_id)) {
            return Ok(self.config.turn.min(self.config.poll));
        }
        Ok(match active.into_iter().filter_map(next).min() {
            Some(next) if next > now => now.duration_until(next).unsigned_abs().min(self.config.poll),
            // Due since the tick, or not to be fired yet.
            Some(_) => self.config.retry.min(self.config.poll),
            None => self.config.poll,
        })
    }
}

// Firings of a schedule that wait.
struct Backlog {
    count: u32,
    // The one to try; none once it was tried.
    oldest: Option<Firing>,
    tried: bool,
}

impl Backlog {
    fn new(waits: Option<WaitingFiring>) -> Self {
        let count = waits.as_ref().map_or(0, |waits| waits.count);
        Self { count, tried: false, oldest: waits.map(|waits| waits.firing) }
    }

    fn note(&mut self, firing: &Firing) {
        if !waits(firing) {
            return;
        }
        if self.count == 0 && !self.tried {
            self.oldest = Some(firing.clone());
        }
        self.count += 1;
    }
}

// Firings of a schedule on their way into the store.
struct Noted<'a> {
    schedule: &'a Schedule,
    book: &'a Book,
    firings: Vec<Firing>,
}

impl Noted<'_> {
    // The schedule moves on behind them: what follows is due still.
    async fn write(&mut self) -> Result<(), Fault> {
        let last = self.firings.last().and_then(|firing| firing.scheduled_time.as_ref());
        let Some(last) = last.and_then(time::from_proto) else { return Ok(()) };
        self.book.fired(self.schedule, &std::mem::take(&mut self.firings), last).await
    }
}

// The newest instants from `next` to `now`, oldest first.
fn due(schedule: &Schedule, next: Timestamp, now: Timestamp) -> Result<Vec<Timestamp>, Fault> {
    let timing = check::timing(schedule).map_err(Fault::violations)?;
    let before = next.checked_sub(SignedDuration::from_nanos(1)).unwrap_or(next);
    let mut instants = timing.newest(before, now, MAX_INSTANTS);
    if instants.is_empty() {
        // The zone's rules changed since it was noted.
        instants.push(next);
    }
    if instants[0] > next {
        tracing::warn!(schedule = %schedule.schedule_id, from = %next, to = %instants[0], "so many instants passed that the older ones are left out");
    }
    Ok(instants)
}

fn next(schedule: &Schedule) -> Option<Timestamp> {
    schedule.next_fire_time.as_ref().and_then(time::from_proto)
}
