//! The commit: the one place where rows become visible.

use rfe_model::key;
use rfe_proto::metadata as pb;
use sqlx::Row as _;

use super::{
    checkpoint, compaction, driver::Connection, drop, file, ledger, letter, memory, run, schema, source,
    text::stored,
};
use crate::{Commit, RegistryError, Result};

/// Commits a run as it stands, within a transaction that holds it and `registry_state`. Moves the snapshot's number, which the
/// caller writes.
pub(super) async fn commit(
    connection: &mut Connection,
    found: pb::Run,
    commit: &Commit,
    snapshot: &mut i64,
) -> Result<pb::Run> {
    if found.state() == pb::RunState::Succeeded && found.epoch == commit.epoch {
        // The reply to the first commit was lost.
        return Ok(found);
    }
    let run = run::check_running(found, commit.epoch)?;
    check_balance(&run, commit)?;
    check_keys(commit)?;
    let next = *snapshot + 1;
    let done = match run.kind() {
        pb::RunKind::Compaction => compaction::commit(connection, &run, commit, next).await?,
        _ => land(connection, &run, commit, next).await?,
    };
    *snapshot = next;
    Ok(done)
}

async fn land(connection: &mut Connection, run: &pb::Run, commit: &Commit, snapshot: i64) -> Result<pb::Run> {
    let dataset = dataset_of(connection, run, commit).await?;
    check_schema(connection, run, commit, &dataset).await?;
    ledger::enter(connection, run, &commit.event_ids).await?;
    let ends_older = remember(connection, run, commit).await?;
    settle_letters(connection, run, commit, ends_older).await?;
    if ends_older {
        file::end_visible(connection, &run.source, snapshot).await?;
    }
    file::insert(connection, run, &commit.files, file::Begin::at(snapshot)).await?;
    if dataset.is_dropped {
        drop::undo(connection, &run.source).await?;
    }
    if run.kind() != pb::RunKind::Events {
        checkpoint::forget(connection, &run.run_id).await?;
    }
    // A run that registered an older version may commit after one with a newer: the dataset keeps showing the newer.
    let shown = dataset.shown_version.max(i64::from(commit.schema_version));
    run::succeed(connection, run, commit, run::Visible { snapshot, shown_version: shown }).await
}

/// What a commit must know of its dataset.
struct Dataset {
    is_dropped: bool,
    /// True if the commit's schema version is one of its, as it is now.
    has_version: bool,
    /// The newest version that it shows.
    shown_version: i64,
}

async fn dataset_of(connection: &mut Connection, run: &pb::Run, commit: &Commit) -> Result<Dataset> {
    let sql = "SELECT dropped_at IS NOT NULL AS is_dropped,
            EXISTS (SELECT 1 FROM ingestion_schemas AS schemas WHERE schemas.dataset = sources.name
                AND schemas.version = $2 AND schemas.version > sources.schema_floor) AS has_version,
            coalesce((SELECT runs.dataset_schema_version FROM ingestion_runs AS runs
                WHERE runs.source_name = sources.name AND runs.snapshot IS NOT NULL
                    AND runs.snapshot > sources.dropped_snapshot AND runs.kind <> 'compaction'
                ORDER BY runs.snapshot DESC LIMIT 1), 0) AS shown_version
        FROM sources WHERE name = $1";
    let query = sqlx::query(sql).bind(stored(&run.source)).bind(i64::from(commit.schema_version));
    let row = query.fetch_one(connection).await?;
    Ok(Dataset {
        is_dropped: row.try_get("is_dropped")?,
        has_version: row.try_get("has_version")?,
        shown_version: row.try_get("shown_version")?,
    })
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

async fn check_schema(
    connection: &mut Connection,
    run: &pb::Run,
    commit: &Commit,
    dataset: &Dataset,
) -> Result<()> {
    let is_known = match commit.schema_version {
        // Rows without a column of their own, such as `{}`, need no version until there is one.
        0 => {
            processed(commit).all(|file| file.rows == 0)
                || schema::newest(connection, &run.source).await?.is_none()
        }
        _ => dataset.has_version,
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
