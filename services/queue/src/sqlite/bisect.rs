//! A batch is split.

use super::{
    held::{Held, held},
    tx::Tx,
    writer::Transition,
};
use crate::{Lease, QueueError};

/// Splits a batch into two, inside a job where its middle lies there.
#[derive(Debug)]
pub struct Bisect(pub Lease);

/// Where a batch is split: so many events of this job belong to the first half.
struct Middle {
    job: i64,
    events: i64,
}

impl Transition for Bisect {
    type Output = ();

    async fn apply(self, tx: &mut Tx<'_>) -> Result<(), QueueError> {
        let Self(lease) = self;
        let batch = match held(tx, &lease).await {
            Err(QueueError::Stale(_)) if was_split(tx, &lease).await? => return Ok(()),
            other => other?,
        };
        let middle = middle(tx, &batch).await?.ok_or_else(|| QueueError::Indivisible(lease.id.clone()))?;
        let first = insert_half(tx, &batch, &lease, 0).await?;
        let second = insert_half(tx, &batch, &lease, 1).await?;
        sqlx::query(
            "UPDATE work_items SET work = $2 WHERE work = $1 AND job < $4;
             INSERT INTO work_items (work, job, first, count)
                SELECT $2, job, first, $5 FROM work_items WHERE work = $1 AND job = $4 AND $5 > 0;
             UPDATE work_items SET work = $3, first = first + $5, count = count - $5 WHERE work = $1 AND job = $4;
             UPDATE work_items SET work = $3 WHERE work = $1;
             UPDATE jobs SET split = 1 WHERE seq = $4 AND $5 > 0;
             DELETE FROM work WHERE seq = $1;
             INSERT INTO bisected (id, epoch, at) VALUES ($6, $7, $8);",
        )
        .bind(batch.seq)
        .bind(first)
        .bind(second)
        .bind(middle.job)
        .bind(middle.events)
        .bind(lease.id)
        .bind(lease.epoch as i64)
        .bind(tx.now)
        .execute(&mut *tx.db)
        .await?;
        tx.wake = true;
        Ok(())
    }
}

async fn middle(tx: &mut Tx<'_>, batch: &Held) -> Result<Option<Middle>, QueueError> {
    if !batch.is_batch() {
        return Ok(None);
    }
    let items: Vec<(i64, i64)> =
        sqlx::query_as("SELECT job, count FROM work_items WHERE work = ? ORDER BY job")
            .bind(batch.seq)
            .fetch_all(&mut *tx.db)
            .await?;
    let total: i64 = items.iter().map(|(_, count)| count).sum();
    let mut before = total / 2;
    if before == 0 {
        return Ok(None);
    }
    for (job, count) in items {
        if before < count {
            return Ok(Some(Middle { job, events: before }));
        }
        before -= count;
    }
    Ok(None)
}

async fn insert_half(tx: &mut Tx<'_>, batch: &Held, lease: &Lease, half: u8) -> Result<i64, QueueError> {
    let done = sqlx::query(
        "INSERT INTO work (id, source, kind, not_before, created, updated) VALUES (?, ?, ?, ?, ?, ?)",
    )
    .bind(rfe_model::id::half(&lease.id, half))
    .bind(batch.source.clone())
    .bind(batch.kind)
    .bind(tx.now)
    .bind(batch.created)
    .bind(tx.now)
    .execute(&mut *tx.db)
    .await?;
    Ok(done.last_insert_rowid())
}

async fn was_split(tx: &mut Tx<'_>, lease: &Lease) -> Result<bool, QueueError> {
    let row: Option<(i64,)> = sqlx::query_as("SELECT at FROM bisected WHERE id = ? AND epoch = ?")
        .bind(lease.id.clone())
        .bind(lease.epoch as i64)
        .fetch_optional(&mut *tx.db)
        .await?;
    Ok(row.is_some())
}
