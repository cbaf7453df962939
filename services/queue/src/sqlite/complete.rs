//! Work is done.

use rfe_proto::ingest::JobState;

use super::{held::held, tx::Tx, writer::Transition};
use crate::{Lease, QueueError};

/// Takes work out of the queue, and with it the jobs of which nothing remains.
#[derive(Debug)]
pub struct Complete(pub Lease);

impl Transition for Complete {
    type Output = ();

    async fn apply(self, tx: &mut Tx<'_>) -> Result<(), QueueError> {
        let Self(lease) = self;
        let work = held(tx, &lease).await?;
        let left: Vec<(i64, i64)> = sqlx::query_as(
            "UPDATE jobs SET remaining = remaining - i.count, updated = $2, run_id = $3, attempts = $4,
                    ended = CASE WHEN remaining = i.count THEN $2 END, outcome = CASE WHEN remaining = i.count THEN $5 END
               FROM work_items i WHERE i.work = $1 AND i.job = jobs.seq
             RETURNING CASE WHEN ended IS NULL THEN -1 ELSE events END, bytes",
        )
        .bind(work.seq)
        .bind(tx.now)
        .bind(lease.id)
        .bind(work.attempts)
        .bind(JobState::Succeeded as i32)
        .fetch_all(&mut *tx.db)
        .await?;
        let (mut jobs, mut events, mut bytes) = (0, 0, 0);
        for (job_events, job_bytes) in left.into_iter().filter(|(events, _)| *events >= 0) {
            (jobs, events, bytes) = (jobs + 1, events + job_events, bytes + job_bytes);
        }
        sqlx::query(
            "DELETE FROM payloads WHERE job IN (
                SELECT i.job FROM work_items i JOIN jobs j ON j.seq = i.job WHERE i.work = $1 AND j.remaining = 0);
             DELETE FROM work_items WHERE work = $1;
             DELETE FROM work WHERE seq = $1;
             UPDATE sources SET jobs = jobs - $3, events = events - $4, bytes = bytes - $5 WHERE name = $2;",
        )
        .bind(work.seq)
        .bind(work.source)
        .bind(jobs)
        .bind(events)
        .bind(bytes)
        .execute(&mut *tx.db)
        .await?;
        tx.totals.jobs -= jobs;
        tx.totals.bytes -= bytes;
        tx.wake = true;
        Ok(())
    }
}
