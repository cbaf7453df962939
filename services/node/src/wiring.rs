//! The roles over one process's routes: the only place that knows all of them.

use std::{path::PathBuf, sync::Arc, time::Duration};

use rfe_mesh::{MeshChannel, Role, Shutdown, channel::LocalRoutes, pages::Pages, server};
use rfe_model::backoff::Backoff;
use rfe_sources::SourceKinds;
use tokio::net::TcpListener;
use tonic::service::{Routes, RoutesBuilder};

use crate::{
    Config, StartError,
    config::{Keys, UnknownSources},
    folder::DataFolder,
    node::Surroundings,
    stores::Stores,
};

/// Everything that building a role takes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Site<'a> {
    pub(crate) config: &'a Config,
    pub(crate) stores: &'a Stores,
    pub(crate) kinds: &'a SourceKinds,
    pub(crate) surroundings: &'a Surroundings,
    pub(crate) local: &'a LocalRoutes,
    pub(crate) pages: &'a Pages,
    pub(crate) shutdown: &'a Shutdown,
    pub(crate) folder: &'a DataFolder,
    pub(crate) keys: &'a Keys,
}

/// Tells `grpc.health.v1` that the services serve.
#[derive(Debug)]
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

/// Registers roles, health and reflection, makes the routes known, and only then spawns the roles' tasks: they call each other.
pub(crate) fn start(roles: Vec<Role>, site: Site<'_>) -> Result<(Routes, Health), StartError> {
    let (reporter, health) = tonic_health::server::health_reporter();
    let mut builder = RoutesBuilder::default();
    let mut services = Vec::new();
    let mut tasks = Vec::new();
    for role in roles {
        services.extend_from_slice(role.services());
        tasks.extend(role.register(&mut builder));
    }
    builder.add_service(health);
    add_reflection(&mut builder).map_err(|error| StartError::Part(format!("reflection: {error}")))?;
    let routes = builder.routes();
    site.local.set(routes.clone());
    for (name, task) in tasks {
        let stop = site.shutdown.clone();
        site.shutdown.spawn(async move {
            task.await;
            if !stop.has_begun() {
                tracing::error!(task = name, "a task ended before shutdown");
            }
        });
    }
    Ok((routes, Health { reporter, services }))
}

fn add_reflection(builder: &mut RoutesBuilder) -> Result<(), tonic_reflection::server::Error> {
    let configure = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(rfe_proto::FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(rfe_query::FLIGHT_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            // The details of errors, so that grpcurl can show them.
            .register_encoded_file_descriptor_set(tonic_types::pb::FILE_DESCRIPTOR_SET)
    };
    builder.add_service(configure().build_v1()?);
    builder.add_service(configure().build_v1alpha()?);
    Ok(())
}

/// The roles of one process, built over its own routes.
pub(crate) fn roles(site: Site<'_>) -> Result<Vec<Role>, StartError> {
    let query = query(site)?;
    Ok(vec![metadata(site), ingest(site)?, worker(site), scheduler(site), dlq(site), query])
}

fn channel(site: Site<'_>) -> MeshChannel {
    MeshChannel::Local(site.local.clone())
}

fn metadata(site: Site<'_>) -> Role {
    let (registry, upkeep) = (&site.stores.registry, &site.config.upkeep);
    rfe_metadata::build(
        rfe_metadata::Config {
            compact_files: upkeep.compact_files,
            compact_small_bytes: upkeep.compact_small_bytes,
            compact_target_bytes: upkeep.compact_target_bytes,
            compact_every: Duration::from_secs_f64(upkeep.compact_every_seconds),
            snapshot_grace: hours(upkeep.snapshot_hours),
            orphan_grace: hours(upkeep.orphan_hours),
            collect_every: Duration::from_secs_f64(upkeep.collect_every_seconds),
            ..rfe_metadata::Config::default()
        },
        rfe_metadata::Deps {
            sources: registry.sources.clone(),
            runs: registry.runs.clone(),
            memory: registry.memory.clone(),
            catalog: registry.catalog.clone(),
            letters: registry.letters.clone(),
            upkeep: registry.upkeep.clone(),
            kinds: Arc::new(site.kinds.clone()),
            lake: site.stores.lake.clone(),
            shutdown: site.shutdown.clone(),
            metrics: site.pages.metrics.clone(),
        },
    )
}

fn ingest(site: Site<'_>) -> Result<Role, StartError> {
    let config = site.config;
    // An embedded queue dies with nobody but its disk, which would be the spool's.
    let spool = config.queue.url.is_some().then(|| rfe_ingest::SpoolConfig {
        folder: site.folder.join("spool"),
        bytes: config.spool.bytes,
        window: Duration::from_secs_f64(config.spool.seconds),
    });
    rfe_ingest::build(
        rfe_ingest::Config {
            spool,
            batch_grace: Duration::from_secs_f64(2.0 * config.queue.lease_seconds),
            ..rfe_ingest::Config::default()
        },
        rfe_ingest::Deps {
            queue: site.stores.queue.work.clone(),
            control: site.stores.queue.control.clone(),
            metadata: channel(site),
            worker: channel(site),
            shutdown: site.shutdown.clone(),
            metrics: site.pages.metrics.clone(),
        },
    )
    .map_err(|error| StartError::Part(format!("the spool: {error}")))
}

fn worker(site: Site<'_>) -> Role {
    let config = site.config;
    let mut roots =
        if config.sources.roots.is_empty() { vec![PathBuf::from(".")] } else { config.sources.roots.clone() };
    roots.extend(site.surroundings.roots.iter().cloned());
    rfe_worker::build(
        rfe_worker::Config {
            lease: Duration::from_secs_f64(config.queue.lease_seconds),
            batch_max_rows: config.batch.max_rows,
            batch_max_age: Duration::from_millis(config.batch.max_age_ms),
            backoff: Backoff {
                attempts: config.retry.attempts,
                base: Duration::from_secs_f64(config.retry.base_seconds),
                cap: Duration::from_secs_f64(config.retry.cap_seconds),
            },
            roots,
            allow_private_hosts: config.allowed_private_hosts(),
            s3: config.lake.s3(),
            scratch: site.folder.join("scratch"),
            drain: drain(config),
            crash_point: config.drill.crash_point.clone(),
            freeze_point: config.drill.freeze_point.clone(),
            ..rfe_worker::Config::default()
        },
        rfe_worker::Deps {
            queue: site.stores.queue.work.clone(),
            lake: site.stores.lake.clone(),
            kinds: site.kinds.clone(),
            metadata: channel(site),
            secrets: site.surroundings.secrets.clone(),
            shutdown: site.shutdown.clone(),
            metrics: site.pages.metrics.clone(),
        },
    )
}

fn scheduler(site: Site<'_>) -> Role {
    rfe_scheduler::build(
        rfe_scheduler::Config::default(),
        rfe_scheduler::Deps {
            store: site.stores.registry.schedules.clone(),
            metadata: channel(site),
            ingest: channel(site),
            shutdown: site.shutdown.clone(),
            metrics: site.pages.metrics.clone(),
        },
    )
}

fn dlq(site: Site<'_>) -> Role {
    rfe_dlq::build(
        rfe_dlq::Config::default(),
        rfe_dlq::Deps {
            metadata: channel(site),
            ingest: channel(site),
            shutdown: site.shutdown.clone(),
            metrics: site.pages.metrics.clone(),
        },
    )
}

fn query(site: Site<'_>) -> Result<Role, StartError> {
    rfe_query::build(
        rfe_query::Config {
            scratch: Some(site.folder.join("query-scratch")),
            cache: site.folder.join("query-cache"),
            cache_bytes: site.config.query.cache_bytes,
            drain: drain(site.config),
            ..rfe_query::Config::default()
        },
        rfe_query::Deps {
            metadata: channel(site),
            lake: site.stores.lake.clone(),
            shutdown: site.shutdown.clone(),
            metrics: site.pages.metrics.clone(),
        },
    )
    .map_err(|error| StartError::Part(format!("the query engine: {error}")))
}

/// Serves the webhook edge.
pub(crate) fn serve_edge(listener: TcpListener, site: Site<'_>) {
    let service = rfe_edge::service(
        rfe_edge::Config {
            unknown_sources: match site.config.unknown_sources() {
                UnknownSources::Create => rfe_edge::UnknownSources::Create,
                UnknownSources::Reject => rfe_edge::UnknownSources::Reject,
            },
            ..rfe_edge::Config::default()
        },
        rfe_edge::Deps {
            metadata: channel(site),
            ingest: channel(site),
            dlq: channel(site),
            secrets: site.surroundings.secrets.clone(),
            tokens: site.keys.tokens.clone(),
            pages: site.pages.clone(),
            shutdown: site.shutdown.clone(),
        },
    );
    server::spawn(listener, service, site.keys.tls.clone(), site.shutdown);
}

// What runs gets most of the process's drain; the rest is for closing connections and stores.
fn drain(config: &Config) -> Duration {
    Duration::from_secs_f64(config.drain_seconds * 0.8)
}

fn hours(hours: f64) -> Duration {
    Duration::from_secs_f64(hours * 3600.0)
}
