//! Leases expire.

use super::{tx::Tx, writer::Transition};
use crate::QueueError;

/// Expires every lease, whatever its term.
#[derive(Debug)]
pub struct ExpireAll;

impl Transition for ExpireAll {
    type Output = u64;

    async fn apply(self, tx: &mut Tx<'_>) -> Result<u64, QueueError> {
        expire(tx, i64::MAX).await
    }
}

/// Expires the leases that end by `until`; their work may be leased again at once.
pub async fn expire(tx: &mut Tx<'_>, until: i64) -> Result<u64, QueueError> {
    let done = sqlx::query(
        "UPDATE work SET lease_until = NULL, expired = expired + 1, not_before = $2, updated = $2 WHERE lease_until <= $1",
    )
    .bind(until)
    .bind(tx.now)
    .execute(&mut *tx.db)
    .await?;
    tx.wake |= done.rows_affected() > 0;
    Ok(done.rows_affected())
}
