//! The role.

use std::{sync::Arc, time::Duration};

use arrow_flight::flight_service_server::FlightServiceServer;
use rfe_lake::Lake;
use rfe_mesh::{MAX_MESSAGE_BYTES, MeshChannel, Metrics, Role, Shutdown};
use rfe_model::Fault;

use crate::{
    config::Config,
    flight::{Door, Sql},
    statements::Statements,
};

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
/// If the engine can't be opened: its scratch folder can't be made, or a setting is refused.
pub fn build(config: Config, deps: Deps) -> Result<Role, Fault> {
    let statements =
        Statements::open(&config, deps.metadata, deps.lake, deps.shutdown.clone(), &deps.metrics)?;
    let sql = Sql::new(statements.clone(), &config, &deps.metrics)?;
    let service = FlightServiceServer::new(Door(sql)).max_decoding_message_size(MAX_MESSAGE_BYTES);
    let drain = drain(statements, deps.shutdown, config.drain);
    Ok(Role::new("query").service(service).task("query-drain", drain))
}

// Running queries may end by themselves for a while; what is left then is interrupted.
async fn drain(statements: Statements, shutdown: Shutdown, limit: Duration) {
    shutdown.begun().await;
    let emptied = async {
        while !statements.running().is_empty() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    if tokio::time::timeout(limit, emptied).await.is_err() {
        statements.running().end_all();
    }
}
