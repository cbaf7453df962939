//! What a transition works on.

use sqlx::SqliteConnection;

use super::{dedupe::Dedupe, writer::WeakWriter};
use crate::QueueError;

/// The open transaction that a group of calls shares.
#[derive(Debug)]
pub struct Tx<'a> {
    /// The connection.
    pub db: &'a mut SqliteConnection,
    /// Ids of accepted events.
    pub dedupe: &'a mut Dedupe,
    /// The bounds.
    pub limits: Limits,
    /// What counts against them, as this transaction has it.
    pub totals: Totals,
    /// The instant of the transaction, in µs.
    pub now: i64,
    /// Set if those who wait for work should look again.
    pub wake: bool,
    /// The least `batch_max_rows` that anybody asked with: fewer loose events wake nobody.
    pub eager: &'a mut i64,
    /// The writer itself, for leases that find nobody who waits for them.
    pub writer: &'a WeakWriter,
}

/// The bounds.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Of the whole queue.
    pub all: Bound,
    /// Of each source.
    pub source: Bound,
}

/// How much may be in the queue.
#[derive(Debug, Clone, Copy)]
pub struct Bound {
    /// Jobs.
    pub jobs: u64,
    /// Bytes of payload.
    pub bytes: u64,
}

/// Jobs and bytes that have not left.
#[derive(Debug, Clone, Copy)]
pub struct Totals {
    /// Jobs.
    pub jobs: i64,
    /// Bytes of payload.
    pub bytes: i64,
}

impl Totals {
    /// Counts them.
    pub async fn load(db: &mut SqliteConnection) -> Result<Self, sqlx::Error> {
        let (jobs, bytes) =
            sqlx::query_as("SELECT coalesce(sum(jobs), 0), coalesce(sum(bytes), 0) FROM sources")
                .fetch_one(db)
                .await?;
        Ok(Self { jobs, bytes })
    }
}

impl Tx<'_> {
    /// Counts what comes in.
    ///
    /// # Errors
    /// If a bound would be passed.
    pub async fn admit(&mut self, source: &str, jobs: i64, bytes: i64) -> Result<(), QueueError> {
        let all = Totals { jobs: self.totals.jobs + jobs, bytes: self.totals.bytes + bytes };
        self.limits.all.check(all, None)?;
        if self.limits.source.is_set() {
            let of: Option<(i64, i64)> = sqlx::query_as("SELECT jobs, bytes FROM sources WHERE name = ?")
                .bind(source.to_owned())
                .fetch_optional(&mut *self.db)
                .await?;
            let (known_jobs, known_bytes) = of.unwrap_or_default();
            let own = Totals { jobs: known_jobs + jobs, bytes: known_bytes + bytes };
            self.limits.source.check(own, Some(source))?;
        }
        self.totals = all;
        Ok(())
    }
}

impl Bound {
    fn is_set(&self) -> bool {
        self.jobs < u64::MAX || self.bytes < u64::MAX
    }

    fn check(&self, totals: Totals, source: Option<&str>) -> Result<(), QueueError> {
        let over = |counted: i64, limit: u64| u64::try_from(counted).is_ok_and(|counted| counted > limit);
        let full =
            |what, limit| Err(QueueError::Full { what, limit, source_name: source.map(str::to_owned) });
        if over(totals.jobs, self.jobs) {
            return full("jobs", self.jobs);
        }
        if over(totals.bytes, self.bytes) {
            return full("bytes", self.bytes);
        }
        Ok(())
    }
}
