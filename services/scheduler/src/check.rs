//! What a schedule must be.

use std::time::Duration;

use jiff::{Timestamp, tz::TimeZone};
use rfe_model::{Fault, Violation};
use rfe_proto::scheduler::{MisfirePolicy, OverlapPolicy, Schedule, schedule};

use crate::timing::Timing;

const MAX_ID: usize = 63;

/// The timing of a schedule, as it was checked when the schedule was made.
///
/// # Errors
/// Every field at fault, below `schedule`.
pub(crate) fn timing(schedule: &Schedule) -> Result<Timing, Vec<Violation>> {
    let zone = zone(&schedule.timezone);
    let wrong = |path: &str, reason: String| Violation::new(format!("schedule.{path}"), reason);
    let timing = match &schedule.timing {
        None => Err(wrong("timing", "is missing; set `every` or `cron`".to_owned())),
        Some(schedule::Timing::Every(every)) => Duration::try_from(*every)
            .map_err(|_| "is negative".to_owned())
            .and_then(Timing::every)
            .map_err(|reason| wrong("every", reason)),
        Some(schedule::Timing::Cron(cron)) => {
            Timing::cron(cron, zone.clone().unwrap_or(TimeZone::UTC)).map_err(|reason| wrong("cron", reason))
        }
    };
    match (timing, zone) {
        (Ok(timing), Ok(_)) => Ok(timing),
        (timing, zone) => Err([timing.err(), zone.err().map(|reason| wrong("timezone", reason))]
            .into_iter()
            .flatten()
            .collect()),
    }
}

/// The timing and its first instant after `now`.
///
/// # Errors
/// Every field at fault; a timing without any instant is one.
pub(crate) fn timing_with_next(schedule: &Schedule, now: Timestamp) -> Result<(Timing, Timestamp), Fault> {
    let timing = timing(schedule).map_err(Fault::violations)?;
    match timing.next_after(now) {
        Some(next) => Ok((timing, next)),
        None => Err(Fault::invalid("schedule.cron", "never fires")),
    }
}

/// A schedule's own words: policies and id.
///
/// # Errors
/// Every field at fault.
pub(crate) fn words(schedule: &Schedule) -> Result<(), Fault> {
    let mut wrong = Vec::new();
    if OverlapPolicy::try_from(schedule.overlap).is_err() {
        wrong.push(Violation::new("schedule.overlap", format!("{} is no overlap policy", schedule.overlap)));
    }
    if MisfirePolicy::try_from(schedule.misfire).is_err() {
        wrong.push(Violation::new("schedule.misfire", format!("{} is no misfire policy", schedule.misfire)));
    }
    let plain = schedule.schedule_id.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    if !plain || schedule.schedule_id.len() > MAX_ID {
        let reason =
            format!("`{}` is no id: up to {MAX_ID} letters, digits, `_` and `-`", schedule.schedule_id);
        wrong.push(Violation::new("schedule.schedule_id", reason));
    }
    if wrong.is_empty() { Ok(()) } else { Err(Fault::violations(wrong)) }
}

/// A schedule with its defaults written out, and `every` in whole microseconds, as the store has it.
pub(crate) fn settled(mut schedule: Schedule) -> Schedule {
    schedule.timing = schedule.timing.map(whole_micros);
    if schedule.overlap == i32::from(OverlapPolicy::Unspecified) {
        schedule.set_overlap(OverlapPolicy::Skip);
    }
    if schedule.misfire == i32::from(MisfirePolicy::Unspecified) {
        schedule.set_misfire(MisfirePolicy::Latest);
    }
    schedule
}

/// True if both fire at the same instants.
pub(crate) fn same_timing(one: &Schedule, other: &Schedule) -> bool {
    one.timing == other.timing && one.timezone == other.timezone
}

fn whole_micros(timing: schedule::Timing) -> schedule::Timing {
    match timing {
        schedule::Timing::Every(every) => {
            schedule::Timing::Every(prost_types::Duration { nanos: every.nanos / 1000 * 1000, ..every })
        }
        cron => cron,
    }
}

fn zone(name: &str) -> Result<TimeZone, String> {
    if name.is_empty() {
        return Ok(TimeZone::UTC);
    }
    TimeZone::get(name).map_err(|_| format!("`{name}` is no IANA time zone, such as Europe/Berlin"))
}
