//! A source is paused and resumed.

use super::{tx::Tx, writer::Transition};
use crate::QueueError;

/// Stops leasing a source's work, or goes on with it.
#[derive(Debug)]
pub struct Pause {
    /// The source.
    pub source: String,
    /// True to stop.
    pub paused: bool,
}

impl Transition for Pause {
    type Output = ();

    async fn apply(self, tx: &mut Tx<'_>) -> Result<(), QueueError> {
        sqlx::query(
            "INSERT INTO sources (name, paused) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET paused = $2",
        )
        .bind(self.source)
        .bind(self.paused)
        .execute(&mut *tx.db)
        .await?;
        tx.wake |= !self.paused;
        Ok(())
    }
}
