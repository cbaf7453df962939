//! The tables: which version they are of, and how they come to this one.

use std::collections::HashSet;

use sqlx::{PgPool, migrate::Migrator, postgres::PgPoolOptions};

use super::{pool, roles};
use crate::{RegistryError, Result};

static MIGRATIONS: Migrator = sqlx::migrate!("migrations/postgres");

/// Runs what is missing, one process at a time.
pub(super) async fn run(url: &str) -> Result<Vec<String>> {
    let pool = plain(url).await?;
    let done = run_on(&pool).await;
    pool.close().await;
    done
}

async fn run_on(pool: &PgPool) -> Result<Vec<String>> {
    let before = applied(pool).await?.unwrap_or_default();
    check_known(&before)?;
    MIGRATIONS.run(pool).await.map_err(|error| RegistryError::Store(Box::new(error)))?;
    roles::set_up(pool).await?;
    let new = MIGRATIONS.iter().filter(|migration| !before.contains(&migration.version));
    Ok(new.map(|migration| format!("{:04} {}", migration.version, migration.description)).collect())
}

/// True if there is something to run.
pub(super) async fn is_needed(url: &str) -> Result<bool> {
    let pool = plain(url).await?;
    let applied = applied(&pool).await;
    pool.close().await;
    Ok(missing(&applied?.unwrap_or_default()).is_some())
}

/// Makes sure that the tables are those of this version.
pub(super) async fn check(pool: &PgPool) -> Result<()> {
    let applied = applied(pool).await?.unwrap_or_default();
    check_known(&applied)?;
    match missing(&applied) {
        None => Ok(()),
        Some(_) if applied.is_empty() => Err(RegistryError::Unprepared(
            "the registry's database has no tables yet; run `rfe migrate`".to_owned(),
        )),
        Some(name) => Err(RegistryError::Unprepared(format!(
            "the registry's database is of an older version: `{name}` is missing; run `rfe migrate`"
        ))),
    }
}

fn missing(applied: &HashSet<i64>) -> Option<String> {
    let missing = MIGRATIONS.iter().find(|migration| !applied.contains(&migration.version));
    missing.map(|migration| migration.description.to_string())
}

fn check_known(applied: &HashSet<i64>) -> Result<()> {
    match applied.iter().filter(|version| !MIGRATIONS.version_exists(**version)).max() {
        None => Ok(()),
        Some(version) => Err(RegistryError::Unprepared(format!(
            "the registry's database is of a newer version of rfe (migration {version}); run that one or a newer"
        ))),
    }
}

// `None`: nothing was ever run.
async fn applied(pool: &PgPool) -> Result<Option<HashSet<i64>>> {
    let is_there: bool =
        sqlx::query_scalar("SELECT to_regclass('_sqlx_migrations') IS NOT NULL").fetch_one(pool).await?;
    if !is_there {
        return Ok(None);
    }
    let sql = "SELECT version FROM _sqlx_migrations WHERE success";
    let versions: Vec<i64> = sqlx::query_scalar(sql).fetch_all(pool).await?;
    Ok(Some(versions.into_iter().collect()))
}

// One connection without limits of time: a migration of large tables takes what it takes.
async fn plain(url: &str) -> Result<PgPool> {
    let options = PgPoolOptions::new().max_connections(1).acquire_timeout(pool::ACQUIRE);
    pool::reach(options, pool::options(url)?).await
}
