//! Checkpoints: what a run has read so far, for its next claim to go on from.

use rfe_proto::metadata as pb;
use sqlx::Row as _;

use super::{
    driver::{Connection, Row},
    run,
    text::stored,
    words,
};
use crate::{Page, Result};

/// Notes an object under a running epoch. It takes the place of what earlier epochs saved from its place on.
pub(super) async fn save(
    connection: &mut Connection,
    run_id: &str,
    epoch: u64,
    checkpoint: &pb::Checkpoint,
) -> Result<()> {
    run::check_running(run::expect_held(connection, run_id).await?, epoch)?;
    let place = words::signed(checkpoint.place);
    cut(connection, run_id, epoch, place).await?;
    run::heard_of(connection, run_id).await?;
    let sql = "INSERT INTO run_checkpoints (run_id, place, count, epoch, key, bytes, sha256, saved_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (run_id, place) DO UPDATE SET count = $3, epoch = $4,
        key = $5, bytes = $6, sha256 = $7, saved_at = $8";
    sqlx::query(sql)
        .bind(stored(run_id))
        .bind(place)
        .bind(i64::from(checkpoint.count))
        .bind(words::signed(epoch))
        .bind(stored(&checkpoint.key))
        .bind(checkpoint.bytes)
        .bind(stored(&checkpoint.sha256))
        .bind(words::now())
        .execute(connection)
        .await?;
    Ok(())
}

// A reader that did not go through all that earlier attempts had read went its own way from there on.
async fn cut(connection: &mut Connection, run_id: &str, epoch: u64, place: i64) -> Result<()> {
    let sql = "DELETE FROM run_checkpoints WHERE run_id = $1 AND place >= $2 AND epoch < $3";
    sqlx::query(sql)
        .bind(stored(run_id))
        .bind(place)
        .bind(words::signed(epoch))
        .execute(&mut *connection)
        .await?;
    let sql = "UPDATE run_checkpoints SET count = $2 - place
        WHERE run_id = $1 AND place < $2 AND place + count > $2 AND epoch < $3";
    sqlx::query(sql).bind(stored(run_id)).bind(place).bind(words::signed(epoch)).execute(connection).await?;
    Ok(())
}

/// The objects of a running epoch by place; `page.after` is a place.
pub(super) async fn list(
    connection: &mut Connection,
    run_id: &str,
    epoch: u64,
    page: &Page,
) -> Result<Vec<pb::Checkpoint>> {
    run::expect_running(connection, run_id, epoch).await?;
    let after = page.after.as_deref().map_or(-1, |after| after.parse().unwrap_or(i64::MAX));
    let sql = "SELECT place, count, epoch, key, bytes, sha256 FROM run_checkpoints
        WHERE run_id = $1 AND place > $2 ORDER BY place LIMIT $3";
    let rows = sqlx::query(sql)
        .bind(stored(run_id))
        .bind(after)
        .bind(i64::from(page.limit))
        .fetch_all(connection)
        .await?;
    rows.iter().map(from_row).collect()
}

/// How many checkpoints a run has.
pub(super) async fn count(connection: &mut Connection, run_id: &str) -> Result<u64> {
    let sql = "SELECT coalesce(max(place + count), 0) FROM run_checkpoints WHERE run_id = $1";
    let count: i64 = sqlx::query_scalar(sql).bind(stored(run_id)).fetch_one(connection).await?;
    Ok(count.unsigned_abs())
}

/// Forgets the checkpoints of a run.
pub(super) async fn forget(connection: &mut Connection, run_id: &str) -> Result<()> {
    sqlx::query("DELETE FROM run_checkpoints WHERE run_id = $1")
        .bind(stored(run_id))
        .execute(connection)
        .await?;
    Ok(())
}

fn from_row(row: &Row) -> Result<pb::Checkpoint> {
    Ok(pb::Checkpoint {
        place: words::unsigned(row, "place")?,
        count: words::unsigned(row, "count")?,
        epoch: words::unsigned(row, "epoch")?,
        key: words::text(row, "key")?,
        bytes: row.try_get("bytes")?,
        sha256: words::text(row, "sha256")?,
    })
}
