//! Runs: their rows, and what reads or ends them without a commit.

use async_trait::async_trait;
use rfe_proto::metadata as pb;
use sqlx::{QueryBuilder, Row as _};

use super::{
    again::again,
    checkpoint, claim, compaction,
    driver::{Connection, Db, FOR_UPDATE, Instant, Registry, Row},
    fail, group, hold, ledger, letter, schema, source,
    text::{plain, stored},
    words,
};
use crate::{Claim, Claimed, Commit, Failure, NewRun, Page, RegistryError, Result, RunFilter, RunStore};

const RUNS: &str = "SELECT run_id, source_name, kind, state, attempts, epoch, rows_read, rows_landed, rows_dead,
    rows_duplicate, rows_discarded, bytes_read, bytes_written, bytes_total, schema_version, snapshot, files, error_code,
    error, worker, letter_id, created_at, started_at, finished_at, scheduled_at, next_attempt_at, discarded_columns,
    kind IN ('pull', 'backfill') OR kind = 'replay' AND EXISTS (
        SELECT 1 FROM ingestion_failures WHERE id = letter_id AND ingestion_failures.kind = 'job') AS reads_source
    FROM ingestion_runs";

#[async_trait]
impl RunStore for Registry {
    async fn create_run(&self, run: &NewRun) -> Result<(pb::Run, bool)> {
        again(|| async {
            let mut transaction = self.write().await?;
            hold::sources(&mut transaction, [run.source.as_str()]).await?;
            let answer = match standing(&mut transaction, run).await? {
                Some(standing) => (standing, false),
                None => (create(&mut transaction, run).await?, true),
            };
            transaction.commit().await?;
            Ok(answer)
        })
        .await
    }

    async fn claim(&self, claim: &Claim) -> Result<Claimed> {
        again(|| async {
            let mut transaction = self.write().await?;
            let claimed = claim::claim(&mut transaction, claim).await?;
            transaction.commit().await?;
            Ok(claimed)
        })
        .await
    }

    async fn register_schema(
        &self,
        run_id: &str,
        epoch: u64,
        columns: &[pb::ObservedColumn],
    ) -> Result<(pb::SchemaVersion, Vec<String>)> {
        again(|| async {
            let known = schema::registered(&mut *self.read().await?, run_id, epoch, columns).await?;
            if let Some(known) = known {
                return Ok(known);
            }
            let mut transaction = self.write().await?;
            hold::runs(&mut transaction, &[run_id]).await?;
            let registered = schema::register(&mut transaction, run_id, epoch, columns).await?;
            transaction.commit().await?;
            Ok(registered)
        })
        .await
    }

    async fn commit(&self, commit: &Commit) -> Result<pb::Run> {
        group::commit(self, commit).await
    }

    async fn fail(&self, failure: &Failure) -> Result<pb::Run> {
        again(|| async {
            let mut transaction = self.write().await?;
            hold::runs(&mut transaction, &[&failure.run_id]).await?;
            let run = fail::fail(&mut transaction, failure).await?;
            transaction.commit().await?;
            Ok(run)
        })
        .await
    }

    async fn progress(&self, run_id: &str, epoch: u64, counters: &pb::RunCounters) -> Result<()> {
        again(|| async {
            let mut transaction = self.write().await?;
            check_running(expect_held(&mut transaction, run_id).await?, epoch)?;
            count(&mut transaction, run_id, counters).await?;
            heard_of(&mut transaction, run_id).await?;
            transaction.commit().await?;
            Ok(())
        })
        .await
    }

    async fn cancel(&self, run_id: &str) -> Result<pb::Run> {
        again(|| async {
            let mut transaction = self.write().await?;
            let run = cancel(&mut transaction, run_id).await?;
            transaction.commit().await?;
            Ok(run)
        })
        .await
    }

    async fn run(&self, run_id: &str) -> Result<Option<pb::Run>> {
        again(|| async { find(&mut *self.reader().await?, run_id).await }).await
    }

    async fn runs(&self, filter: &RunFilter, page: &Page) -> Result<Vec<pb::Run>> {
        again(|| async {
            let rows = filtered(filter, page).build().fetch_all(&mut *self.reader().await?).await?;
            rows.iter().map(from_row).collect()
        })
        .await
    }

    async fn purge_ledger(&self, before_micros: i64) -> Result<u64> {
        ledger::purge(self, before_micros).await
    }
}

async fn cancel(connection: &mut Connection, run_id: &str) -> Result<pb::Run> {
    let run = expect_held(connection, run_id).await?;
    check_cancellable(&run)?;
    if run.state() != pb::RunState::Cancelled {
        end_as_cancelled(connection, run_id).await?;
    }
    expect(connection, run_id).await
}

/// The run that is the answer instead of a new one: the same one, the pull that waits, or the replay that is under way.
async fn standing(connection: &mut Connection, run: &NewRun) -> Result<Option<pb::Run>> {
    if let Some(same) = find(connection, &run.run_id).await? {
        return Ok(Some(same));
    }
    source::expect_live(connection, &run.source).await?;
    let mut query = QueryBuilder::<Db>::new(RUNS);
    match (run.kind, &run.letter_id) {
        (pb::RunKind::Pull, _) => {
            query
                .push(" WHERE state = 'queued' AND kind = 'pull' AND source_name = ")
                .push_bind(stored(&run.source));
        }
        (pb::RunKind::Replay, Some(id)) => {
            query
                .push(" WHERE state IN ('queued', 'running', 'retrying') AND letter_id = ")
                .push_bind(stored(id));
        }
        _ => return Ok(None),
    }
    query.push(" ORDER BY seq LIMIT 1");
    query.build().fetch_optional(connection).await?.as_ref().map(from_row).transpose()
}

async fn create(connection: &mut Connection, run: &NewRun) -> Result<pb::Run> {
    if run.kind == pb::RunKind::Replay {
        letter::expect_open(connection, run.letter_id.as_deref().unwrap_or_default(), &run.source).await?;
    }
    let sql = "INSERT INTO ingestion_runs (run_id, source_name, kind, state, letter_id, replay_raw, scheduled_at, created_at)
        VALUES ($1, $2, $3, 'queued', $4, $5, $6, $7)";
    sqlx::query(sql)
        .bind(stored(&run.run_id))
        .bind(stored(&run.source))
        .bind(words::kind_text(run.kind))
        .bind(run.letter_id.as_deref().map(stored))
        .bind(&run.replay_raw)
        .bind(run.scheduled_micros.map(Instant))
        .bind(words::now())
        .execute(&mut *connection)
        .await?;
    expect(connection, &run.run_id).await
}

fn check_cancellable(run: &pb::Run) -> Result<()> {
    let why = match (run.kind(), run.state()) {
        (pb::RunKind::Events, _) => "its events were accepted for good",
        (_, pb::RunState::Succeeded) => "it succeeded",
        (_, pb::RunState::Failed) => "it failed",
        _ => return Ok(()),
    };
    Err(RegistryError::NotCancellable { run_id: run.run_id.clone(), why: why.to_owned() })
}

fn filtered(filter: &RunFilter, page: &Page) -> QueryBuilder<Db> {
    let mut query = QueryBuilder::<Db>::new(RUNS);
    query.push(" WHERE true");
    if let Some(source) = &filter.source {
        query.push(" AND source_name = ").push_bind(stored(source));
    }
    any_of(&mut query, "state", filter.states.iter().copied().map(words::state_text));
    any_of(&mut query, "kind", filter.kinds.iter().copied().map(words::kind_text));
    if filter.kinds.is_empty() {
        query.push(" AND kind <> 'compaction'");
    }
    if let Some(after) = &page.after {
        query
            .push(" AND seq < (SELECT seq FROM ingestion_runs WHERE run_id = ")
            .push_bind(stored(after))
            .push(")");
    }
    query.push(" ORDER BY seq DESC LIMIT ").push_bind(i64::from(page.limit));
    query
}

fn any_of(query: &mut QueryBuilder<Db>, column: &str, words: impl ExactSizeIterator<Item = &'static str>) {
    if words.len() > 0 {
        let list = words.map(|word| format!("'{word}'")).collect::<Vec<_>>().join(", ");
        query.push(format!(" AND {column} IN ({list})"));
    }
}

/// One run.
pub(super) async fn find(connection: &mut Connection, run_id: &str) -> Result<Option<pb::Run>> {
    let mut query = QueryBuilder::<Db>::new(RUNS);
    query.push(" WHERE run_id = ").push_bind(stored(run_id));
    query.build().fetch_optional(connection).await?.as_ref().map(from_row).transpose()
}

/// One run; it must be there.
pub(super) async fn expect(connection: &mut Connection, run_id: &str) -> Result<pb::Run> {
    let missing = || RegistryError::NotFound { what: "run", id: run_id.to_owned() };
    find(connection, run_id).await?.ok_or_else(missing)
}

/// One run, held until the transaction ends; it must be there.
pub(super) async fn expect_held(connection: &mut Connection, run_id: &str) -> Result<pb::Run> {
    let missing = || RegistryError::NotFound { what: "run", id: run_id.to_owned() };
    find_held(connection, run_id).await?.ok_or_else(missing)
}

/// One run, held until the transaction ends.
pub(super) async fn find_held(connection: &mut Connection, run_id: &str) -> Result<Option<pb::Run>> {
    let mut query = QueryBuilder::<Db>::new(RUNS);
    query.push(" WHERE run_id = ").push_bind(stored(run_id)).push(FOR_UPDATE);
    query.build().fetch_optional(connection).await?.as_ref().map(from_row).transpose()
}

/// One run; it must be running under this epoch.
pub(super) async fn expect_running(connection: &mut Connection, run_id: &str, epoch: u64) -> Result<pb::Run> {
    check_running(expect(connection, run_id).await?, epoch)
}

/// The run, if it is running under this epoch.
pub(super) fn check_running(run: pb::Run, epoch: u64) -> Result<pb::Run> {
    if run.state() == pb::RunState::Running && run.epoch == epoch { Ok(run) } else { Err(stale(&run, epoch)) }
}

/// The error of a call under another epoch than the run's.
pub(super) fn stale(run: &pb::Run, given: u64) -> RegistryError {
    RegistryError::StaleEpoch {
        run_id: run.run_id.clone(),
        current: run.epoch,
        state: words::state_text(run.state()).to_owned(),
        given,
    }
}

/// Ends a run of which nothing is or becomes visible.
pub(super) async fn end_as_cancelled(connection: &mut Connection, run_id: &str) -> Result<()> {
    let sql = "UPDATE ingestion_runs SET state = 'cancelled', epoch = epoch + 1, finished_at = $2,
        next_attempt_at = NULL WHERE run_id = $1";
    sqlx::query(sql).bind(stored(run_id)).bind(words::now()).execute(&mut *connection).await?;
    checkpoint::forget(connection, run_id).await?;
    compaction::forget(connection, run_id).await
}

/// Notes that the run's worker is alive.
pub(super) async fn heard_of(connection: &mut Connection, run_id: &str) -> Result<()> {
    let sql = "UPDATE ingestion_runs SET heard_at = $2 WHERE run_id = $1";
    sqlx::query(sql).bind(stored(run_id)).bind(words::now()).execute(connection).await?;
    Ok(())
}

/// Writes what a run has counted.
pub(super) async fn count(
    connection: &mut Connection,
    run_id: &str,
    counters: &pb::RunCounters,
) -> Result<()> {
    let sql =
        "UPDATE ingestion_runs SET rows_read = $2, rows_landed = $3, rows_dead = $4, rows_duplicate = $5,
        rows_discarded = $6, bytes_read = $7, bytes_written = $8, bytes_total = $9 WHERE run_id = $1";
    sqlx::query(sql)
        .bind(stored(run_id))
        .bind(counters.read)
        .bind(counters.landed)
        .bind(counters.dead)
        .bind(counters.duplicate)
        .bind(counters.discarded)
        .bind(counters.bytes_read)
        .bind(counters.bytes_written)
        .bind(counters.bytes_total)
        .execute(connection)
        .await?;
    Ok(())
}

fn from_row(row: &Row) -> Result<pb::Run> {
    let snapshot: Option<i64> = row.try_get("snapshot")?;
    Ok(pb::Run {
        run_id: words::text(row, "run_id")?,
        source: words::text(row, "source_name")?,
        kind: words::kind_from(row.try_get("kind")?).into(),
        state: words::state_from(row.try_get("state")?).into(),
        attempts: words::unsigned(row, "attempts")?,
        epoch: words::unsigned(row, "epoch")?,
        counters: Some(counters_from_row(row)?),
        schema_version: words::unsigned(row, "schema_version")?,
        snapshot: snapshot.unwrap_or_default().unsigned_abs(),
        files: words::unsigned(row, "files")?,
        error_code: words::text(row, "error_code")?,
        error: words::text(row, "error")?,
        created_time: words::instant(row, "created_at")?,
        started_time: words::instant(row, "started_at")?,
        finished_time: words::instant(row, "finished_at")?,
        scheduled_time: words::instant(row, "scheduled_at")?,
        letter_id: row.try_get::<Option<String>, _>("letter_id")?.map(plain).unwrap_or_default(),
        worker: words::text(row, "worker")?,
        next_attempt_time: words::instant(row, "next_attempt_at")?,
        reads_source: row.try_get("reads_source")?,
        discarded_columns: words::discarded_from(&words::text(row, "discarded_columns")?)?,
    })
}

fn counters_from_row(row: &Row) -> Result<pb::RunCounters> {
    Ok(pb::RunCounters {
        read: row.try_get("rows_read")?,
        landed: row.try_get("rows_landed")?,
        dead: row.try_get("rows_dead")?,
        duplicate: row.try_get("rows_duplicate")?,
        discarded: row.try_get("rows_discarded")?,
        bytes_read: row.try_get("bytes_read")?,
        bytes_written: row.try_get("bytes_written")?,
        bytes_total: row.try_get("bytes_total")?,
    })
}
