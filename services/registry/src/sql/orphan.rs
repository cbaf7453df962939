//! Objects of the lake that nothing names.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use rfe_model::key::Writer;
use rfe_proto::metadata as pb;
use sqlx::{AssertSqlSafe, QueryBuilder, Row as _};

use super::{
    again::again,
    driver::{Connection, Db, FOR_UPDATE, IDS, Instant, Registry, Row},
    words,
};
use crate::{LakeObject, OrphanAge, OrphanStore, Result};

/// Keys of one statement; SQLite binds at most 32,766 values, Postgres 65,535.
const SOME: usize = 1_000;

/// True of an object that something names: a file, a checkpoint, a letter. `$1` is its bucket and `ids.value` its key.
const IS_NAMED: &str =
    "(EXISTS (SELECT 1 FROM data_files AS files WHERE files.layer = $1 AND files.key = ids.value)
    OR $1 = 'raw' AND EXISTS (SELECT 1 FROM run_checkpoints AS checkpoints WHERE checkpoints.key = ids.value)
    OR $1 = 'dead-letter' AND EXISTS (SELECT 1 FROM ingestion_failures AS letters
        WHERE letters.raw_ref <> '' AND letters.raw_ref = ids.value))";

#[async_trait]
impl OrphanStore for Registry {
    async fn mark_orphans(&self, bucket: &str, keys: &[String], now_micros: i64) -> Result<u64> {
        let mut marked = 0;
        for some in keys.chunks(SOME) {
            marked += again(|| async {
                let unnamed = unnamed(&mut *self.read().await?, bucket, some).await?;
                if unnamed.is_empty() {
                    return Ok(0);
                }
                let mut transaction = self.write().await?;
                let marked = mark(&mut transaction, bucket, &unnamed, Instant(now_micros)).await?;
                transaction.commit().await?;
                Ok(marked)
            })
            .await?;
        }
        Ok(marked)
    }

    async fn doom_orphans(&self, age: OrphanAge, limit: u32) -> Result<(u64, u64)> {
        again(|| async {
            let mut transaction = self.write().await?;
            let settled = doom_some(&mut transaction, age, limit).await?;
            transaction.commit().await?;
            Ok(settled)
        })
        .await
    }
}

async fn doom_some(connection: &mut Connection, age: OrphanAge, limit: u32) -> Result<(u64, u64)> {
    let marks = old_marks(connection, age, limit).await?;
    let runs = held_runs(connection, &marks, age).await?;
    let mut doomed = 0;
    for mark in &marks {
        if is_orphan(connection, mark, &runs).await? {
            doom(connection, mark).await?;
            fence(connection, mark, &runs).await?;
            doomed += 1;
        }
        unmark(connection, mark).await?;
    }
    Ok((marks.len() as u64, doomed))
}

// Those of the keys that nothing names, that are not marked or doomed, and that a run wrote which is known here.
async fn unnamed(connection: &mut Connection, bucket: &str, keys: &[String]) -> Result<Vec<String>> {
    let known = known_runs(connection, keys).await?;
    let is_ours = |key: &&String| Writer::of(key).is_some_and(|writer| known.contains(writer.run_id));
    let ours: Vec<&String> = keys.iter().filter(is_ours).collect();
    if ours.is_empty() {
        return Ok(Vec::new());
    }
    let sql = format!(
        "SELECT ids.value FROM {IDS} WHERE NOT {IS_NAMED}
            AND NOT EXISTS (SELECT 1 FROM orphan_marks AS marks WHERE marks.bucket = $1 AND marks.key = ids.value)
            AND NOT EXISTS (SELECT 1 FROM doomed_objects AS doomed WHERE doomed.bucket = $1 AND doomed.key = ids.value)"
    );
    let query = sqlx::query_scalar(AssertSqlSafe(sql)).bind(bucket).bind(words::json_text(&ours));
    Ok(query.fetch_all(connection).await?)
}

async fn known_runs(connection: &mut Connection, keys: &[String]) -> Result<BTreeSet<String>> {
    let ids: BTreeSet<&str> =
        keys.iter().filter_map(|key| Writer::of(key)).map(|writer| writer.run_id).collect();
    if ids.is_empty() {
        return Ok(BTreeSet::new());
    }
    let mut query = QueryBuilder::<Db>::new("SELECT run_id FROM ingestion_runs WHERE run_id IN (");
    let mut list = query.separated(", ");
    for id in ids {
        list.push_bind(id.to_owned());
    }
    query.push(")");
    let found: Vec<String> = query.build_query_scalar().persistent(false).fetch_all(connection).await?;
    Ok(found.into_iter().collect())
}

async fn mark(connection: &mut Connection, bucket: &str, keys: &[String], now: Instant) -> Result<u64> {
    let mut query = QueryBuilder::<Db>::new("INSERT INTO orphan_marks (bucket, key, marked_at) ");
    query.push_values(keys, |mut row, key| {
        row.push_bind(bucket.to_owned()).push_bind(key.clone()).push_bind(now);
    });
    query.push(" ON CONFLICT (bucket, key) DO NOTHING");
    Ok(query.build().persistent(false).execute(connection).await?.rows_affected())
}

async fn old_marks(connection: &mut Connection, age: OrphanAge, limit: u32) -> Result<Vec<LakeObject>> {
    let sql =
        "SELECT bucket, key FROM orphan_marks WHERE marked_at < $1 ORDER BY marked_at, bucket, key LIMIT $2";
    let rows = sqlx::query(sql)
        .bind(Instant(age.marked_before))
        .bind(i64::from(limit))
        .fetch_all(connection)
        .await?;
    let one = |row: &Row| Ok(LakeObject { bucket: row.try_get("bucket")?, key: row.try_get("key")? });
    rows.iter().map(one).collect()
}

/// A run that wrote something marked. Its row is held: nothing of it is committed, saved or claimed meanwhile.
#[derive(Debug)]
struct Held {
    epoch: u64,
    has_ended: bool,
    is_silent: bool,
}

// In the order of their ids, so that two who do this wait for one another and not crosswise.
async fn held_runs(
    connection: &mut Connection,
    marks: &[LakeObject],
    age: OrphanAge,
) -> Result<BTreeMap<String, Held>> {
    let ids: BTreeSet<&str> =
        marks.iter().filter_map(|mark| Writer::of(&mark.key)).map(|writer| writer.run_id).collect();
    let sql = format!(
        "SELECT state, epoch, coalesce(heard_at, started_at, created_at) AS heard_at FROM ingestion_runs
        WHERE run_id = $1{FOR_UPDATE}"
    );
    let mut runs = BTreeMap::new();
    for id in ids {
        let row = sqlx::query(AssertSqlSafe(sql.clone())).bind(id).fetch_optional(&mut *connection).await?;
        if let Some(row) = row {
            let state = words::state_from(row.try_get("state")?);
            let heard: Instant = row.try_get("heard_at")?;
            let held = Held {
                epoch: words::unsigned(&row, "epoch")?,
                has_ended: matches!(
                    state,
                    pb::RunState::Succeeded | pb::RunState::Failed | pb::RunState::Cancelled
                ),
                is_silent: heard.0 < age.heard_before,
            };
            runs.insert(id.to_owned(), held);
        }
    }
    Ok(runs)
}

// What a run that is alive may still commit is none; it is marked again when the lake is listed next.
async fn is_orphan(
    connection: &mut Connection,
    object: &LakeObject,
    runs: &BTreeMap<String, Held>,
) -> Result<bool> {
    let Some((writer, run)) = written_by(object, runs) else { return Ok(false) };
    let may_be_committed = !run.has_ended && writer.epoch >= run.epoch;
    if may_be_committed && (!run.is_silent || writer.epoch > run.epoch) {
        return Ok(false);
    }
    // Asked only now that its run is held.
    let sql = format!("SELECT count(*) FROM {IDS} WHERE {IS_NAMED}");
    let named: i64 = sqlx::query_scalar(AssertSqlSafe(sql))
        .bind(&object.bucket)
        .bind(words::json_text(&[&object.key]))
        .fetch_one(connection)
        .await?;
    Ok(named == 0)
}

fn written_by<'a>(
    object: &'a LakeObject,
    runs: &'a BTreeMap<String, Held>,
) -> Option<(Writer<'a>, &'a Held)> {
    let writer = Writer::of(&object.key)?;
    Some((writer, runs.get(writer.run_id)?))
}

async fn doom(connection: &mut Connection, object: &LakeObject) -> Result<()> {
    let sql = "INSERT INTO doomed_objects (bucket, key, since) VALUES ($1, $2, $3) ON CONFLICT (bucket, key) DO NOTHING";
    sqlx::query(sql).bind(&object.bucket).bind(&object.key).bind(words::now()).execute(connection).await?;
    Ok(())
}

// A worker that wakes late finds another epoch, and can't commit what is gone.
async fn fence(
    connection: &mut Connection,
    object: &LakeObject,
    runs: &BTreeMap<String, Held>,
) -> Result<()> {
    if let Some((writer, run)) = written_by(object, runs)
        && !run.has_ended
        && writer.epoch == run.epoch
    {
        let sql = "UPDATE ingestion_runs SET epoch = epoch + 1 WHERE run_id = $1 AND epoch = $2";
        sqlx::query(sql).bind(writer.run_id).bind(words::signed(run.epoch)).execute(connection).await?;
        tracing::info!(
            run = writer.run_id,
            epoch = run.epoch,
            "a silent run is fenced, its files are collected"
        );
    }
    Ok(())
}

async fn unmark(connection: &mut Connection, object: &LakeObject) -> Result<()> {
    sqlx::query("DELETE FROM orphan_marks WHERE bucket = $1 AND key = $2")
        .bind(&object.bucket)
        .bind(&object.key)
        .execute(connection)
        .await?;
    Ok(())
}
