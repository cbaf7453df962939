//! Counts are made anew from what they count.

use rfe_proto::ingest::JobKind;

use super::{tx::Tx, writer::Transition};
use crate::{QueueError, Repaired};

/// Counts what each source has. One file is its own index, so that nothing else can disagree.
#[derive(Debug)]
pub struct Repair;

impl Transition for Repair {
    type Output = Repaired;

    async fn apply(self, tx: &mut Tx<'_>) -> Result<Repaired, QueueError> {
        let (checked,): (i64,) =
            sqlx::query_as("SELECT count(*) FROM jobs WHERE ended IS NULL").fetch_one(&mut *tx.db).await?;
        let mended = sqlx::query(
            "WITH counted AS (
                SELECT s.name, count(j.seq) AS jobs, coalesce(sum(j.events), 0) AS events, coalesce(sum(j.bytes), 0) AS bytes,
                       coalesce(sum(j.loose), 0) AS loose_jobs, coalesce(sum(j.loose * j.events), 0) AS loose_events,
                       coalesce(sum(j.loose * j.bytes), 0) AS loose_bytes
                  FROM sources s LEFT JOIN jobs j ON j.source = s.name AND j.ended IS NULL GROUP BY s.name)
             UPDATE sources SET jobs = c.jobs, events = c.events, bytes = c.bytes, loose_jobs = c.loose_jobs,
                    loose_events = c.loose_events, loose_bytes = c.loose_bytes
               FROM counted c
              WHERE c.name = sources.name AND (sources.jobs, sources.events, sources.bytes, sources.loose_jobs,
                    sources.loose_events, sources.loose_bytes)
                    IS NOT (c.jobs, c.events, c.bytes, c.loose_jobs, c.loose_events, c.loose_bytes)",
        )
        .execute(&mut *tx.db)
        .await?
        .rows_affected();
        // A job of events is in a batch or loose; one that is neither could never be leased.
        let stray = sqlx::query(
            "UPDATE jobs SET loose = 1 WHERE ended IS NULL AND loose = 0 AND kind = $1
                AND NOT EXISTS (SELECT 1 FROM work_items i WHERE i.job = jobs.seq)",
        )
        .bind(JobKind::Events as i32)
        .execute(&mut *tx.db)
        .await?
        .rows_affected();
        tx.wake |= stray > 0;
        Ok(Repaired { checked: checked.unsigned_abs(), mended: mended + stray })
    }
}
