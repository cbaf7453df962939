//! Dropping the dataset of a deleted source.

use rfe_proto::metadata as pb;
use sqlx::AssertSqlSafe;

use super::{
    checkpoint, compaction, dataset,
    driver::{Connection, FOR_UPDATE},
    file, held_snapshot, hold, letter, memory, move_snapshot, newest_snapshot, source,
    text::{plain, stored},
    words,
};
use crate::{RegistryError, Result};

/// Drops within the caller's transaction. Returns the dataset as it was and the first snapshot that does not show it.
pub(super) async fn drop(connection: &mut Connection, name: &str) -> Result<(pb::Dataset, u64)> {
    // Held from here on: nobody commits to it or declares it before this ends.
    hold::sources(connection, [name]).await?;
    let missing = || RegistryError::NotFound { what: "dataset", id: name.to_owned() };
    let source = source::find(connection, name).await?.ok_or_else(missing)?;
    if source.deleted_time.is_none() {
        return Err(RegistryError::DatasetInUse(name.to_owned()));
    }
    let newest = newest_snapshot(connection).await?;
    let known = dataset::known(connection, &source, newest).await?.ok_or_else(missing)?;
    end_runs(connection, name).await?;
    sqlx::query("DELETE FROM ledger WHERE source_name = $1")
        .bind(stored(name))
        .execute(&mut *connection)
        .await?;
    memory::forget(connection, name).await?;
    letter::discard_all(connection, name, "dataset dropped", "").await?;
    // Last, since nobody commits to any dataset from here on.
    let snapshot = held_snapshot(connection).await? + 1;
    file::end_visible(connection, name, snapshot).await?;
    let sql = "UPDATE sources SET dropped_at = $2, dropped_snapshot = $3, schema_floor =
        (SELECT coalesce(max(version), 0) FROM ingestion_schemas WHERE dataset = $1) WHERE name = $1";
    sqlx::query(sql).bind(stored(name)).bind(words::now()).bind(snapshot).execute(&mut *connection).await?;
    move_snapshot(connection, snapshot).await?;
    Ok((known, snapshot.unsigned_abs()))
}

// Runs of events only begin again, since events were accepted for good; what they know of the columns is void.
async fn end_runs(connection: &mut Connection, source: &str) -> Result<()> {
    let sql = format!(
        "SELECT run_id FROM ingestion_runs WHERE source_name = $1 AND state IN ('queued', 'running', 'retrying')
        ORDER BY run_id{FOR_UPDATE}"
    );
    let open: Vec<String> =
        sqlx::query_scalar(AssertSqlSafe(sql)).bind(stored(source)).fetch_all(&mut *connection).await?;
    let open: Vec<String> = open.into_iter().map(plain).collect();
    let sql = "UPDATE ingestion_runs SET epoch = epoch + 1,
            state = CASE WHEN kind = 'events' THEN state ELSE 'cancelled' END,
            finished_at = CASE WHEN kind = 'events' THEN finished_at ELSE $2 END,
            next_attempt_at = CASE WHEN kind = 'events' THEN next_attempt_at END
        WHERE source_name = $1 AND state IN ('queued', 'running', 'retrying')";
    sqlx::query(sql).bind(stored(source)).bind(words::now()).execute(&mut *connection).await?;
    for run_id in &open {
        checkpoint::forget(connection, run_id).await?;
        compaction::forget(connection, run_id).await?;
    }
    Ok(())
}

/// Brings a dropped dataset back, empty, where its source is declared again or lands what was accepted before.
pub(super) async fn undo(connection: &mut Connection, name: &str) -> Result<()> {
    let sql = "UPDATE sources SET dropped_at = NULL WHERE name = $1 AND dropped_at IS NOT NULL";
    sqlx::query(sql).bind(stored(name)).execute(connection).await?;
    Ok(())
}
