//! The stores on Postgres: any number of processes at the same time, each transition under row locks, every commit on disk
//! before it is answered.

mod driver;
mod migrate;
mod pool;
mod roles;
#[path = "sql/stores.rs"]
#[allow(clippy::duplicate_mod, reason = "the SQL is written once and compiled for each database")]
mod stores;

use sqlx::{PgPool, Postgres, Transaction, pool::PoolConnection};

use self::stores::Group;
use crate::Result;

/// Serializes what declares sources: changes of the set of them, which no row of theirs can guard.
const DECLARATIONS: i64 = 0x7266_655f_6465_636c;

/// The registry in a Postgres database. Clones share its connections.
#[derive(Debug, Clone)]
pub struct PostgresRegistry {
    pool: PgPool,
    group: Group,
}

impl PostgresRegistry {
    /// Connects to a database that [`PostgresRegistry::migrate`] has prepared.
    ///
    /// # Errors
    /// [`RegistryError::Store`](crate::RegistryError::Store) if it can't be reached within some seconds, and
    /// [`RegistryError::Unprepared`](crate::RegistryError::Unprepared) if the URL is none or the tables are those of another
    /// version; neither shows the password.
    pub async fn connect(url: &str) -> Result<Self> {
        let pool = pool::connect(url).await?;
        migrate::check(&pool).await?;
        pool::warn_of_unsafe_settings(&pool).await?;
        Ok(Self { pool, group: Group::default() })
    }

    /// Brings the tables up to this version, one process at a time, and sets up the roles `rfe_reader` and `rfe_writer` if the
    /// user may. Returns the names of the migrations that it ran.
    ///
    /// # Errors
    /// As [`PostgresRegistry::connect`], and if the user may not create tables.
    pub async fn migrate(url: &str) -> Result<Vec<String>> {
        migrate::run(url).await
    }

    /// Migrates if need be, and connects.
    ///
    /// # Errors
    /// Those of both.
    pub async fn open(url: &str) -> Result<Self> {
        if migrate::is_needed(url).await? {
            Self::migrate(url).await?;
        }
        Self::connect(url).await
    }

    /// Closes its connections; what runs ends first.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// A transaction that writes, each statement on the newest state. Dropped, it leaves nothing behind.
    async fn write(&self) -> Result<Transaction<'static, Postgres>> {
        Ok(self.pool.begin_with("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE").await?)
    }

    /// A transaction that declares sources; one at a time.
    async fn declare(&self) -> Result<Transaction<'static, Postgres>> {
        let mut transaction = self.write().await?;
        let lock = sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(DECLARATIONS);
        lock.execute(&mut *transaction).await?;
        Ok(transaction)
    }

    /// A connection for one statement that reads.
    async fn reader(&self) -> Result<PoolConnection<Postgres>> {
        Ok(self.pool.acquire().await?)
    }

    /// A transaction that sees one state.
    async fn read(&self) -> Result<Transaction<'static, Postgres>> {
        Ok(self.pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?)
    }
}
