//! The commit: the one place where rows become visible.

use rfe_model::key;
use rfe_proto::metadata as pb;
use sqlx::{QueryBuilder, Row as _};

use super::{
    checkpoint, compaction,
    driver::{Connection, Db},
    drop, file, held_snapshot, ledger, letter, memory, move_snapshot, run, schema, source,
    text::stored,
    words,
};
use crate::{Commit, RegistryError, Result};

/// Commits within the caller's transaction, which holds the run. The snapshot's number moves last.
pub(super) async fn commit(connection: &mut Connection, commit: &Commit) -> Result<pb::Run> {
    let found = run::expect(connection, &commit.run_id).await?;
    if found.state() == pb::RunState::Succeeded && found.epoch == commit.epoch {
        // The reply to the first commit was lost.
        return Ok(found);
    }
    let run = run::check_running(found, commit.epoch)?;
    check_balance(&run, commit)?;
    check_keys(commit)?;
    if run.kind() == pb::RunKind::Compaction {
        return compaction::commit(connection, &run, commit).await;
    }
    check_schema(connection, &run, commit).await?;
    ledger::enter(connection, &run, &commit.event_ids).await?;
    let ends_older = remember(connection, &run, commit).await?;
    settle_letters(connection, &run, commit, ends_older).await?;

    let snapshot = held_snapshot(connection).await? + 1;
    if ends_older {
        file::end_visible(connection, &run.source, snapshot).await?;
    }
    file::insert(connection, &run, &commit.files, file::Begin::at(snapshot)).await?;
    drop::undo(connection, &run.source).await?;
    if run.kind() != pb::RunKind::Events {
        checkpoint::forget(connection, &run.run_id).await?;
    }
    succeed(connection, &run, commit, snapshot).await?;
    move_snapshot(connection, snapshot).await?;
    run::expect(connection, &commit.run_id).await
}

// What the collector of orphans relies on: an object can be committed only under the epoch that stands in its key.
fn check_keys(commit: &Commit) -> Result<()> {
    let ours = key::Writer { run_id: &commit.run_id, epoch: commit.epoch };
    let other =
        commit.files.iter().find(|file| key::Writer::of(&file.key).is_some_and(|writer| writer != ours));
    match other {
        None => Ok(()),
        Some(file) => Err(RegistryError::FileOfAnother {
            key: file.key.clone(),
            run_id: commit.run_id.clone(),
            epoch: commit.epoch,
        }),
    }
}

fn check_balance(run: &pb::Run, commit: &Commit) -> Result<()> {
    let pb::RunCounters { read, landed, dead, duplicate, discarded, .. } = commit.counters;
    if read != landed + dead + duplicate + discarded
        || [read, landed, dead, duplicate, discarded].iter().any(|n| *n < 0)
    {
        return Err(RegistryError::Unbalanced(format!(
            "read {read}, landed {landed}, dead {dead}, duplicate {duplicate}, discarded {discarded}"
        )));
    }
    // A compaction has files of one layer only, which its own commit looks at.
    let written: i64 = match run.kind() {
        pb::RunKind::Compaction => commit.files.iter().map(|file| file.rows).sum(),
        _ => processed(commit).map(|file| file.rows).sum(),
    };
    if written != landed {
        return Err(RegistryError::Unbalanced(format!("{landed} rows landed, and its files hold {written}")));
    }
    Ok(())
}

fn processed(commit: &Commit) -> impl Iterator<Item = &pb::DataFile> {
    commit.files.iter().filter(|file| file.layer() == pb::Layer::Processed)
}

async fn check_schema(connection: &mut Connection, run: &pb::Run, commit: &Commit) -> Result<()> {
    let is_known = match commit.schema_version {
        // Rows without a column of their own, such as `{}`, need no version until there is one.
        0 => {
            processed(commit).all(|file| file.rows == 0)
                || schema::newest(connection, &run.source).await?.is_none()
        }
        version => schema::is_current(connection, &run.source, version).await?,
    };
    if is_known {
        return Ok(());
    }
    Err(RegistryError::SchemaPolicy(format!(
        "dataset `{}` has no schema version {}; register the columns first",
        run.source, commit.schema_version
    )))
}

// The replay of a job's letter reads the source again, and so remembers and replaces as the job would have; that of a record's
// letter adds its row.
async fn reads_source(connection: &mut Connection, run: &pb::Run) -> Result<bool> {
    Ok(match run.kind() {
        pb::RunKind::Pull => true,
        pb::RunKind::Replay => letter::is_of_job(connection, &run.letter_id).await?,
        pb::RunKind::Unspecified | pb::RunKind::Events | pb::RunKind::Backfill | pb::RunKind::Compaction => {
            false
        }
    })
}

/// True if the run reads all of its dataset and takes the place of what is visible.
pub(super) async fn replaces(connection: &mut Connection, run: &pb::Run) -> Result<bool> {
    if !reads_source(connection, run).await? {
        return Ok(false);
    }
    let source = source::expect(connection, &run.source).await?;
    Ok(memory::claimed(connection, &run.run_id, &source).await?.replaces())
}

// True if all that is visible ends.
async fn remember(connection: &mut Connection, run: &pb::Run, commit: &Commit) -> Result<bool> {
    if !reads_source(connection, run).await? {
        return Ok(false);
    }
    let source = source::expect(connection, &run.source).await?;
    let claimed = memory::claimed(connection, &run.run_id, &source).await?;
    memory::remember(connection, &source, &claimed, commit).await?;
    Ok(claimed.replaces())
}

// A letter of this commit may be the replayed one: it failed again, and so is open at the end.
async fn settle_letters(
    connection: &mut Connection,
    run: &pb::Run,
    commit: &Commit,
    ends_older: bool,
) -> Result<()> {
    if run.kind() == pb::RunKind::Replay {
        letter::replayed(connection, run).await?;
    }
    if ends_older {
        letter::supersede(connection, run).await?;
    }
    letter::put(connection, run, &commit.letters).await
}

/// Sets a run to succeeded.
pub(super) async fn succeed(
    connection: &mut Connection,
    run: &pb::Run,
    commit: &Commit,
    snapshot: i64,
) -> Result<()> {
    run::count(connection, &run.run_id, &commit.counters).await?;
    let shown = shown_version(connection, &run.source).await?;
    let sql =
        "UPDATE ingestion_runs SET state = 'succeeded', schema_version = $2, dataset_schema_version = $3,
        snapshot = $4, files = $5, finished_at = $6, discarded_columns = $7, error_code = '', error = '' WHERE run_id = $1";
    sqlx::query(sql)
        .bind(stored(&run.run_id))
        .bind(i64::from(commit.schema_version))
        .bind(shown.max(i64::from(commit.schema_version)))
        .bind(snapshot)
        .bind(words::signed(commit.files.len() as u64))
        .bind(words::now())
        .bind(stored(&words::discarded_text(&commit.discarded_columns)))
        .execute(connection)
        .await?;
    Ok(())
}

// A run that registered an older version may commit after one with a newer: the dataset keeps showing the newer.
async fn shown_version(connection: &mut Connection, source: &str) -> Result<i64> {
    let mut query =
        QueryBuilder::<Db>::new("SELECT dataset_schema_version FROM ingestion_runs WHERE source_name = ");
    query.push_bind(stored(source)).push(
        " AND snapshot IS NOT NULL AND kind <> 'compaction' AND snapshot >
            (SELECT dropped_snapshot FROM sources WHERE sources.name = ingestion_runs.source_name)
        ORDER BY snapshot DESC LIMIT 1",
    );
    let row = query.build().fetch_optional(connection).await?;
    Ok(row.map(|row| row.try_get(0)).transpose()?.unwrap_or(0))
}
