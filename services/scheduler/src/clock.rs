//! Finds what is due and waits for what is not.

use std::time::Duration;

use futures::{StreamExt as _, stream};
use jiff::{SignedDuration, Timestamp};
use rfe_mesh::Shutdown;
use rfe_model::{Fault, time};
use rfe_proto::scheduler::{MisfirePolicy, Schedule};

use crate::{Config, book::Book, check, declared::Declared, firing::Firer};

// Instants that one schedule makes up for at most.
const MAX_INSTANTS: usize = 1000;

/// The clock.
#[derive(Debug)]
pub(crate) struct Clock {
    pub(crate) config: Config,
    pub(crate) book: Book,
    pub(crate) firer: Firer,
    pub(crate) declared: Declared,
}

// === impl Clock ===

impl Clock {
    /// Runs until shutdown begins.
    pub(crate) async fn run(mut self, shutdown: Shutdown) {
        while !shutdown.has_begun() {
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
            tokio::select! {
                _ = shutdown.sleep(wait) => {}
                () = self.book.changed() => {}
            }
        }
    }

    /// Fires what is due.
    pub(crate) async fn tick(&self, now: Timestamp) -> Result<(), Fault> {
        let due = self.book.all().await?.into_iter().filter_map(|schedule| {
            let next = next(&schedule).filter(|next| !schedule.paused && *next <= now)?;
            Some((schedule, next))
        });
        stream::iter(due)
            .for_each_concurrent(self.config.concurrency.max(1), async |(schedule, next)| {
                if let Err(fault) = self.catch_up(&schedule, next, now).await {
                    tracing::warn!(schedule = %schedule.schedule_id, error = %fault, "could not fire; trying again");
                }
            })
            .await;
        Ok(())
    }

    async fn catch_up(&self, schedule: &Schedule, next: Timestamp, now: Timestamp) -> Result<(), Fault> {
        let timing = check::timing(schedule).map_err(Fault::violations)?;
        let before = next.checked_sub(SignedDuration::from_nanos(1)).unwrap_or(next);
        let limit = if schedule.misfire() == MisfirePolicy::All { MAX_INSTANTS } else { 1 };
        let mut instants = timing.newest(before, now, limit);
        if instants.is_empty() {
            // The zone's rules changed since it was noted.
            instants.push(next);
        }
        let last = instants.len() - 1;
        for (at, instant) in instants.into_iter().enumerate() {
            let is_late = now.duration_since(instant).unsigned_abs() > self.config.misfire_grace;
            let firing = match is_late && schedule.misfire() == MisfirePolicy::Skip {
                true => self.firer.pass(schedule, instant),
                false => self.firer.fire(schedule, instant).await?,
            };
            self.book.fired(schedule, &firing, if at == last { now } else { instant }).await?;
        }
        Ok(())
    }

    async fn until_next(&self, now: Timestamp) -> Result<Duration, Fault> {
        let schedules = self.book.all().await?;
        let soonest = schedules.iter().filter(|schedule| !schedule.paused).filter_map(next).min();
        Ok(match soonest {
            Some(next) if next > now => now.duration_until(next).unsigned_abs().min(self.config.poll),
            // Due since the tick, or not to be fired yet.
            Some(_) => self.config.retry.min(self.config.poll),
            None => self.config.poll,
        })
    }
}

fn next(schedule: &Schedule) -> Option<Timestamp> {
    schedule.next_fire_time.as_ref().and_then(time::from_proto)
}
