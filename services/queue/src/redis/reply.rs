//! What scripts answer.

use std::time::Duration;

use redis::{ParsingError, Value};
use rfe_proto::ingest::{JobKind, JobState};

use crate::{JobStatus, QueueError, SourceStats};

/// An answer that is none.
pub fn unreadable(error: ParsingError) -> QueueError {
    QueueError::Corrupt(format!("a script's answer: {error}"))
}

/// The bound that a call would have passed.
pub fn full(bound: &[Value], source: &str) -> QueueError {
    let texts: Vec<String> =
        bound.iter().filter_map(|value| redis::from_redis_value_ref(value).ok()).collect();
    let [what, limit, is_of_source] = texts.as_slice() else {
        return QueueError::Corrupt("a script named no bound".to_owned());
    };
    QueueError::Full {
        what: if what == "jobs" { "jobs" } else { "bytes" },
        limit: limit.parse().unwrap_or(0),
        source_name: (is_of_source == "1").then(|| source.to_owned()),
    }
}

/// A number; nothing is 0.
pub fn number<T: std::str::FromStr + Default>(text: &str) -> T {
    text.parse().unwrap_or_default()
}

/// The kind that a number means.
pub fn kind(id: &str, text: &str) -> Result<JobKind, QueueError> {
    text.parse::<i32>()
        .ok()
        .and_then(|number| JobKind::try_from(number).ok())
        .ok_or_else(|| QueueError::Corrupt(format!("`{id}` is of the unknown kind `{text}`")))
}

/// Jobs as `jobs.lua` lists them.
pub fn jobs(now: i64, rows: &[Vec<String>]) -> Result<Vec<JobStatus>, QueueError> {
    rows.iter().map(|row| job(now, row)).collect()
}

fn job(now: i64, row: &[String]) -> Result<JobStatus, QueueError> {
    let [
        id,
        source,
        kind_number,
        run,
        split,
        attempts,
        events,
        created,
        updated,
        error,
        outcome,
        work,
        work_attempts,
        work_updated,
        work_error,
        not_before,
        ends,
    ] = row
    else {
        return Err(QueueError::Corrupt(format!("a job of {} fields", row.len())));
    };
    let kind = kind(id, kind_number)?;
    let has_work = !work.is_empty();
    let leased = number::<i64>(ends) > now;
    let attempts = number(if has_work { work_attempts } else { attempts });
    let state = match outcome.parse::<i32>().ok().and_then(|outcome| JobState::try_from(outcome).ok()) {
        Some(outcome) => outcome,
        None if leased => JobState::Running,
        None if attempts > 0 => JobState::Retrying,
        None => JobState::Queued,
    };
    let not_before = not_before.parse::<i64>().ok().filter(|at| ends.is_empty() && *at > now);
    let run_id = if has_work { work } else { run };
    Ok(JobStatus {
        id: id.clone(),
        source: source.clone(),
        kind,
        state,
        run_id: (!run_id.is_empty()).then(|| run_id.clone()),
        split: split == "1",
        attempts,
        events: number(events),
        created_micros: number(created),
        updated_micros: number::<i64>(updated).max(number(work_updated)),
        not_before_micros: not_before,
        error: if has_work { work_error } else { error }.clone(),
    })
}

/// Counts as `stats.lua` lists them, by source.
pub fn stats(rows: Vec<Vec<String>>) -> Result<Vec<SourceStats>, QueueError> {
    let mut all = rows.into_iter().map(|row| source_stats(&row)).collect::<Result<Vec<_>, _>>()?;
    all.sort_by(|a, b| a.source.cmp(&b.source));
    Ok(all)
}

fn source_stats(row: &[String]) -> Result<SourceStats, QueueError> {
    let [source, queued, running, delayed, events, bytes, oldest, paused] = row else {
        return Err(QueueError::Corrupt(format!("counts of {} fields", row.len())));
    };
    Ok(SourceStats {
        source: source.clone(),
        queued_jobs: number(queued),
        running_jobs: number(running),
        delayed_jobs: number(delayed),
        events: number(events),
        bytes: number(bytes),
        oldest_age: Duration::from_micros(number(oldest)),
        paused: paused == "1",
    })
}
