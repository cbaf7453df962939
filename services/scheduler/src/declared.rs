//! Schedules of sources' specs, kept like them.

use std::collections::HashMap;

use jiff::Timestamp;
use rfe_model::{
    Fault, SourceSpec,
    source::{Misfire, Overlap, ScheduleSpec},
    time,
};
use rfe_proto::{
    metadata::Source,
    scheduler::{MisfirePolicy, OverlapPolicy, Schedule, schedule::Timing},
};

use crate::{book::Book, check, sources::Sources};

/// Follows the specs.
#[derive(Debug)]
pub(crate) struct Declared {
    sources: Sources,
    book: Book,
    followed: Option<u64>,
}

// === impl Declared ===

impl Declared {
    pub(crate) fn new(sources: Sources, book: Book) -> Self {
        Self { sources, book, followed: None }
    }

    /// Brings the declared schedules to what the specs say, if a source has changed.
    pub(crate) async fn follow(&mut self, now: Timestamp) -> Result<(), Fault> {
        if self.followed.is_some() && self.followed == Some(self.sources.revision().await?) {
            return Ok(());
        }
        let (sources, revision) = self.sources.all().await?;
        let wanted: Vec<Schedule> = sources.iter().filter_map(declare).collect();
        self.settle(wanted, now).await?;
        self.followed = Some(revision);
        Ok(())
    }

    async fn settle(&self, wanted: Vec<Schedule>, now: Timestamp) -> Result<(), Fault> {
        let held = self.book.hold().await;
        let mut existing: HashMap<String, Schedule> = self
            .book
            .all()
            .await?
            .into_iter()
            .map(|schedule| (schedule.schedule_id.clone(), schedule))
            .collect();
        for schedule in wanted {
            let id = schedule.schedule_id.clone();
            let before = existing.remove(&id);
            match keep(schedule, before.as_ref(), now) {
                Ok(schedule) if Some(&schedule) == before.as_ref() => {}
                Ok(schedule) => held.put(&schedule).await?,
                Err(fault) => {
                    tracing::warn!(source = %id, error = %fault, "the source's schedule can't be kept; it does not fire");
                    held.delete(&id).await?;
                }
            }
        }
        for (id, _) in existing.into_iter().filter(|(_, schedule)| schedule.declared) {
            held.delete(&id).await?;
        }
        Ok(())
    }
}

// What the spec does not say stays: pause, history, and the next instant if the timing is the same.
fn keep(mut wanted: Schedule, before: Option<&Schedule>, now: Timestamp) -> Result<Schedule, Fault> {
    let (_, next) = check::timing_with_next(&wanted, now)?;
    wanted.created_time = Some(time::proto_from_micros(now.as_microsecond()));
    wanted.next_fire_time = Some(time::to_proto(next));
    let Some(before) = before.filter(|before| before.declared) else { return Ok(wanted) };
    wanted.created_time = before.created_time;
    wanted.last_fire_time = before.last_fire_time;
    wanted.paused = before.paused;
    if check::same_timing(&wanted, before) || before.paused {
        wanted.next_fire_time = before.next_fire_time;
    }
    Ok(wanted)
}

fn declare(source: &Source) -> Option<Schedule> {
    let spec = match SourceSpec::try_from(source) {
        Ok(spec) => spec.schedule?,
        Err(violation) => {
            tracing::warn!(source = %source.name, %violation, "the source's spec can't be read; it does not fire");
            return None;
        }
    };
    Some(check::settled(Schedule {
        schedule_id: source.name.clone(),
        source: source.name.clone(),
        timing: timing(&spec),
        timezone: spec.timezone.unwrap_or_default(),
        overlap: match spec.overlap {
            Overlap::Skip => OverlapPolicy::Skip,
            Overlap::BufferOne => OverlapPolicy::BufferOne,
            Overlap::BufferAll => OverlapPolicy::BufferAll,
        }
        .into(),
        misfire: match spec.misfire {
            Misfire::Skip => MisfirePolicy::Skip,
            Misfire::Latest => MisfirePolicy::Latest,
            Misfire::All => MisfirePolicy::All,
        }
        .into(),
        declared: true,
        ..Schedule::default()
    }))
}

fn timing(spec: &ScheduleSpec) -> Option<Timing> {
    match (&spec.every, &spec.cron) {
        (Some(every), _) => prost_types::Duration::try_from(*every).ok().map(Timing::Every),
        (None, Some(cron)) => Some(Timing::Cron(cron.clone())),
        (None, None) => None,
    }
}
