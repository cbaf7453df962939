//! Work goes back, to be leased again.

use std::time::Duration;

use super::{held::held, tx::Tx, writer::Transition};
use crate::{Lease, QueueError};

/// Ends a lease without ending its work.
#[derive(Debug)]
pub struct GiveBack {
    lease: Lease,
    delay: Duration,
    failure: Option<String>,
}

impl GiveBack {
    /// Failed: an attempt is burnt.
    pub fn failed(lease: Lease, delay: Duration, error: &str) -> Self {
        Self { lease, delay, failure: Some(error.to_owned()) }
    }

    /// Not the work's fault.
    pub fn released(lease: Lease, delay: Duration) -> Self {
        Self { lease, delay, failure: None }
    }
}

impl Transition for GiveBack {
    type Output = ();

    async fn apply(self, tx: &mut Tx<'_>) -> Result<(), QueueError> {
        let work = held(tx, &self.lease).await?;
        let not_before = tx.now.saturating_add(i64::try_from(self.delay.as_micros()).unwrap_or(i64::MAX));
        sqlx::query(
            "UPDATE work SET lease_until = NULL, worker = '', not_before = $2, updated = $3,
                    attempts = attempts + ($4 IS NOT NULL), error = coalesce($4, error)
              WHERE seq = $1",
        )
        .bind(work.seq)
        .bind(not_before)
        .bind(tx.now)
        .bind(self.failure)
        .execute(&mut *tx.db)
        .await?;
        tx.wake = true;
        Ok(())
    }
}
