//! The role.

use std::{sync::Arc, time::Duration};

use arrow_flight::flight_service_server::FlightServiceServer;
use rfe_lake::Lake;
use rfe_mesh::{MAX_MESSAGE_BYTES, MeshChannel, Metrics, Role, Shutdown};
use rfe_model::Fault;

use crate::{
    access::Access,
    cache::prefetch,
    config::Config,
    flight::{Door, Sql},
    statements::Statements,
    views,
};

/// For so long interrupted queries are waited for.
const LAST_MOMENT: Duration = Duration::from_secs(1);

/// What the role is built from.
#[derive(Debug)]
pub struct Deps {
    /// The way to the metadata role.
    pub metadata: MeshChannel,
    /// Where data files lie.
    pub lake: Arc<dyn Lake>,
    /// When to end.
    pub shutdown: Shutdown,
    /// The process's metrics.
    pub metrics: Metrics,
}

/// Builds the role.
///
/// # Errors
/// If the engine can't be opened: its scratch folder can't be made, or a setting is refused; or the folder of the file cache can't
/// be used.
pub fn build(config: Config, deps: Deps) -> Result<Role, Fault> {
    let lake = Arc::clone(&deps.lake);
    let statements =
        Statements::open(&config, deps.metadata, deps.lake, deps.shutdown.clone(), &deps.metrics)?;
    let catalog = statements.catalog().clone();
    let views = views::run(catalog.clone(), lake, deps.metrics.clone(), deps.shutdown.clone());
    let prefetch = match statements.access() {
        Access::InPlace(_) => None,
        Access::Cached(cache) => {
            let queried = statements.queried().clone();
            Some(prefetch::run(cache.clone(), catalog, queried, deps.shutdown.clone()))
        }
    };
    let sql = Sql::new(statements.clone(), &config, &deps.metrics)?;
    let service = FlightServiceServer::new(Door(sql)).max_decoding_message_size(MAX_MESSAGE_BYTES);
    let drain = drain(statements, deps.shutdown, config.drain);
    let role = Role::new("query").service(service).task("query-drain", drain).task("query-views", views);
    Ok(match prefetch {
        Some(prefetch) => role.task("query-prefetch", prefetch),
        None => role,
    })
}

// Running queries may end by themselves for a while; what is left then is interrupted.
async fn drain(statements: Statements, shutdown: Shutdown, limit: Duration) {
    shutdown.begun().await;
    if tokio::time::timeout(limit, emptied(&statements)).await.is_err() {
        statements.running().end_all();
        let _some_cannot_be_interrupted = tokio::time::timeout(LAST_MOMENT, emptied(&statements)).await;
    }
    if let Access::Cached(cache) = statements.access() {
        cache.release();
    }
}

async fn emptied(statements: &Statements) {
    while !statements.running().is_empty() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
