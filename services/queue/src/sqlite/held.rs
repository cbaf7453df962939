//! Who holds a piece of work.

use rfe_proto::ingest::JobKind;

use super::tx::Tx;
use crate::{Lease, QueueError};

/// Work that the caller holds.
#[derive(Debug, sqlx::FromRow)]
pub struct Held {
    /// Its number.
    pub seq: i64,
    /// Its source.
    pub source: String,
    /// What it is.
    pub kind: i32,
    /// Attempts burnt.
    pub attempts: i64,
    /// When its oldest job came.
    pub created: i64,
}

impl Held {
    /// True for a batch.
    pub fn is_batch(&self) -> bool {
        self.kind == JobKind::Events as i32
    }
}

/// The work of a lease.
///
/// # Errors
/// [`QueueError::Stale`] if the lease has passed on.
pub async fn held(tx: &mut Tx<'_>, lease: &Lease) -> Result<Held, QueueError> {
    sqlx::query_as(
        "SELECT seq, source, kind, attempts, created FROM work WHERE id = ? AND epoch = ? AND lease_until IS NOT NULL",
    )
    .bind(lease.id.clone())
    .bind(lease.epoch as i64)
    .fetch_optional(&mut *tx.db)
    .await?
    .ok_or_else(|| QueueError::Stale(lease.id.clone()))
}
