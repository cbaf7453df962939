//! The end of an attempt that failed.

use rfe_model::fault::reason;
use rfe_proto::metadata as pb;

use super::{
    checkpoint, compaction,
    driver::{Connection, Instant},
    letter, run,
    text::stored,
    words,
};
use crate::{Failure, Result};

/// Ends the attempt within the caller's transaction, which holds the run, and raises the epoch.
pub(super) async fn fail(connection: &mut Connection, failure: &Failure) -> Result<pb::Run> {
    let found = run::expect(connection, &failure.run_id).await?;
    if is_answered(&found, failure.epoch) {
        return Ok(found);
    }
    let run = run::check_running(found, failure.epoch)?;
    run::count(connection, &run.run_id, &failure.counters).await?;
    note_attempt(connection, &run, failure).await?;
    if run.kind() == pb::RunKind::Compaction {
        // Nothing is lost that could be replayed: the files are still visible, and another compaction is planned.
        if failure.next_attempt_micros.is_none() {
            compaction::forget(connection, &run.run_id).await?;
        }
    } else {
        letter::put_of_failure(connection, &run, &failure.letters).await?;
    }
    if !goes_on(failure) {
        checkpoint::forget(connection, &run.run_id).await?;
    }
    end_attempt(connection, failure).await?;
    run::expect(connection, &failure.run_id).await
}

// Only a failure leads from an epoch to the next one in these states: the reply to the first call was lost.
fn is_answered(run: &pb::Run, epoch: u64) -> bool {
    matches!(run.state(), pb::RunState::Retrying | pb::RunState::Failed) && run.epoch == epoch + 1
}

// What was read before is of no use to a run that gives up, nor to one that read what another run has committed.
fn goes_on(failure: &Failure) -> bool {
    failure.next_attempt_micros.is_some() && failure.code != reason::ALREADY_READ
}

async fn note_attempt(connection: &mut Connection, run: &pb::Run, failure: &Failure) -> Result<()> {
    let sql = "INSERT INTO ingestion_failures
            (id, source_name, run_id, kind, stage, code, error, attempt, state, created_at, last_seen_at, schema_version)
        VALUES ($1, $2, $3, 'attempt', $4, $5, $6, $7, $8, $9, $9, $10)";
    let state = if failure.next_attempt_micros.is_some() { "retried" } else { "failed" };
    sqlx::query(sql)
        .bind(stored(&format!("{}-{}", run.run_id, failure.epoch)))
        .bind(stored(&run.source))
        .bind(stored(&run.run_id))
        .bind(stored(&failure.stage))
        .bind(stored(&failure.code))
        .bind(stored(&failure.message))
        .bind(i64::from(run.attempts))
        .bind(state)
        .bind(words::now())
        .bind(i64::from(run.schema_version))
        .execute(connection)
        .await?;
    Ok(())
}

async fn end_attempt(connection: &mut Connection, failure: &Failure) -> Result<()> {
    let sql = "UPDATE ingestion_runs SET state = CASE WHEN $2 IS NULL THEN 'failed' ELSE 'retrying' END, epoch = epoch + 1,
        next_attempt_at = $2, finished_at = CASE WHEN $2 IS NULL THEN $3 END, error_code = $4, error = $5 WHERE run_id = $1";
    sqlx::query(sql)
        .bind(stored(&failure.run_id))
        .bind(failure.next_attempt_micros.map(Instant))
        .bind(words::now())
        .bind(stored(&failure.code))
        .bind(stored(&failure.message))
        .execute(connection)
        .await?;
    Ok(())
}
