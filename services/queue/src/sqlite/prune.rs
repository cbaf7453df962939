//! What left is forgotten after a while.

use std::time::Duration;

use super::tx::Tx;
use crate::QueueError;

const KEEP_FOR: Duration = Duration::from_secs(86_400);
const KEEP_JOBS: i64 = 100_000;
// A transaction that others wait for must stay short; what is left over is pruned next time.
const AT_ONCE: i64 = 20_000;

/// Deletes jobs that left a day ago or before the newest 100,000 did, and old ids.
pub async fn prune(tx: &mut Tx<'_>) -> Result<(), QueueError> {
    let day_ago = tx.now.saturating_sub(KEEP_FOR.as_micros() as i64);
    sqlx::query(
        "DELETE FROM jobs WHERE seq IN (
            SELECT seq FROM jobs WHERE ended IS NOT NULL AND ended <= max($1, coalesce(
                (SELECT ended FROM jobs WHERE ended IS NOT NULL ORDER BY ended DESC LIMIT 1 OFFSET $2), 0))
            ORDER BY ended LIMIT $3);
         DELETE FROM bisected WHERE at <= $1;",
    )
    .bind(day_ago)
    .bind(KEEP_JOBS)
    .bind(AT_ONCE)
    .execute(&mut *tx.db)
    .await?;
    tx.forget().await?;
    Ok(())
}
