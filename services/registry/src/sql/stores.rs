//! The stores. Their SQL is written once and compiled for each database, over its `driver`.

mod again;
mod apply;
mod catalog;
mod checkpoint;
mod claim;
mod commit;
mod compaction;
mod dataset;
mod drop;
mod fail;
mod file;
mod freshness;
mod group;
mod hold;
mod ledger;
mod letter;
mod memory;
mod meta;
mod orphan;
mod retention;
mod run;
mod schedule;
mod schema;
mod source;
mod task;
mod text;
mod words;

use sqlx::AssertSqlSafe;

pub(crate) use group::Group;

use super::driver;
use crate::Result;

/// Advances the revision of the sources and returns it.
async fn next_revision(connection: &mut driver::Connection) -> Result<i64> {
    let sql = "UPDATE registry_state SET revision = revision + 1 RETURNING revision";
    Ok(sqlx::query_scalar(sql).fetch_one(connection).await?)
}

/// The newest snapshot.
async fn newest_snapshot(connection: &mut driver::Connection) -> Result<i64> {
    Ok(sqlx::query_scalar("SELECT snapshot FROM registry_state").fetch_one(connection).await?)
}

/// The newest snapshot, held: nobody else commits until the caller's transaction ends.
async fn held_snapshot(connection: &mut driver::Connection) -> Result<i64> {
    let sql = format!("SELECT snapshot FROM registry_state{}", driver::FOR_UPDATE);
    Ok(sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(connection).await?)
}

/// Moves the snapshot's number, last of all.
async fn move_snapshot(connection: &mut driver::Connection, snapshot: i64) -> Result<()> {
    sqlx::query("UPDATE registry_state SET snapshot = $1").bind(snapshot).execute(connection).await?;
    Ok(())
}
