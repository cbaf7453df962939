//! Work is leased.

use std::time::Duration;

use rfe_proto::ingest::JobKind;

use super::{
    batch::{self, MAX_BATCH_BYTES},
    expire,
    give_back::GiveBack,
    tx::Tx,
    writer::{Transition, WeakWriter},
};
use crate::{Lease, LeaseRequest, QueueError};

/// How long work rests whose worker went away between asking and receiving.
const ABANDONED: Duration = Duration::from_millis(100);

/// Leases the work whose turn it is.
#[derive(Debug)]
pub struct Take(pub LeaseRequest);

/// What there was.
#[derive(Debug)]
pub enum Offer {
    /// Work.
    Work(Box<Taken>),
    /// Nothing; look again at this instant, in µs.
    Nothing {
        /// When the clock alone makes something ready.
        due: Option<i64>,
    },
}

/// Leased work, its events not yet read.
#[derive(Debug)]
pub struct Taken {
    /// The number of the work.
    pub seq: i64,
    /// The lease.
    pub lease: Lease,
    /// The source.
    pub source: String,
    /// What it is.
    pub kind: JobKind,
    /// Attempts burnt.
    pub attempts: u32,
    /// Leases that expired.
    pub expired: u32,
    /// The trace of its first job.
    pub trace: String,
    /// Must be told that the lease arrived.
    pub delivery: Delivery,
}

/// Gives a lease back if whoever asked for it went away before it got it; otherwise nobody would work on it until it expires.
#[derive(Debug)]
pub struct Delivery(Option<(Lease, WeakWriter)>);

impl Delivery {
    /// The lease arrived.
    pub fn arrived(mut self) {
        self.0 = None;
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        if let Some((lease, writer)) = self.0.take() {
            writer.post(GiveBack::released(lease, ABANDONED));
        }
    }
}

impl Transition for Take {
    type Output = Offer;

    async fn apply(self, tx: &mut Tx<'_>) -> Result<Offer, QueueError> {
        let Self(request) = self;
        let max_rows = i64::from(request.batch_max_rows.max(1));
        let age = i64::try_from(request.batch_max_age.as_micros()).unwrap_or(i64::MAX);
        let kinds = mask(&request.kinds);
        *tx.eager = max_rows.min(*tx.eager);
        expire::expire(tx, tx.now).await?;
        let Some((source, ready)) = choose(tx, max_rows, age, kinds).await? else {
            return Ok(Offer::Nothing { due: next_due(tx, age, kinds).await? });
        };
        let seq = match ready {
            Some(seq) => seq,
            None => batch::form(tx, &source, max_rows).await?,
        };
        lease(tx, seq, request).await.map(|taken| Offer::Work(Box::new(taken)))
    }
}

// One bit a kind, so that any set of them is one parameter.
fn mask(kinds: &[JobKind]) -> i64 {
    if kinds.is_empty() { -1 } else { kinds.iter().fold(0, |mask, kind| mask | 1 << *kind as i64) }
}

// The source that has something ready and was leased from longest ago, and its first ready work; without any, its loose events
// are ready.
async fn choose(
    tx: &mut Tx<'_>,
    max_rows: i64,
    age: i64,
    kinds: i64,
) -> Result<Option<(String, Option<i64>)>, QueueError> {
    let chosen = sqlx::query_as(
        "WITH candidate AS MATERIALIZED (
            SELECT s.name, s.last_leased, s.loose_events, s.loose_bytes,
                   (SELECT w.seq FROM work w
                     WHERE w.source = s.name AND w.lease_until IS NULL AND w.not_before <= $1
                       AND $5 >> w.kind & 1
                       AND (w.reads_source = 0 OR NOT EXISTS (
                            SELECT 1 FROM work h WHERE h.lease_until IS NOT NULL AND h.source = s.name AND h.reads_source = 1))
                     ORDER BY w.not_before, w.seq LIMIT 1) AS ready,
                   (SELECT j.created FROM jobs j WHERE j.source = s.name AND j.loose = 1 ORDER BY j.seq LIMIT 1) AS oldest
              FROM sources s WHERE s.paused = 0 AND s.jobs > 0)
         SELECT name, ready FROM candidate
          WHERE ready IS NOT NULL OR ($5 >> $6 & 1 AND (loose_events >= $2 OR loose_bytes >= $3 OR oldest <= $4))
          ORDER BY last_leased, name LIMIT 1",
    )
    .bind(tx.now)
    .bind(max_rows)
    .bind(MAX_BATCH_BYTES)
    .bind(tx.now.saturating_sub(age))
    .bind(kinds)
    .bind(JobKind::Events as i32)
    .fetch_optional(&mut *tx.db)
    .await?;
    Ok(chosen)
}

async fn next_due(tx: &mut Tx<'_>, age: i64, kinds: i64) -> Result<Option<i64>, QueueError> {
    let (expiry, work, oldest): (Option<i64>, Option<i64>, Option<i64>) = sqlx::query_as(
        "SELECT (SELECT min(lease_until) FROM work WHERE lease_until IS NOT NULL),
                min((SELECT min(w.not_before) FROM work w
                      WHERE w.source = s.name AND w.lease_until IS NULL AND w.not_before > $1
                        AND $2 >> w.kind & 1)),
                min((SELECT j.created FROM jobs j WHERE $2 >> $3 & 1 AND j.source = s.name AND j.loose = 1
                      ORDER BY j.seq LIMIT 1))
           FROM sources s WHERE s.paused = 0 AND s.jobs > 0",
    )
    .bind(tx.now)
    .bind(kinds)
    .bind(JobKind::Events as i32)
    .fetch_one(&mut *tx.db)
    .await?;
    Ok([expiry, work, oldest.map(|at| at.saturating_add(age))].into_iter().flatten().min())
}

async fn lease(tx: &mut Tx<'_>, seq: i64, request: LeaseRequest) -> Result<Taken, QueueError> {
    let (epoch,): (i64,) =
        sqlx::query_as("UPDATE turn SET epoch = epoch + 1 RETURNING epoch").fetch_one(&mut *tx.db).await?;
    let (id, source, kind, attempts, expired): (String, String, i32, u32, u32) = sqlx::query_as(
        "UPDATE work SET epoch = $2, lease_until = $3, worker = $4, updated = $5 WHERE seq = $1
         RETURNING id, source, kind, attempts, expired",
    )
    .bind(seq)
    .bind(epoch)
    .bind(tx.now.saturating_add(i64::try_from(request.lease.as_micros()).unwrap_or(i64::MAX)))
    .bind(request.worker)
    .bind(tx.now)
    .fetch_one(&mut *tx.db)
    .await?;
    sqlx::query("UPDATE sources SET last_leased = ? WHERE name = ?")
        .bind(epoch)
        .bind(source.clone())
        .execute(&mut *tx.db)
        .await?;
    let (trace,): (String,) = sqlx::query_as(
        "SELECT j.trace FROM work_items i JOIN jobs j ON j.seq = i.job WHERE i.work = ? ORDER BY i.job LIMIT 1",
    )
    .bind(seq)
    .fetch_one(&mut *tx.db)
    .await?;
    let kind = JobKind::try_from(kind)
        .map_err(|_| QueueError::Corrupt(format!("`{id}` is of the unknown kind {kind}")))?;
    let lease = Lease { id, epoch: epoch as u64, period: request.lease };
    let delivery = Delivery(Some((lease.clone(), tx.writer.clone())));
    Ok(Taken { seq, lease, source, kind, attempts, expired, trace, delivery })
}
