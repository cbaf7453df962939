//! A job that is not one of events comes in.

use rfe_proto::ingest::JobKind;

use super::{tx::Tx, writer::Transition};
use crate::{NewJob, QueueError};

/// Queues a job, unless it is there. One that left is queued again: only what the registry calls open is ever brought, and the
/// claim of a run decides what is still to do.
#[derive(Debug)]
pub struct Enqueue(pub NewJob);

impl Transition for Enqueue {
    type Output = ();

    async fn apply(self, tx: &mut Tx<'_>) -> Result<(), QueueError> {
        let Self(job) = self;
        let seq: Option<(i64,)> = sqlx::query_as(
            "INSERT INTO jobs (id, source, kind, events, bytes, remaining, loose, run_id, created, updated, trace)
             VALUES ($1, $2, $3, 0, 0, 1, 0, $1, $4, $4, $6)
             ON CONFLICT (id) DO UPDATE
                SET ended = NULL, outcome = NULL, remaining = 1, attempts = 0, error = '', updated = $4, trace = $6
              WHERE jobs.ended IS NOT NULL AND jobs.kind <> $5
             RETURNING seq",
        )
        .bind(job.id.clone())
        .bind(job.source.clone())
        .bind(job.kind as i32)
        .bind(tx.now)
        .bind(JobKind::Events as i32)
        .bind(job.trace)
        .fetch_optional(&mut *tx.db)
        .await?;
        let Some((seq,)) = seq else { return Ok(()) };
        tx.admit(&job.source, 1, 0).await?;
        sqlx::query(
            "INSERT INTO sources (name, jobs) VALUES ($2, 1) ON CONFLICT (name) DO UPDATE SET jobs = jobs + 1;
             INSERT INTO work (id, source, kind, not_before, created, updated, reads_source)
             VALUES ($1, $2, $3, $4, $4, $4, $6);
             INSERT INTO work_items (work, job, first, count) VALUES (last_insert_rowid(), $5, 0, 1);",
        )
        .bind(job.id)
        .bind(job.source)
        .bind(job.kind as i32)
        .bind(tx.now)
        .bind(seq)
        .bind(job.reads_source)
        .execute(&mut *tx.db)
        .await?;
        tx.wake = true;
        Ok(())
    }
}
