//! What is deleted with time, or on demand.

use std::time::Duration;

use async_trait::async_trait;
use rfe_proto::metadata as pb;
use sqlx::Row as _;

use super::{
    again::again,
    driver::{Connection, Instant, Registry, Row},
    drop, held_snapshot, hold, move_snapshot, source, words,
};
use crate::{LakeObject, Result, RetentionStore};

/// About how many files one transaction takes out.
const SOME: i64 = 1_000;

#[async_trait]
impl RetentionStore for Registry {
    async fn drop_dataset(&self, name: &str) -> Result<(pb::Dataset, u64)> {
        again(|| async {
            let mut transaction = self.write().await?;
            let dropped = drop::drop(&mut transaction, name).await?;
            transaction.commit().await?;
            Ok(dropped)
        })
        .await
    }

    async fn end_old_raw(&self, now_micros: i64) -> Result<u64> {
        let mut ended = 0;
        for (name, kept) in again(|| async { raw_kept(&mut *self.reader().await?).await }).await? {
            let before = before(now_micros, kept);
            ended += again(|| async {
                if !has_old_raw(&mut *self.reader().await?, &name, before).await? {
                    return Ok(0);
                }
                let mut transaction = self.write().await?;
                let ended = end_raw(&mut transaction, &name, before).await?;
                transaction.commit().await?;
                Ok(ended)
            })
            .await?;
        }
        Ok(ended)
    }

    async fn retire_files(&self, now_micros: i64, keep: Duration) -> Result<u64> {
        let mut retired = 0;
        for (name, kept) in again(|| async { snapshots_kept(&mut *self.read().await?, keep).await }).await? {
            loop {
                let some = again(|| async {
                    let mut transaction = self.write().await?;
                    let some = retire(&mut transaction, &name, before(now_micros, kept)).await?;
                    transaction.commit().await?;
                    Ok(some)
                })
                .await?;
                retired += some;
                if some == 0 {
                    break;
                }
            }
        }
        Ok(retired)
    }

    async fn doomed(&self, limit: u32) -> Result<Vec<LakeObject>> {
        // Nothing that a file names is ever doomed; deleting is the place to be sure.
        let sql = "SELECT bucket, key FROM doomed_objects AS doomed WHERE NOT EXISTS (
                SELECT 1 FROM data_files AS files WHERE files.layer = doomed.bucket AND files.key = doomed.key)
            ORDER BY bucket, key LIMIT $1";
        again(|| async {
            let rows = sqlx::query(sql).bind(i64::from(limit)).fetch_all(&mut *self.reader().await?).await?;
            let one = |row: &Row| Ok(LakeObject { bucket: row.try_get("bucket")?, key: row.try_get("key")? });
            rows.iter().map(one).collect()
        })
        .await
    }

    async fn forget_doomed(&self, objects: &[LakeObject]) -> Result<()> {
        again(|| async {
            let mut transaction = self.write().await?;
            for object in objects {
                sqlx::query("DELETE FROM doomed_objects WHERE bucket = $1 AND key = $2")
                    .bind(&object.bucket)
                    .bind(&object.key)
                    .execute(&mut *transaction)
                    .await?;
            }
            transaction.commit().await?;
            Ok(())
        })
        .await
    }
}

fn before(now_micros: i64, kept: Duration) -> Instant {
    Instant(now_micros.saturating_sub(i64::try_from(kept.as_micros()).unwrap_or(i64::MAX)))
}

// Sources whose raw files are kept for a time.
async fn raw_kept(connection: &mut Connection) -> Result<Vec<(String, Duration)>> {
    let specs = source::all(connection).await?.into_iter().map(|source| source::spec(&source));
    let kept = specs.map(|spec| spec.map(|spec| Some((spec.name, spec.retention.raw?))));
    kept.filter_map(Result::transpose).collect()
}

async fn has_old_raw(connection: &mut Connection, dataset: &str, before: Instant) -> Result<bool> {
    let sql = "SELECT count(*) FROM data_files WHERE dataset = $1 AND layer = 'raw' AND end_snapshot IS NULL
        AND landed_at < $2";
    let old: i64 = sqlx::query_scalar(sql).bind(dataset).bind(before).fetch_one(connection).await?;
    Ok(old > 0)
}

async fn end_raw(connection: &mut Connection, dataset: &str, before: Instant) -> Result<u64> {
    let snapshot = held_snapshot(connection).await? + 1;
    let sql = "UPDATE data_files SET end_snapshot = $3, ended_at = $4 WHERE dataset = $1 AND layer = 'raw'
        AND end_snapshot IS NULL AND landed_at < $2";
    let ended = sqlx::query(sql)
        .bind(dataset)
        .bind(before)
        .bind(snapshot)
        .bind(words::now())
        .execute(&mut *connection)
        .await?
        .rows_affected();
    move_snapshot(connection, snapshot).await?;
    Ok(ended)
}

// Datasets of which files have ended, and how long those are kept.
async fn snapshots_kept(connection: &mut Connection, keep: Duration) -> Result<Vec<(String, Duration)>> {
    let sql = "SELECT DISTINCT dataset FROM data_files WHERE end_snapshot IS NOT NULL ORDER BY dataset";
    let names: Vec<String> = sqlx::query_scalar(sql).fetch_all(&mut *connection).await?;
    let mut kept = Vec::with_capacity(names.len());
    for name in names {
        let own = source::spec(&source::expect(connection, &name).await?)?.retention.snapshots;
        kept.push((name, own.unwrap_or(keep)));
    }
    Ok(kept)
}

// Some files leave, whole snapshots of them; what shows them is refused from then on. What ends meanwhile ends at a later
// snapshot than these, so all three statements see the same files.
async fn retire(connection: &mut Connection, dataset: &str, before: Instant) -> Result<u64> {
    hold::sources(connection, [dataset]).await?;
    let sql = "SELECT max(oldest.end_snapshot) FROM (SELECT end_snapshot FROM data_files WHERE dataset = $1
        AND end_snapshot IS NOT NULL AND ended_at < $2 ORDER BY end_snapshot LIMIT $3) AS oldest";
    let oldest: Option<i64> =
        sqlx::query_scalar(sql).bind(dataset).bind(before).bind(SOME).fetch_one(&mut *connection).await?;
    let Some(oldest) = oldest else { return Ok(0) };
    let sql = "UPDATE sources SET oldest_snapshot = $2 WHERE name = $1 AND oldest_snapshot < $2";
    sqlx::query(sql).bind(dataset).bind(oldest).execute(&mut *connection).await?;
    let sql = "INSERT INTO doomed_objects (bucket, key, since) SELECT layer, key, $4 FROM data_files
        WHERE dataset = $1 AND end_snapshot <= $2 AND ended_at < $3 ON CONFLICT (bucket, key) DO NOTHING";
    sqlx::query(sql)
        .bind(dataset)
        .bind(oldest)
        .bind(before)
        .bind(words::now())
        .execute(&mut *connection)
        .await?;
    let sql = "DELETE FROM data_files WHERE dataset = $1 AND end_snapshot <= $2 AND ended_at < $3";
    let gone = sqlx::query(sql).bind(dataset).bind(oldest).bind(before).execute(connection).await?;
    Ok(gone.rows_affected())
}
