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

/// The bounds of the whole queue.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
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
    pub fn admit(&mut self, jobs: i64, bytes: i64) -> Result<(), QueueError> {
        let Limits { jobs: max_jobs, bytes: max_bytes } = self.limits;
        let (all_jobs, all_bytes) = (self.totals.jobs + jobs, self.totals.bytes + bytes);
        if u64::try_from(all_jobs).is_ok_and(|all| all > max_jobs) {
            return Err(QueueError::Full { what: "jobs", limit: max_jobs });
        }
        if u64::try_from(all_bytes).is_ok_and(|all| all > max_bytes) {
            return Err(QueueError::Full { what: "bytes", limit: max_bytes });
        }
        self.totals = Totals { jobs: all_jobs, bytes: all_bytes };
        Ok(())
    }
}
