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

/// Enters ids of a run.
///
/// # Errors
/// [`RegistryError::DuplicateEvents`] with those that are there already; the caller undoes what was entered.
pub(super) async fn enter(connection: &mut Connection, run: &pb::Run, event_ids: &[String]) -> Result<()> {
    if event_ids.is_empty() {
        return Ok(());
    }
    check_once(event_ids)?;
    // The table is sorted by id, and so is what goes in: neighbours share a page.
    let mut sorted: Vec<Cow<'_, str>> = event_ids.iter().map(|id| stored(id)).collect();
    sorted.sort_unstable();
    let ids = words::json_text(&sorted);
    let sql = format!(
        "INSERT INTO ledger (source_name, event_id, run_id, landed_at) SELECT $1, ids.value, $3, $4 FROM {IDS} WHERE true
        ON CONFLICT DO NOTHING"
    );
    let entered = sqlx::query(AssertSqlSafe(sql))
        .bind(stored(&run.source))
        .bind(&ids)
        .bind(stored(&run.run_id))
        .bind(words::now())
        .execute(&mut *connection)
        .await?
        .rows_affected();
    if entered == event_ids.len() as u64 {
        return Ok(());
    }
    Err(RegistryError::DuplicateEvents(entered_by_others(connection, run, &ids).await?))
}

fn check_once(event_ids: &[String]) -> Result<()> {
    let mut seen = HashSet::with_capacity(event_ids.len());
    match event_ids.iter().find(|id| !seen.insert(id.as_str())) {
        None => Ok(()),
        Some(id) => Err(RegistryError::Unbalanced(format!("event `{id}` lands twice in one commit"))),
    }
}

async fn entered_by_others(connection: &mut Connection, run: &pb::Run, ids: &str) -> Result<Vec<String>> {
    // Each id is asked for by itself: no plan can make it a join that reads the whole ledger of the source.
    let sql = format!(
        "SELECT ids.value FROM {IDS} WHERE (SELECT ledger.run_id FROM ledger
            WHERE ledger.source_name = $1 AND ledger.event_id = ids.value) <> $3"
    );
    let query = sqlx::query_scalar(AssertSqlSafe(sql)).bind(stored(&run.source)).bind(ids);
    let known: Vec<String> = query.bind(stored(&run.run_id)).fetch_all(connection).await?;
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
