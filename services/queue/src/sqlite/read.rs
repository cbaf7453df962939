//! What is asked beside the writer.

use std::collections::BTreeMap;

use rfe_proto::ingest::{Event, JobKind, JobState};
use sqlx::SqlitePool;

use crate::{JobStatus, QueueError, SourceStats, payload};

/// The events of a batch, in order.
pub async fn events(db: &SqlitePool, work: i64) -> Result<Vec<Event>, QueueError> {
    let ranges: Vec<(i64, u32, u32, Vec<u8>)> = sqlx::query_as(
        "SELECT i.job, i.first, i.count, p.body FROM work_items i JOIN payloads p ON p.job = i.job
          WHERE i.work = ? ORDER BY i.job",
    )
    .bind(work)
    .fetch_all(db)
    .await?;
    let mut events = Vec::new();
    for (job, first, count, body) in ranges {
        events.extend(payload::decode(&job.to_string(), &body, first as usize, count as usize)?);
    }
    Ok(events)
}

#[derive(Debug, sqlx::FromRow)]
struct JobRow {
    id: String,
    source: String,
    kind: i32,
    run_id: Option<String>,
    split: bool,
    attempts: u32,
    events: u32,
    created: i64,
    updated: i64,
    error: String,
    outcome: Option<i32>,
    work: Option<String>,
    work_attempts: Option<u32>,
    work_updated: Option<i64>,
    work_error: Option<String>,
    not_before: Option<i64>,
    lease_until: Option<i64>,
}

// Of the batches that share a job, the one that a worker holds tells most, then the one that failed most often.
const JOBS: &str = "SELECT j.id, j.source, j.kind, j.run_id, j.split, j.attempts, j.events, j.created, j.updated, j.error, j.outcome,
        w.id AS work, w.attempts AS work_attempts, w.updated AS work_updated, w.error AS work_error, w.not_before, w.lease_until
   FROM jobs j LEFT JOIN work w ON w.seq = (
        SELECT x.seq FROM work_items i JOIN work x ON x.seq = i.work WHERE i.job = j.seq
         ORDER BY x.lease_until IS NULL, x.attempts DESC, x.seq LIMIT 1)";

/// One job.
pub async fn job(db: &SqlitePool, id: &str, now: i64) -> Result<Option<JobStatus>, QueueError> {
    let row: Option<JobRow> = sqlx::query_as(sqlx::AssertSqlSafe(format!("{JOBS} WHERE j.id = ?")))
        .bind(id.to_owned())
        .fetch_optional(db)
        .await?;
    row.map(|row| row.status(now)).transpose()
}

/// Jobs of events, newest first.
pub async fn jobs(
    db: &SqlitePool,
    source: Option<&str>,
    before: Option<&str>,
    limit: u32,
    now: i64,
) -> Result<Vec<JobStatus>, QueueError> {
    let narrow = match (source, before) {
        (Some(_), _) => "j.source = $1 AND",
        (None, _) => "",
    };
    let sql = format!(
        "{JOBS} WHERE {narrow} j.kind = $4 AND ($2 IS NULL OR j.seq < (SELECT seq FROM jobs WHERE id = $2))
          ORDER BY j.seq DESC LIMIT $3"
    );
    let rows: Vec<JobRow> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(source.map(str::to_owned))
        .bind(before.map(str::to_owned))
        .bind(limit)
        .bind(JobKind::Events as i32)
        .fetch_all(db)
        .await?;
    rows.into_iter().map(|row| row.status(now)).collect()
}

impl JobRow {
    fn status(self, now: i64) -> Result<JobStatus, QueueError> {
        let wrong = |what: &str, value: i32| {
            QueueError::Corrupt(format!("job `{}` has the unknown {what} {value}", self.id))
        };
        let kind = JobKind::try_from(self.kind).map_err(|_| wrong("kind", self.kind))?;
        let leased = self.lease_until.is_some_and(|until| until > now);
        let attempts = self.work_attempts.unwrap_or(self.attempts);
        let state = match self.outcome {
            Some(outcome) => JobState::try_from(outcome).map_err(|_| wrong("outcome", outcome))?,
            None if leased => JobState::Running,
            None if attempts > 0 => JobState::Retrying,
            None => JobState::Queued,
        };
        Ok(JobStatus {
            state,
            kind,
            run_id: self.work.or(self.run_id),
            split: self.split,
            attempts,
            events: self.events,
            created_micros: self.created,
            updated_micros: self.updated.max(self.work_updated.unwrap_or(i64::MIN)),
            not_before_micros: self.not_before.filter(|at| self.lease_until.is_none() && *at > now),
            error: self.work_error.unwrap_or(self.error),
            id: self.id,
            source: self.source,
        })
    }
}

#[derive(Debug, sqlx::FromRow)]
struct SourceRow {
    name: String,
    paused: bool,
    events: i64,
    bytes: i64,
    loose_jobs: i64,
    oldest: Option<i64>,
}

/// Counts by source.
pub async fn stats(db: &SqlitePool, now: i64) -> Result<Vec<SourceStats>, QueueError> {
    let mut read = db.begin().await?;
    let sources: Vec<SourceRow> = sqlx::query_as(
        "SELECT s.name, s.paused, s.events, s.bytes, s.loose_jobs,
                (SELECT j.created FROM jobs j WHERE j.source = s.name AND j.loose = 1 ORDER BY j.seq LIMIT 1) AS oldest
           FROM sources s WHERE s.jobs > 0 OR s.paused = 1 ORDER BY s.name",
    )
    .fetch_all(&mut *read)
    .await?;
    // A job that is spread over several batches counts once: as running, else as queued, else as delayed.
    let work: Vec<(String, i64, i64, i64)> = sqlx::query_as(
        "SELECT source, place, count(*), min(created) FROM (
            SELECT w.source, i.job, min(w.created) AS created,
                   min(CASE WHEN w.lease_until > $1 THEN 0 WHEN w.not_before <= $1 OR w.lease_until IS NOT NULL THEN 1 ELSE 2 END)
                       AS place
              FROM work w JOIN work_items i ON i.work = w.seq GROUP BY w.source, i.job)
          GROUP BY source, place",
    )
    .bind(now)
    .fetch_all(&mut *read)
    .await?;
    read.commit().await?;
    let mut oldest = BTreeMap::new();
    let mut stats = BTreeMap::new();
    for row in sources {
        let of = SourceStats {
            source: row.name.clone(),
            queued_jobs: row.loose_jobs,
            events: row.events,
            bytes: row.bytes,
            paused: row.paused,
            ..SourceStats::default()
        };
        oldest.insert(row.name.clone(), row.oldest.unwrap_or(now));
        stats.insert(row.name, of);
    }
    for (source, place, count, created) in work {
        let Some(of) = stats.get_mut(&source) else { continue };
        match place {
            0 => of.running_jobs += count,
            1 => of.queued_jobs += count,
            _ => of.delayed_jobs += count,
        }
        if place != 0 {
            oldest.entry(source).and_modify(|at| *at = created.min(*at));
        }
    }
    for (source, at) in oldest {
        if let Some(of) = stats.get_mut(&source) {
            of.oldest_age = std::time::Duration::from_micros(u64::try_from(now - at).unwrap_or(0));
        }
    }
    Ok(stats.into_values().collect())
}

/// Which file this is.
pub async fn incarnation(db: &SqlitePool) -> Result<String, QueueError> {
    let (id,) = sqlx::query_as("SELECT id FROM incarnation").fetch_one(db).await?;
    Ok(id)
}
