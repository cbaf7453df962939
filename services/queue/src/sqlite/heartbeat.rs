//! A lease is made to last.

use rfe_proto::ingest::JobState;

use super::{tx::Tx, writer::Transition};
use crate::{Lease, QueueError, Renewed};

/// Makes a lease last for another period.
#[derive(Debug)]
pub struct Heartbeat(pub Lease);

impl Transition for Heartbeat {
    type Output = Renewed;

    async fn apply(self, tx: &mut Tx<'_>) -> Result<Renewed, QueueError> {
        let Self(lease) = self;
        let until = tx.now.saturating_add(i64::try_from(lease.period.as_micros()).unwrap_or(i64::MAX));
        let done = sqlx::query(
            "UPDATE work SET lease_until = $3 WHERE id = $1 AND epoch = $2 AND lease_until IS NOT NULL",
        )
        .bind(lease.id.clone())
        .bind(lease.epoch as i64)
        .bind(until)
        .execute(&mut *tx.db)
        .await?;
        if done.rows_affected() > 0 {
            return Ok(Renewed::Held);
        }
        let cancelled: Option<(i64,)> = sqlx::query_as("SELECT seq FROM jobs WHERE id = ? AND outcome = ?")
            .bind(lease.id.clone())
            .bind(JobState::Cancelled as i32)
            .fetch_optional(&mut *tx.db)
            .await?;
        cancelled.map(|_| Renewed::Cancelled).ok_or(QueueError::Stale(lease.id))
    }
}
