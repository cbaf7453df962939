//! Connections: how they are made, tested and given up, so that nothing waits for ever and all is well again after an outage.

use std::{str::FromStr, time::Duration};

use futures::FutureExt as _;
use sqlx::{
    Connection as _, PgConnection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use crate::{RegistryError, Result};

const CONNECTIONS: u32 = 16;
/// How long a call waits for a connection.
pub(super) const ACQUIRE: Duration = Duration::from_secs(5);
/// A connection that was idle for so long is tested before it is used.
const IDLE: Duration = Duration::from_millis(500);
const TEST: Duration = Duration::from_secs(2);
/// How long what a dropped call left behind may go on.
const RELEASE: Duration = Duration::from_secs(10);

/// Settings of every connection. Those that an older Postgres does not know are left out; `synchronous_commit` is raised, never
/// lowered: what is answered is on disk.
const SETTINGS: &str = "
    SELECT set_config(wanted.name, wanted.value, false)
    FROM (VALUES
        ('statement_timeout', '30s'),
        ('lock_timeout', '10s'),
        ('idle_in_transaction_session_timeout', '30s'),
        ('client_connection_check_interval', '5s'),
        ('tcp_keepalives_idle', '30'),
        ('tcp_keepalives_interval', '10'),
        ('tcp_keepalives_count', '3'),
        ('tcp_user_timeout', '30000'),
        ('synchronous_commit', 'on')
    ) AS wanted (name, value)
    JOIN pg_settings AS known ON known.name = wanted.name
    WHERE wanted.name <> 'synchronous_commit' OR known.setting = 'off'";

/// The options of a URL.
///
/// # Errors
/// [`RegistryError::Unprepared`] if it is none.
pub(super) fn options(url: &str) -> Result<PgConnectOptions> {
    let wrong = |error: sqlx::Error| {
        RegistryError::Unprepared(format!(
            "the URL of the registry's database is not of the form postgres://USER:PASSWORD@HOST:PORT/DATABASE: {error}"
        ))
    };
    let options = PgConnectOptions::from_str(url).map_err(wrong)?;
    let is_named = options.get_application_name().is_some();
    Ok(if is_named { options } else { options.application_name("rfe") })
}

/// Connects; fails if no connection can be made.
pub(super) async fn connect(url: &str) -> Result<PgPool> {
    let pool = PgPoolOptions::new()
        .max_connections(CONNECTIONS)
        .acquire_timeout(ACQUIRE)
        .idle_timeout(Duration::from_secs(600))
        .max_lifetime(Duration::from_secs(1800))
        .test_before_acquire(false)
        .after_connect(|connection, _| {
            async move { sqlx::query(SETTINGS).execute(connection).await.map(|_| ()) }.boxed()
        })
        .before_acquire(|connection, meta| {
            let is_fresh = meta.idle_for < IDLE;
            async move { if is_fresh { Ok(true) } else { ping(connection, TEST).await.map(|()| true) } }
                .boxed()
        })
        .after_release(|connection, _| async move { ping(connection, RELEASE).await.map(|()| true) }.boxed());
    reach(pool, options(url)?).await
}

/// Makes the first connection.
pub(super) async fn reach(pool: PgPoolOptions, options: PgConnectOptions) -> Result<PgPool> {
    match pool.connect_with(options.clone()).await {
        Ok(pool) => Ok(pool),
        // It tried until its time was up, and does not say what was wrong.
        Err(sqlx::Error::PoolTimedOut) => {
            let once = tokio::time::timeout(ACQUIRE, PgConnection::connect_with(&options)).await;
            Err(once.ok().and_then(std::result::Result::err).unwrap_or(sqlx::Error::PoolTimedOut).into())
        }
        Err(error) => Err(error.into()),
    }
}

async fn ping(connection: &mut PgConnection, within: Duration) -> std::result::Result<(), sqlx::Error> {
    let late = |_| sqlx::Error::Io(std::io::Error::from(std::io::ErrorKind::TimedOut));
    tokio::time::timeout(within, connection.ping()).await.map_err(late)?
}

/// Says so once if the server does not keep what it has confirmed.
pub(super) async fn warn_of_unsafe_settings(pool: &PgPool) -> Result<()> {
    let sql = "SELECT name FROM pg_settings WHERE name IN ('fsync', 'full_page_writes') AND setting = 'off'";
    let names: Vec<String> = sqlx::query_scalar(sql).fetch_all(pool).await?;
    for name in names {
        tracing::warn!(setting = %name, "Postgres runs with a setting off that keeps commits through a crash; set it to on");
    }
    Ok(())
}
