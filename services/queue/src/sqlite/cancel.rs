//! A job is cancelled.

use rfe_proto::ingest::{JobKind, JobState};

use super::{tx::Tx, writer::Transition};
use crate::QueueError;

/// Takes a job that is not one of events out of the queue; one that is not there is fine.
#[derive(Debug)]
pub struct Cancel(pub String);

impl Transition for Cancel {
    type Output = ();

    async fn apply(self, tx: &mut Tx<'_>) -> Result<(), QueueError> {
        let Self(id) = self;
        let job: Option<(i64, String, i32)> =
            sqlx::query_as("SELECT seq, source, kind FROM jobs WHERE id = ? AND ended IS NULL")
                .bind(id.clone())
                .fetch_optional(&mut *tx.db)
                .await?;
        let Some((seq, source, kind)) = job else { return Ok(()) };
        if kind == JobKind::Events as i32 {
            return Err(QueueError::NotCancellable(id));
        }
        sqlx::query(
            "UPDATE jobs SET ended = $2, updated = $2, outcome = $3, remaining = 0 WHERE seq = $1;
             DELETE FROM work WHERE id = $4;
             DELETE FROM work_items WHERE job = $1;
             UPDATE sources SET jobs = jobs - 1 WHERE name = $5;",
        )
        .bind(seq)
        .bind(tx.now)
        .bind(JobState::Cancelled as i32)
        .bind(id)
        .bind(source)
        .execute(&mut *tx.db)
        .await?;
        tx.totals.jobs -= 1;
        tx.wake = true;
        Ok(())
    }
}
