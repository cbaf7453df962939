//! Claiming a run for a worker.

use rfe_model::fault::reason;
use rfe_proto::{dlq::DeadLetter, metadata as pb};

use super::{compaction, driver::Connection, letter, memory, run, schema, source, text::stored, words};
use crate::{Claim, Claimed, RegistryError, Result};

/// Claims a run and raises its epoch, unless it has ended.
pub(super) async fn claim(connection: &mut Connection, claim: &Claim) -> Result<Claimed> {
    let found = match run::find_held(connection, &claim.run_id).await? {
        Some(found) => found,
        None => create_batch(connection, claim).await?,
    };
    let source = source::expect(connection, &found.source).await?;
    if found.kind() == pb::RunKind::Compaction {
        return claim_compaction(connection, claim, &found, source).await;
    }
    let claimed = !has_ended(&found) || was_lost(&found);
    let mut checkpoints = 0;
    if claimed {
        take(connection, claim).await?;
        // Events were pushed: nothing of them is read again.
        if found.kind() != pb::RunKind::Events {
            checkpoints = memory::claim(connection, &claim.run_id, &source).await?;
        }
    }
    let run = run::expect(connection, &claim.run_id).await?;
    Ok(Claimed {
        claimed,
        cursor: cursor(&source),
        checkpoints,
        source,
        schema: schema::newest(connection, &run.source).await?,
        letter: letter_of(connection, &run).await?,
        replay_raw: replay_raw(connection, &run).await?,
        inputs: Vec::new(),
        run,
    })
}

// It reads files, and nothing of the source.
async fn claim_compaction(
    connection: &mut Connection,
    claim: &Claim,
    found: &pb::Run,
    source: pb::Source,
) -> Result<Claimed> {
    let (inputs, schema) = match has_ended(found) {
        true => (Vec::new(), None),
        false => compaction::inputs(connection, found).await?,
    };
    let claimed = !inputs.is_empty();
    if claimed {
        take(connection, claim).await?;
    }
    Ok(Claimed {
        run: run::expect(connection, &claim.run_id).await?,
        claimed,
        source,
        schema,
        letter: None,
        replay_raw: None,
        cursor: None,
        checkpoints: 0,
        inputs,
    })
}

// Only a batch has no row before it is claimed: its id is made by the lease.
async fn create_batch(connection: &mut Connection, claim: &Claim) -> Result<pb::Run> {
    if claim.kind != pb::RunKind::Events {
        return Err(RegistryError::NotFound { what: "run", id: claim.run_id.clone() });
    }
    source::expect(connection, &claim.source).await?;
    let sql = "INSERT INTO ingestion_runs (run_id, source_name, kind, state, created_at) VALUES ($1, $2, $3, 'queued', $4)
        ON CONFLICT (run_id) DO NOTHING";
    sqlx::query(sql)
        .bind(stored(&claim.run_id))
        .bind(stored(&claim.source))
        .bind(words::kind_text(claim.kind))
        .bind(words::now())
        .execute(&mut *connection)
        .await?;
    // Another lease of the batch may have come first.
    run::expect_held(connection, &claim.run_id).await
}

fn cursor(source: &pb::Source) -> Option<String> {
    let has_one = source.mode() != pb::Mode::Replace && !source.cursor.is_empty();
    has_one.then(|| source.cursor.clone())
}

fn has_ended(run: &pb::Run) -> bool {
    matches!(run.state(), pb::RunState::Succeeded | pb::RunState::Failed | pb::RunState::Cancelled)
}

// A batch that the queue was taken to have lost, and has all the same: nobody landed its events under this run.
fn was_lost(run: &pb::Run) -> bool {
    run.state() == pb::RunState::Failed && run.error_code == reason::BATCH_LOST
}

async fn take(connection: &mut Connection, claim: &Claim) -> Result<()> {
    let sql = "UPDATE ingestion_runs SET state = 'running', epoch = epoch + 1, attempts = attempts + 1, worker = $2,
        started_at = $3, heard_at = $3, next_attempt_at = NULL, finished_at = NULL WHERE run_id = $1";
    sqlx::query(sql)
        .bind(stored(&claim.run_id))
        .bind(stored(&claim.worker))
        .bind(words::now())
        .execute(&mut *connection)
        .await?;
    // What an earlier attempt had counted is read anew.
    run::count(connection, &claim.run_id, &pb::RunCounters::default()).await
}

async fn letter_of(connection: &mut Connection, run: &pb::Run) -> Result<Option<DeadLetter>> {
    if run.letter_id.is_empty() { Ok(None) } else { letter::find(connection, &run.letter_id).await }
}

async fn replay_raw(connection: &mut Connection, run: &pb::Run) -> Result<Option<Vec<u8>>> {
    if run.letter_id.is_empty() {
        return Ok(None);
    }
    let sql = "SELECT replay_raw FROM ingestion_runs WHERE run_id = $1";
    Ok(sqlx::query_scalar(sql).bind(stored(&run.run_id)).fetch_one(connection).await?)
}
