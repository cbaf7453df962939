//! Loose jobs of events become a batch.

use rfe_proto::ingest::JobKind;

use super::tx::Tx;
use crate::QueueError;

/// A batch holds no more bytes, unless one job alone has more; so many loose bytes make it ready.
pub const MAX_BATCH_BYTES: i64 = 16 << 20;

/// Takes the oldest loose jobs of a source, at least one, and returns the number of the new batch.
pub async fn form(tx: &mut Tx<'_>, source: &str, max_rows: i64) -> Result<i64, QueueError> {
    let loose: Vec<(i64, i64, i64, i64)> = sqlx::query_as(
        "SELECT seq, events, bytes, created FROM jobs WHERE source = ? AND loose = 1 ORDER BY seq LIMIT ?",
    )
    .bind(source.to_owned())
    .bind(max_rows)
    .fetch_all(&mut *tx.db)
    .await?;
    let Some(&(_, _, _, created)) = loose.first() else {
        return Err(QueueError::Corrupt(format!("source `{source}` counts loose events but has none")));
    };
    let (mut last, mut jobs, mut events, mut bytes) = (0, 0, 0, 0);
    for (seq, job_events, job_bytes, _) in loose {
        if jobs > 0 && (events + job_events > max_rows || bytes + job_bytes > MAX_BATCH_BYTES) {
            break;
        }
        (last, jobs, events, bytes) = (seq, jobs + 1, events + job_events, bytes + job_bytes);
    }
    let done = sqlx::query(
        "INSERT INTO work (id, source, kind, not_before, created, updated) VALUES (?, ?, ?, ?, ?, ?)",
    )
    .bind(rfe_model::id::new())
    .bind(source.to_owned())
    .bind(JobKind::Events as i32)
    .bind(tx.now)
    .bind(created)
    .bind(tx.now)
    .execute(&mut *tx.db)
    .await?;
    let batch = done.last_insert_rowid();
    sqlx::query(
        "INSERT INTO work_items (work, job, first, count)
            SELECT $1, seq, 0, events FROM jobs WHERE source = $2 AND loose = 1 AND seq <= $3;
         UPDATE jobs SET loose = 0 WHERE source = $2 AND loose = 1 AND seq <= $3;
         UPDATE sources SET loose_jobs = loose_jobs - $4, loose_events = loose_events - $5, loose_bytes = loose_bytes - $6
          WHERE name = $2;",
    )
    .bind(batch)
    .bind(source.to_owned())
    .bind(last)
    .bind(jobs)
    .bind(events)
    .bind(bytes)
    .execute(&mut *tx.db)
    .await?;
    Ok(batch)
}
