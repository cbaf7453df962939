//! How fresh sources are.

use jiff::Timestamp;
use rfe_model::time;
use rfe_proto::metadata as pb;
use sqlx::{QueryBuilder, Row as _};

use super::{
    driver::{Connection, Db, Instant, Row},
    source,
    text::stored,
    words,
};
use crate::{Page, Result};

const FRESHNESS: &str = "
    SELECT source_name, last_success_at, last_state, last_error, rows, open_letters,
        (SELECT count(*) FROM ingestion_runs AS failed
            WHERE failed.source_name = facts.source_name AND failed.state = 'failed' AND failed.kind <> 'compaction'
                AND (facts.last_success_at IS NULL OR failed.finished_at > facts.last_success_at)) AS failures_since_success
    FROM (
        SELECT summary.source_name AS source_name, summary.succeeded_at AS last_success_at,
            coalesce(latest.state, '') AS last_state, coalesce(latest.error, '') AS last_error,
            summary.total_rows AS rows, summary.open_letters AS open_letters, sources.deleted_at AS deleted_at
        FROM ingestion_run_summary AS summary
        JOIN sources ON sources.seq = summary.seq
        LEFT JOIN ingestion_runs AS latest ON latest.seq =
            (SELECT max(seq) FROM ingestion_runs AS runs
                WHERE runs.source_name = summary.source_name AND runs.kind <> 'compaction')
    ) AS facts
    WHERE ";

/// Sources that are not deleted, by name; or the one asked for, deleted or not.
pub(super) async fn list(
    connection: &mut Connection,
    source: Option<&str>,
    page: &Page,
) -> Result<Vec<pb::Freshness>> {
    let mut query = QueryBuilder::<Db>::new(FRESHNESS);
    match source {
        Some(name) => query.push("source_name = ").push_bind(stored(name)),
        None => query
            .push("deleted_at IS NULL AND source_name > ")
            .push_bind(stored(page.after.as_deref().unwrap_or_default())),
    };
    query.push(" ORDER BY source_name LIMIT ").push_bind(i64::from(page.limit));
    let mut list = Vec::new();
    for row in query.build().fetch_all(&mut *connection).await? {
        let source = source::expect(connection, &words::text(&row, "source_name")?).await?;
        list.push(from_row(&row, &source)?);
    }
    Ok(list)
}

fn from_row(row: &Row, source: &pb::Source) -> Result<pb::Freshness> {
    let now = Timestamp::now();
    let last = row.try_get::<Option<Instant>, _>("last_success_at")?.map(|last| last.0);
    let age_seconds = last.map_or(-1.0, |last| (now.as_microsecond() - last).max(0) as f64 / 1e6);
    let expected_seconds = expected_seconds(source, now)?;
    let since = last.unwrap_or_else(|| source.created_time.as_ref().map_or(0, time::micros_from_proto));
    let waiting = (now.as_microsecond() - since) as f64 / 1e6;
    Ok(pb::Freshness {
        source: source.name.clone(),
        last_success_time: words::instant(row, "last_success_at")?,
        age_seconds,
        last_state: words::text(row, "last_state")?,
        last_error: words::text(row, "last_error")?,
        rows: row.try_get("rows")?,
        open_letters: row.try_get("open_letters")?,
        failures_since_success: row.try_get("failures_since_success")?,
        expected_seconds,
        late: expected_seconds > 0.0 && waiting > 2.0 * expected_seconds,
    })
}

fn expected_seconds(source: &pb::Source, now: Timestamp) -> Result<f64> {
    if source.deleted_time.is_some() {
        return Ok(0.0);
    }
    let schedule = source::spec(source)?.schedule;
    Ok(schedule.and_then(|schedule| schedule.period(now)).map_or(0.0, |period| period.as_secs_f64()))
}
