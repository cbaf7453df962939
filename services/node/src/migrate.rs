//! `rfe migrate`: brings the tables of Postgres up to date.

use rfe_registry::PostgresRegistry;

use crate::{Config, StartError, stores};

/// Applies the migrations that are missing; their names. None if no Postgres is configured: an embedded registry is brought up to
/// date whenever it is opened.
///
/// # Errors
/// If Postgres can't be reached or refuses.
pub async fn migrate(config: &Config) -> Result<Option<Vec<String>>, StartError> {
    let Some(url) = &config.registry.url else { return Ok(None) };
    match PostgresRegistry::migrate(url.expose()).await {
        Ok(applied) => Ok(Some(applied)),
        Err(error) => Err(stores::postgres(config, &error)),
    }
}
