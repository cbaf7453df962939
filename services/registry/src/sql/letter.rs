//! Dead letters: rows of `ingestion_failures` of the kinds `record` and `job`.

use std::collections::HashSet;

use async_trait::async_trait;
use rfe_proto::{
    dlq::{DeadLetter, DeadLetterFilter, Position},
    metadata as pb,
};
use sqlx::{QueryBuilder, Row as _, query_builder::Separated};

use super::{
    again::again,
    driver::{Connection, Db, FOR_UPDATE, GREATEST, POSITION, Registry, Row},
    text::{plain, stored},
    words,
};
use crate::{LetterStore, Page, RegistryError, Result};

const COLUMNS: &str = "id, kind, source_name, run_id, stage, code, error, field_path, file, line, record, page, attempt,
    created_at, last_seen_at, schema_version, event_id, context, raw_truncated, raw_sha256, raw_ref, state, discard_reason,
    replay_run_id, closed_at, closed_by";
/// Rows of one INSERT; SQLite binds at most 32,766 values, Postgres 65,535.
const INSERT: usize = 1000;

#[async_trait]
impl LetterStore for Registry {
    async fn letters(&self, filter: &DeadLetterFilter, page: &Page) -> Result<Vec<DeadLetter>> {
        again(|| async {
            let rows = filtered(filter, page).build().fetch_all(&mut *self.reader().await?).await?;
            rows.iter().map(from_row).collect()
        })
        .await
    }

    async fn letter(&self, id: &str) -> Result<Option<DeadLetter>> {
        again(|| async { find(&mut *self.reader().await?, id).await }).await
    }

    async fn count_letters(&self, filter: &DeadLetterFilter) -> Result<i64> {
        again(|| async {
            let mut query = QueryBuilder::<Db>::new("SELECT count(*) FROM ingestion_failures");
            matching(&mut query, filter);
            Ok(query.build_query_scalar().fetch_one(&mut *self.reader().await?).await?)
        })
        .await
    }

    async fn discard(&self, id: &str, reason: &str, by: &str) -> Result<DeadLetter> {
        again(|| async {
            let mut transaction = self.write().await?;
            let letter = discard(&mut transaction, id, reason, by).await?;
            transaction.commit().await?;
            Ok(letter)
        })
        .await
    }
}

async fn discard(connection: &mut Connection, id: &str, reason: &str, by: &str) -> Result<DeadLetter> {
    let letter = expect_held(connection, id).await?;
    match letter.state.as_str() {
        "discarded" => Ok(letter),
        "open" => {
            let sql =
                "UPDATE ingestion_failures SET state = 'discarded', discard_reason = $2, closed_by = $3,
                closed_at = $4 WHERE id = $1";
            let query = sqlx::query(sql).bind(stored(id)).bind(stored(reason)).bind(stored(by));
            query.bind(words::now()).execute(&mut *connection).await?;
            expect_held(connection, id).await
        }
        _ => Err(not_open(letter)),
    }
}

fn filtered(filter: &DeadLetterFilter, page: &Page) -> QueryBuilder<Db> {
    let mut query = QueryBuilder::<Db>::new("SELECT ");
    query.push(COLUMNS).push(" FROM ingestion_failures");
    matching(&mut query, filter);
    if let Some(after) = &page.after {
        query
            .push(" AND seq < (SELECT seq FROM ingestion_failures WHERE id = ")
            .push_bind(stored(after))
            .push(")");
    }
    query.push(" ORDER BY seq DESC LIMIT ").push_bind(i64::from(page.limit));
    query
}

fn matching(query: &mut QueryBuilder<Db>, filter: &DeadLetterFilter) {
    query.push(" WHERE kind IN ('record', 'job')");
    let equals = [
        ("source_name", &filter.source),
        ("state", &filter.state),
        ("kind", &filter.kind),
        ("run_id", &filter.run_id),
        ("code", &filter.code),
        ("stage", &filter.stage),
    ];
    for (column, value) in equals.into_iter().filter(|(_, value)| !value.is_empty()) {
        query.push(format!(" AND {column} = ")).push_bind(stored(value));
    }
    if let Some(since) = words::micros(filter.since.as_ref()) {
        query.push(" AND last_seen_at >= ").push_bind(since);
    }
    if let Some(until) = words::micros(filter.until.as_ref()) {
        query.push(" AND last_seen_at < ").push_bind(until);
    }
    if !filter.text.is_empty() {
        query.push(format!(" AND {POSITION}(lower(concat_ws(")).push_bind("\n");
        query.push(", error, field_path, file, event_id)), ");
        query.push_bind(stored(&filter.text.to_ascii_lowercase())).push(") > 0");
    }
}

/// One letter with the bytes that the registry holds.
pub(super) async fn find(connection: &mut Connection, id: &str) -> Result<Option<DeadLetter>> {
    select(connection, id, "").await
}

async fn select(connection: &mut Connection, id: &str, end: &str) -> Result<Option<DeadLetter>> {
    let mut query = QueryBuilder::<Db>::new("SELECT raw, ");
    query.push(COLUMNS).push(" FROM ingestion_failures WHERE kind IN ('record', 'job') AND id = ");
    query.push_bind(stored(id)).push(end);
    let Some(row) = query.build().fetch_optional(connection).await? else { return Ok(None) };
    Ok(Some(DeadLetter { raw_base64: row.try_get("raw")?, ..from_row(&row)? }))
}

async fn expect(connection: &mut Connection, id: &str) -> Result<DeadLetter> {
    select(connection, id, "").await?.ok_or_else(|| missing(id))
}

async fn expect_held(connection: &mut Connection, id: &str) -> Result<DeadLetter> {
    select(connection, id, FOR_UPDATE).await?.ok_or_else(|| missing(id))
}

fn missing(id: &str) -> RegistryError {
    RegistryError::NotFound { what: "letter", id: id.to_owned() }
}

/// A letter of this source, held until the transaction ends; it must be there and open.
pub(super) async fn expect_open(connection: &mut Connection, id: &str, source: &str) -> Result<()> {
    let letter = expect_held(connection, id).await?;
    if letter.source != source {
        return Err(missing(id));
    }
    if letter.state == "open" { Ok(()) } else { Err(not_open(letter)) }
}

/// True if the letter is of a job that gave up, not of a record.
pub(super) async fn is_of_job(connection: &mut Connection, id: &str) -> Result<bool> {
    Ok(expect(connection, id).await?.kind == "job")
}

fn not_open(letter: DeadLetter) -> RegistryError {
    RegistryError::LetterNotOpen { id: letter.id, state: letter.state, replay_run_id: letter.replay_run_id }
}

/// Sets the letter of a replay to replayed; it must be open still.
pub(super) async fn replayed(connection: &mut Connection, run: &pb::Run) -> Result<()> {
    expect_open(connection, &run.letter_id, &run.source).await?;
    sqlx::query(
        "UPDATE ingestion_failures SET state = 'replayed', replay_run_id = $2, closed_at = $3 WHERE id = $1",
    )
    .bind(stored(&run.letter_id))
    .bind(stored(&run.run_id))
    .bind(words::now())
    .execute(connection)
    .await?;
    Ok(())
}

/// Discards the open letters of a run's source: what they are about was read again.
pub(super) async fn supersede(connection: &mut Connection, run: &pb::Run) -> Result<()> {
    discard_all(connection, &run.source, "superseded", &format!("run {}", run.run_id)).await
}

/// Discards the open letters of a source, with why and who.
pub(super) async fn discard_all(
    connection: &mut Connection,
    source: &str,
    reason: &str,
    by: &str,
) -> Result<()> {
    let sql =
        "UPDATE ingestion_failures SET state = 'discarded', discard_reason = $2, closed_by = $3, closed_at = $4
        WHERE source_name = $1 AND state = 'open'";
    let query = sqlx::query(sql).bind(stored(source)).bind(stored(reason)).bind(stored(by));
    query.bind(words::now()).execute(connection).await?;
    Ok(())
}

/// Stores letters of a run that failed. A replay that failed does not open its letter again where it was closed meanwhile.
pub(super) async fn put_of_failure(
    connection: &mut Connection,
    run: &pb::Run,
    letters: &[DeadLetter],
) -> Result<()> {
    if run.letter_id.is_empty() {
        return put(connection, run, letters).await;
    }
    let is_open = expect_held(connection, &run.letter_id).await?.state == "open";
    let kept: Vec<DeadLetter> =
        letters.iter().filter(|letter| is_open || letter.id != run.letter_id).cloned().collect();
    put(connection, run, &kept).await
}

/// Stores letters of a run. One that is there already has failed once more, and is open again.
pub(super) async fn put(connection: &mut Connection, run: &pb::Run, letters: &[DeadLetter]) -> Result<()> {
    for some in insertable(letters) {
        let mut query = QueryBuilder::<Db>::new("INSERT INTO ingestion_failures (");
        query.push(COLUMNS).push(", raw) ");
        query.push_values(some, |row, letter| bind(row, run, letter));
        query.push(format!(
            " ON CONFLICT (id) DO UPDATE SET run_id = excluded.run_id, kind = excluded.kind, stage = excluded.stage,
            code = excluded.code, error = excluded.error, field_path = excluded.field_path, file = excluded.file,
            line = excluded.line, record = excluded.record, page = excluded.page,
            attempt = {GREATEST}(ingestion_failures.attempt + 1, excluded.attempt), last_seen_at = excluded.last_seen_at,
            schema_version = excluded.schema_version, event_id = excluded.event_id, context = excluded.context,
            raw = excluded.raw, raw_truncated = excluded.raw_truncated, raw_sha256 = excluded.raw_sha256,
            raw_ref = excluded.raw_ref, state = 'open', discard_reason = '', replay_run_id = '', closed_at = NULL,
            closed_by = ''"
        ));
        // Texts of every length would drive the others out of the cache of statements.
        query.build().persistent(false).execute(&mut *connection).await?;
    }
    Ok(())
}

// One INSERT can't meet a letter twice.
fn insertable(letters: &[DeadLetter]) -> Vec<&[DeadLetter]> {
    let mut parts = Vec::new();
    let mut seen = HashSet::new();
    let mut from = 0;
    for (at, letter) in letters.iter().enumerate() {
        if at - from == INSERT || !seen.insert(letter.id.as_str()) {
            parts.push(&letters[from..at]);
            seen = HashSet::from([letter.id.as_str()]);
            from = at;
        }
    }
    if from < letters.len() {
        parts.push(&letters[from..]);
    }
    parts
}

fn bind(mut row: Separated<'_, Db, &'static str>, run: &pb::Run, letter: &DeadLetter) {
    let position = letter.position.clone().unwrap_or_default();
    let now = words::now();
    row.push_bind(stored(&letter.id))
        .push_bind(stored(&letter.kind))
        .push_bind(stored(&run.source))
        .push_bind(stored(&run.run_id))
        .push_bind(stored(&letter.stage))
        .push_bind(stored(&letter.code))
        .push_bind(stored(&letter.message))
        .push_bind(stored(&letter.field_path))
        .push_bind(stored(&position.file))
        .push_bind(i64::from(position.line))
        .push_bind(i64::from(position.record))
        .push_bind(i64::from(position.page))
        .push_bind(i64::from(letter.attempts.max(1)))
        .push_bind(words::micros(letter.first_seen.as_ref()).unwrap_or(now))
        .push_bind(words::micros(letter.last_seen.as_ref()).unwrap_or(now))
        .push_bind(i64::from(letter.schema_version))
        .push_bind(stored(&letter.event_id))
        .push_bind(letter.context.as_ref().map(words::struct_text).as_deref().map(stored))
        .push_bind(letter.raw_truncated)
        .push_bind(stored(&letter.raw_sha256))
        .push_bind(stored(&letter.raw_ref))
        .push("'open'")
        .push("''")
        .push("''")
        .push("NULL")
        .push("''")
        .push_bind(letter.raw_base64.clone());
}

fn from_row(row: &Row) -> Result<DeadLetter> {
    let context = row.try_get::<Option<String>, _>("context")?.map(plain);
    Ok(DeadLetter {
        id: words::text(row, "id")?,
        kind: words::text(row, "kind")?,
        source: words::text(row, "source_name")?,
        run_id: words::text(row, "run_id")?,
        stage: words::text(row, "stage")?,
        code: words::text(row, "code")?,
        message: words::text(row, "error")?,
        field_path: words::text(row, "field_path")?,
        position: Some(Position {
            file: words::text(row, "file")?,
            line: words::unsigned(row, "line")?,
            record: words::unsigned(row, "record")?,
            page: words::unsigned(row, "page")?,
        }),
        attempts: words::unsigned(row, "attempt")?,
        first_seen: words::instant(row, "created_at")?,
        last_seen: words::instant(row, "last_seen_at")?,
        schema_version: words::unsigned(row, "schema_version")?,
        event_id: words::text(row, "event_id")?,
        context: context.as_deref().map(words::struct_from).transpose()?,
        raw_base64: Vec::new(),
        raw_truncated: row.try_get("raw_truncated")?,
        raw_sha256: words::text(row, "raw_sha256")?,
        state: words::text(row, "state")?,
        discard_reason: words::text(row, "discard_reason")?,
        replay_run_id: words::text(row, "replay_run_id")?,
        raw_ref: words::text(row, "raw_ref")?,
        closed_time: words::instant(row, "closed_at")?,
        closed_by: words::text(row, "closed_by")?,
        ..DeadLetter::default()
    })
}
