//! Tables of `meta`, newest rows first.

use rfe_proto::metadata as pb;
use sqlx::{QueryBuilder, Row as _};

use super::{
    driver::{Connection, Db, Instant, Row},
    freshness,
    text::plain,
};
use crate::{MetaPart, MetaTable, MetaValue, Page, Result};

/// A column: its name, its SQL type and where it comes from; empty: a column of the same name.
type Column = (&'static str, &'static str, &'static str);

const RUNS: &[Column] = &[
    ("run_id", "VARCHAR", ""),
    ("source_name", "VARCHAR", ""),
    ("kind", "VARCHAR", ""),
    ("state", "VARCHAR", ""),
    ("attempts", "BIGINT", ""),
    ("epoch", "BIGINT", ""),
    ("rows_read", "BIGINT", ""),
    ("rows_landed", "BIGINT", ""),
    ("rows_dead", "BIGINT", ""),
    ("rows_duplicate", "BIGINT", ""),
    ("rows_discarded", "BIGINT", ""),
    ("discarded_columns", "VARCHAR", ""),
    ("bytes_read", "BIGINT", ""),
    ("bytes_written", "BIGINT", ""),
    ("bytes_total", "BIGINT", ""),
    ("schema_version", "BIGINT", ""),
    ("snapshot", "BIGINT", ""),
    ("files", "BIGINT", ""),
    ("error_code", "VARCHAR", ""),
    ("error", "VARCHAR", ""),
    ("worker", "VARCHAR", ""),
    ("letter_id", "VARCHAR", ""),
    ("created_at", "TIMESTAMPTZ", ""),
    ("started_at", "TIMESTAMPTZ", ""),
    ("finished_at", "TIMESTAMPTZ", ""),
    ("scheduled_at", "TIMESTAMPTZ", ""),
    ("next_attempt_at", "TIMESTAMPTZ", ""),
];

const SCHEMAS: &[Column] = &[
    ("source_name", "VARCHAR", "dataset"),
    ("dataset", "VARCHAR", ""),
    ("version", "BIGINT", ""),
    ("hash", "VARCHAR", ""),
    ("columns", "VARCHAR", ""),
    ("changes", "VARCHAR", ""),
    ("left_out", "VARCHAR", ""),
    ("run_id", "VARCHAR", ""),
    ("created_at", "TIMESTAMPTZ", ""),
];

const FAILURES: &[Column] = &[
    ("id", "VARCHAR", ""),
    ("source_name", "VARCHAR", ""),
    ("run_id", "VARCHAR", ""),
    ("kind", "VARCHAR", ""),
    ("stage", "VARCHAR", ""),
    ("code", "VARCHAR", ""),
    ("error", "VARCHAR", ""),
    ("attempt", "BIGINT", ""),
    ("state", "VARCHAR", ""),
    ("created_at", "TIMESTAMPTZ", ""),
    ("last_seen_at", "TIMESTAMPTZ", ""),
    ("field_path", "VARCHAR", ""),
    ("file", "VARCHAR", ""),
    ("line", "BIGINT", "nullif(line, 0)"),
    ("record", "BIGINT", "nullif(record, 0)"),
    ("page", "BIGINT", "nullif(page, 0)"),
    ("schema_version", "BIGINT", ""),
    ("event_id", "VARCHAR", ""),
    ("closed_at", "TIMESTAMPTZ", ""),
    ("closed_by", "VARCHAR", ""),
    ("discard_reason", "VARCHAR", ""),
    ("replay_run_id", "VARCHAR", ""),
];

const SUMMARY: &[Column] = &[
    ("source_name", "VARCHAR", ""),
    ("kind", "VARCHAR", ""),
    ("row_count", "BIGINT", ""),
    ("succeeded_at", "TIMESTAMPTZ", ""),
    ("total_rows", "BIGINT", ""),
    ("runs", "BIGINT", ""),
    ("failures", "BIGINT", ""),
    ("open_letters", "BIGINT", ""),
    ("schema_version", "BIGINT", ""),
    ("last_run_id", "VARCHAR", ""),
    ("snapshot", "BIGINT", ""),
];

const SOURCES: &[Column] = &[
    ("source_name", "VARCHAR", "name"),
    ("kind", "VARCHAR", ""),
    ("mode", "VARCHAR", ""),
    ("schema_policy", "VARCHAR", ""),
    ("auto_created", "BOOLEAN", ""),
    ("revision", "BIGINT", ""),
    ("cursor", "VARCHAR", ""),
    ("created_at", "TIMESTAMPTZ", ""),
    ("updated_at", "TIMESTAMPTZ", ""),
    ("deleted_at", "TIMESTAMPTZ", ""),
];

const SCHEDULES: &[Column] = &[
    ("schedule_id", "VARCHAR", ""),
    ("source_name", "VARCHAR", ""),
    ("every_seconds", "DOUBLE", "CAST(every_micros AS DOUBLE PRECISION) / 1000000"),
    ("cron", "VARCHAR", ""),
    ("timezone", "VARCHAR", ""),
    ("overlap", "VARCHAR", ""),
    ("misfire", "VARCHAR", ""),
    ("paused", "BOOLEAN", ""),
    ("declared", "BOOLEAN", ""),
    ("next_fire_at", "TIMESTAMPTZ", ""),
    ("last_fire_at", "TIMESTAMPTZ", ""),
    ("created_at", "TIMESTAMPTZ", ""),
];

const FILES: &[Column] = &[
    ("source_name", "VARCHAR", "dataset"),
    ("dataset", "VARCHAR", ""),
    ("layer", "VARCHAR", ""),
    ("key", "VARCHAR", ""),
    ("run_id", "VARCHAR", ""),
    ("epoch", "BIGINT", ""),
    ("part", "BIGINT", ""),
    ("rows", "BIGINT", ""),
    ("bytes", "BIGINT", ""),
    ("sha256", "VARCHAR", ""),
    ("schema_version", "BIGINT", ""),
    ("begin_snapshot", "BIGINT", ""),
    ("end_snapshot", "BIGINT", ""),
    ("order_snapshot", "BIGINT", ""),
    ("ended_at", "TIMESTAMPTZ", ""),
    ("created_at", "TIMESTAMPTZ", ""),
];

const FRESHNESS: &[Column] = &[
    ("source_name", "VARCHAR", ""),
    ("last_success_at", "TIMESTAMPTZ", ""),
    ("age_seconds", "DOUBLE", ""),
    ("last_state", "VARCHAR", ""),
    ("last_error", "VARCHAR", ""),
    ("rows", "BIGINT", ""),
    ("open_letters", "BIGINT", ""),
    ("failures_since_success", "BIGINT", ""),
    ("expected_seconds", "DOUBLE", ""),
    ("late", "BOOLEAN", ""),
];

/// Some rows of a table after the one numbered `after`.
pub(super) async fn scan(
    connection: &mut Connection,
    table: &str,
    after: Option<i64>,
    limit: u32,
) -> Result<Option<MetaPart>> {
    let (columns, from) = match table {
        "ingestion_runs" => (RUNS, "ingestion_runs"),
        "ingestion_schemas" => (SCHEMAS, "ingestion_schemas"),
        "ingestion_failures" => (FAILURES, "ingestion_failures"),
        "ingestion_run_summary" => (SUMMARY, "ingestion_run_summary"),
        "sources" => (SOURCES, "(SELECT * FROM sources WHERE dropped_at IS NULL) AS sources"),
        "schedules" => (SCHEDULES, "schedules"),
        "data_files" => (FILES, "data_files"),
        "freshness" => return scan_freshness(connection).await.map(Some),
        _ => return Ok(None),
    };
    let mut query = select(columns, from);
    query.push(" WHERE seq < ").push_bind(after.unwrap_or(i64::MAX));
    query.push(" ORDER BY seq DESC LIMIT ").push_bind(i64::from(limit));
    let found = query.build().fetch_all(connection).await?;
    let rows = found.iter().map(|row| values(row, columns)).collect::<Result<_>>()?;
    let is_last = found.len() < limit as usize;
    let next = found.last().filter(|_| !is_last).map(|row| row.try_get("seq")).transpose()?;
    Ok(Some(MetaPart { table: MetaTable { columns: names(columns), rows }, next }))
}

fn select(columns: &[Column], from: &str) -> QueryBuilder<Db> {
    let mut query = QueryBuilder::<Db>::new("SELECT seq");
    for (name, kind, expression) in columns {
        let expression = if expression.is_empty() { name } else { expression };
        if *kind == "VARCHAR" {
            query.push(format!(", nullif({expression}, '')"));
        } else {
            query.push(format!(", {expression}"));
        }
    }
    query.push(" FROM ").push(from);
    query
}

fn names(columns: &[Column]) -> Vec<(&'static str, &'static str)> {
    columns.iter().map(|(name, kind, _)| (*name, *kind)).collect()
}

fn values(row: &Row, columns: &[Column]) -> Result<Vec<MetaValue>> {
    columns.iter().enumerate().map(|(at, (_, kind, _))| value(row, at + 1, kind)).collect()
}

fn value(row: &Row, at: usize, kind: &str) -> Result<MetaValue> {
    let value = match kind {
        "BIGINT" => row.try_get::<Option<i64>, _>(at)?.map(MetaValue::Integer),
        "DOUBLE" => row.try_get::<Option<f64>, _>(at)?.map(MetaValue::Double),
        "BOOLEAN" => row.try_get::<Option<bool>, _>(at)?.map(MetaValue::Boolean),
        "TIMESTAMPTZ" => row.try_get::<Option<Instant>, _>(at)?.map(|at| MetaValue::Time(at.0)),
        _ => row.try_get::<Option<String>, _>(at)?.map(plain).map(MetaValue::Text),
    };
    Ok(value.unwrap_or(MetaValue::Null))
}

async fn scan_freshness(connection: &mut Connection) -> Result<MetaPart> {
    let page = Page { after: None, limit: u32::MAX };
    let rows = freshness::list(connection, None, &page).await?.into_iter().map(freshness_row).collect();
    Ok(MetaPart { table: MetaTable { columns: names(FRESHNESS), rows }, next: None })
}

fn freshness_row(fresh: pb::Freshness) -> Vec<MetaValue> {
    let text = |text: String| if text.is_empty() { MetaValue::Null } else { MetaValue::Text(text) };
    let last = fresh.last_success_time.as_ref().map(rfe_model::time::micros_from_proto);
    vec![
        text(fresh.source),
        last.map_or(MetaValue::Null, MetaValue::Time),
        last.map_or(MetaValue::Null, |_| MetaValue::Double(fresh.age_seconds)),
        text(fresh.last_state),
        text(fresh.last_error),
        MetaValue::Integer(fresh.rows),
        MetaValue::Integer(fresh.open_letters),
        MetaValue::Integer(fresh.failures_since_success),
        if fresh.expected_seconds > 0.0 {
            MetaValue::Double(fresh.expected_seconds)
        } else {
            MetaValue::Null
        },
        MetaValue::Boolean(fresh.late),
    ]
}
