//! Ids of events that landed.

use std::{borrow::Cow, collections::HashSet};

use rfe_proto::metadata as pb;
use sqlx::AssertSqlSafe;

use super::{
    again::again,
    driver::{Connection, IDS, Instant, Registry},
    text::{plain, stored},
    words,
};
use crate::{RegistryError, Result};

const PURGE: i64 = 10_000;

/// Enters ids of a run, all or none.
///
/// # Errors
/// [`RegistryError::DuplicateEvents`] with those that are there already.
pub(super) async fn enter(connection: &mut Connection, run: &pb::Run, event_ids: &[String]) -> Result<()> {
    if event_ids.is_empty() {
        return Ok(());
    }
    check_once(event_ids)?;
    // The table is sorted by id, and so is what goes in: neighbours share a page.
    let mut sorted: Vec<Cow<'_, str>> = event_ids.iter().map(|id| stored(id)).collect();
    sorted.sort_unstable();
    let ids = words::json_text(&sorted);
    let known = known(connection, &run.source, &ids).await?;
    if !known.is_empty() {
        return Err(RegistryError::DuplicateEvents(known));
    }
    let sql = format!(
        "INSERT INTO ledger (source_name, event_id, run_id, landed_at) SELECT $1, ids.value, $3, $4 FROM {IDS}"
    );
    sqlx::query(AssertSqlSafe(sql))
        .bind(stored(&run.source))
        .bind(ids)
        .bind(stored(&run.run_id))
        .bind(words::now())
        .execute(connection)
        .await?;
    Ok(())
}

fn check_once(event_ids: &[String]) -> Result<()> {
    let mut seen = HashSet::with_capacity(event_ids.len());
    match event_ids.iter().find(|id| !seen.insert(id.as_str())) {
        None => Ok(()),
        Some(id) => Err(RegistryError::Unbalanced(format!("event `{id}` lands twice in one commit"))),
    }
}

async fn known(connection: &mut Connection, source: &str, ids: &str) -> Result<Vec<String>> {
    // Not EXISTS: what is asked for each id by itself is never a join that reads the whole ledger of the source.
    let sql = format!(
        "SELECT ids.value FROM {IDS} WHERE (SELECT ledger.run_id FROM ledger
            WHERE ledger.source_name = $1 AND ledger.event_id = ids.value) IS NOT NULL"
    );
    let known: Vec<String> =
        sqlx::query_scalar(AssertSqlSafe(sql)).bind(stored(source)).bind(ids).fetch_all(connection).await?;
    Ok(known.into_iter().map(plain).collect())
}

/// Forgets ids that landed before an instant, some at a time, so that commits come between.
pub(super) async fn purge(registry: &Registry, before_micros: i64) -> Result<u64> {
    let sql = "DELETE FROM ledger WHERE (source_name, event_id) IN
        (SELECT source_name, event_id FROM ledger WHERE landed_at < $1 ORDER BY landed_at LIMIT $2)";
    let mut forgotten = 0;
    loop {
        let some = again(|| async {
            let mut transaction = registry.write().await?;
            let query = sqlx::query(sql).bind(Instant(before_micros)).bind(PURGE);
            let some = query.execute(&mut *transaction).await?.rows_affected();
            transaction.commit().await?;
            Ok(some)
        })
        .await?;
        forgotten += some;
        if some < PURGE.unsigned_abs() {
            return Ok(forgotten);
        }
    }
}
