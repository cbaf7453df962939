//! The stores on one SQLite file: one writer, a few readers, WAL, every commit on disk before it is answered.

mod driver;
#[path = "sql/stores.rs"]
#[allow(clippy::duplicate_mod, reason = "the SQL is written once and compiled for each database")]
mod stores;

use std::{path::Path, time::Duration};

use sqlx::{
    Sqlite, SqlitePool, Transaction,
    migrate::Migrator,
    pool::PoolConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use self::stores::Group;
use crate::{RegistryError, Result};

static MIGRATIONS: Migrator = sqlx::migrate!("migrations/sqlite");

const READERS: u32 = 4;
const WAIT: Duration = Duration::from_secs(30);

/// The registry in one SQLite file. Clones share its connections.
#[derive(Debug, Clone)]
pub struct SqliteRegistry {
    writer: SqlitePool,
    readers: SqlitePool,
    group: Group,
}

impl SqliteRegistry {
    /// Opens the file, makes it if it is not there, and brings it up to this version.
    ///
    /// # Errors
    /// If the file can't be opened, or a later version wrote it.
    pub async fn open(path: &Path) -> Result<Self> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(WAIT)
            .pragma("cache_size", "-32768");
        let writer = pool(1).connect_with(options.clone()).await?;
        MIGRATIONS.run(&writer).await.map_err(|error| RegistryError::Store(Box::new(error)))?;
        let readers =
            pool(READERS).connect_with(options.create_if_missing(false).pragma("query_only", "on")).await?;
        Ok(Self { writer, readers, group: Group::default() })
    }

    /// Closes its connections; what runs ends first.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }

    /// A transaction that no other writer can come between. Dropped, it leaves nothing behind.
    async fn write(&self) -> Result<Transaction<'static, Sqlite>> {
        Ok(self.writer.begin_with("BEGIN IMMEDIATE").await?)
    }

    /// A transaction that declares sources.
    async fn declare(&self) -> Result<Transaction<'static, Sqlite>> {
        self.write().await
    }

    /// A connection for one statement that reads.
    async fn reader(&self) -> Result<PoolConnection<Sqlite>> {
        Ok(self.readers.acquire().await?)
    }

    /// A transaction that sees one state.
    async fn read(&self) -> Result<Transaction<'static, Sqlite>> {
        Ok(self.readers.begin().await?)
    }
}

fn pool(connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(WAIT)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
}
