//! The roles over one process's routes: the only place that knows all of them.

use std::{path::PathBuf, sync::Arc, time::Duration};

use rfe_lake::Lake;
use rfe_mesh::{MeshChannel, Role, Shutdown, channel::LocalRoutes, pages::Pages};
use rfe_model::backoff::Backoff;
use rfe_queue::SqliteQueue;
use rfe_registry::SqliteRegistry;
use rfe_sources::SourceKinds;
use tonic::service::{Routes, RoutesBuilder};

use crate::{
    Config, StartError,
    config::UnknownSources,
    folder::DataFolder,
    node::Surroundings,
};

/// The opened stores.
#[derive(Debug)]
pub(crate) struct Stores {
    pub(crate) registry: Arc<SqliteRegistry>,
    pub(crate) queue: Arc<SqliteQueue>,
    pub(crate) lake: Arc<dyn Lake>,
    pub(crate) kinds: SourceKinds,
}

/// Everything that building a role takes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Site<'a> {
    pub(crate) config: &'a Config,
    pub(crate) stores: &'a Stores,
    pub(crate) surroundings: &'a Surroundings,
    pub(crate) local: &'a LocalRoutes,
    pub(crate) pages: &'a Pages,
    pub(crate) shutdown: &'a Shutdown,
    pub(crate) folder: &'a DataFolder,
}

/// Tells `grpc.health.v1` that the services serve.
pub(crate) struct Health {
    reporter: tonic_health::server::HealthReporter,
    services: Vec<&'static str>,
}

impl Health {
    /// Every service serves from now on.
    pub(crate) async fn serving(&self) {
        for service in std::iter::once("").chain(self.services.iter().copied()) {
            self.reporter.set_service_status(service, tonic_health::ServingStatus::Serving).await;
        }
    }
}

/// Registers roles, health and reflection; spawns the roles' tasks.
pub(crate) async fn routes(roles: Vec<Role>, shutdown: &Shutdown) -> Result<(Routes, Health), StartError> {
    let (reporter, health) = tonic_health::server::health_reporter();
    let mut builder = RoutesBuilder::default();
    let mut services = Vec::new();
    for role in roles {
        services.extend_from_slice(role.services());
        for (name, task) in role.register(&mut builder) {
            let stop = shutdown.clone();
            shutdown.spawn(async move {
                task.await;
                if !stop.has_begun() {
                    tracing::error!(task = name, "a task ended before shutdown");
                }
            });
        }
    }
    builder.add_service(health);
    add_reflection(&mut builder).map_err(|error| StartError::Part(format!("reflection: {error}")))?;
    Ok((builder.routes(), Health { reporter, services }))
}

fn add_reflection(builder: &mut RoutesBuilder) -> Result<(), tonic_reflection::server::Error> {
    let configure = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(rfe_proto::FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(rfe_query::FLIGHT_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    builder.add_service(configure().build_v1()?);
    builder.add_service(configure().build_v1alpha()?);
    Ok(())
}
