//! The file: how it is opened, and its errors.
//!
//! Statements number their parameters `$1`, not `?1`: where several stand in one text, sqlx counts the numbers that one of them
//! leaves out as parameters of `?`, and runs out of values.

use std::{path::Path, time::Duration};

use sqlx::{
    ConnectOptions as _, SqliteConnection, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use crate::QueueError;

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("./migrations");

const READERS: u32 = 2;

/// Opens the one connection that writes, and brings the schema up to date.
pub async fn open_writer(path: &Path) -> Result<SqliteConnection, QueueError> {
    let mut db = options(path).connect().await?;
    MIGRATIONS.run_direct(None, &mut db, false).await.map_err(|error| QueueError::Store(Box::new(error)))?;
    Ok(db)
}

/// Opens the connections that read beside it.
pub async fn open_readers(path: &Path) -> Result<SqlitePool, QueueError> {
    let pool = SqlitePoolOptions::new()
        .max_connections(READERS)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .connect_with(options(path).pragma("query_only", "ON"))
        .await?;
    Ok(pool)
}

// FULL, because what is acknowledged must survive a power cut; group commit pays for the fsync.
fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(Duration::from_secs(5))
        .pragma("wal_autocheckpoint", "4000")
        .pragma("journal_size_limit", "67108864")
        .disable_statement_logging()
}

impl From<sqlx::Error> for QueueError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(Box::new(error))
    }
}
