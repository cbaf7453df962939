//! The roles of a process, over its own routes and those of others: the only place that knows all of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use rfe_mesh::{
    MeshChannel, Role, Shutdown,
    channel::LocalRoutes,
    health::{self, Probe},
    pages::Pages,
    role::Task,
    server,
};
use rfe_model::backoff::Backoff;
use rfe_sources::SourceKinds;
use tokio::net::TcpListener;
use tonic::service::{Routes, RoutesBuilder};
use tonic_health::{
    ServingStatus,
    pb::{HealthCheckRequest, health_check_response, health_client::HealthClient},
    server::HealthReporter,
};

use crate::{
    Config, RoleName, StartError,
    config::{Keys, UnknownSources},
    folder::DataFolder,
    node::Surroundings,
    stores::Stores,
};

/// Every port has it.
const HEALTH: &str = "grpc.health.v1.Health";

/// Everything that building a role takes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Site<'a> {
    pub(crate) config: &'a Config,
    pub(crate) stores: &'a Stores,
    pub(crate) kinds: &'a SourceKinds,
    pub(crate) surroundings: &'a Surroundings,
    pub(crate) channels: &'a Channels,
    pub(crate) pages: &'a Pages,
    pub(crate) shutdown: &'a Shutdown,
    pub(crate) folder: &'a DataFolder,
    pub(crate) keys: &'a Keys,
    /// Private hosts that sources may reach.
    pub(crate) private_hosts: &'a [String],
}

/// The ways to the roles: through the process's own routes, but for those that are elsewhere.
#[derive(Debug, Default)]
pub(crate) struct Channels {
    pub(crate) local: LocalRoutes,
    pub(crate) remote: BTreeMap<RoleName, MeshChannel>,
}

impl Channels {
    fn to(&self, role: RoleName) -> MeshChannel {
        self.remote.get(&role).cloned().unwrap_or_else(|| MeshChannel::Local(self.local.clone()))
    }
}

/// Tells `grpc.health.v1` whether the services serve.
#[derive(Debug, Clone)]
pub(crate) struct Health {
    reporter: HealthReporter,
    services: Vec<&'static str>,
}

impl Health {
    /// Every service serves from now on, or none does.
    pub(crate) async fn set(&self, serves: bool) {
        let status = if serves { ServingStatus::Serving } else { ServingStatus::NotServing };
        for service in std::iter::once("").chain(self.services.iter().copied()) {
            self.reporter.set_service_status(service, status).await;
        }
    }
}

/// The routes of built roles.
#[derive(Debug)]
pub(crate) struct Ports {
    /// All of them in one.
    pub(crate) all: Routes,
    /// Each role's own.
    pub(crate) of_role: Vec<(RoleName, Routes)>,
    pub(crate) health: Health,
}

/// Registers roles, health and reflection, makes the routes known, and only then spawns the roles' tasks: they call each other.
pub(crate) fn start(roles: Vec<(RoleName, Role)>, site: Site<'_>) -> Result<Ports, StartError> {
    let (reporter, health) = tonic_health::server::health_reporter();
    let routes = |roles: &[&Role]| -> Result<Routes, StartError> {
        let mut builder = RoutesBuilder::default();
        roles.iter().for_each(|role| role.add_services(&mut builder));
        builder.add_service(health.clone());
        let services = roles.iter().flat_map(|role| role.services().iter().copied());
        add_reflection(&mut builder, services)
            .map_err(|error| StartError::Part(format!("reflection: {error}")))?;
        Ok(builder.routes())
    };
    let all = routes(&roles.iter().map(|(_, role)| role).collect::<Vec<_>>())?;
    let mut of_role = Vec::new();
    for (name, role) in &roles {
        of_role.push((*name, routes(&[role])?));
    }
    let services = roles.iter().flat_map(|(_, role)| role.services().iter().copied()).collect();
    site.channels.local.set(all.clone());
    for (_, role) in roles {
        for (name, task) in role.into_tasks() {
            spawn(name, task, site.shutdown);
        }
    }
    Ok(Ports { all, of_role, health: Health { reporter, services } })
}

fn spawn(name: &'static str, task: Task, shutdown: &Shutdown) {
    let stop = shutdown.clone();
    shutdown.spawn(async move {
        task.await;
        if !stop.has_begun() {
            tracing::error!(task = name, "a task ended before shutdown");
        }
    });
}

/// Asks what the process needs, until shutdown begins; pages and `grpc.health.v1` say what was found.
pub(crate) fn watch_health(probes: Vec<Probe>, health: Health, site: Site<'_>) {
    let (readiness, stop) = (site.pages.readiness.clone(), site.shutdown.clone());
    site.shutdown.spawn(async move {
        health::watch(probes, readiness, stop, |serves| {
            let health = health.clone();
            async move { health.set(serves).await }
        })
        .await;
    });
}

/// How the roles that are elsewhere are asked whether they serve. Without one of them there is still something to do.
pub(crate) fn neighbours(roles: &[RoleName], channels: &Channels) -> Vec<Probe> {
    let called: BTreeSet<RoleName> = roles.iter().flat_map(|role| role.calls()).copied().collect();
    let remote = called.into_iter().filter_map(|role| Some((role, channels.remote.get(&role)?.clone())));
    remote.map(|(role, channel)| Probe::new(role.as_str(), false, move || serves(channel.clone()))).collect()
}

async fn serves(channel: MeshChannel) -> Result<(), String> {
    let answer = HealthClient::new(channel).check(HealthCheckRequest::default()).await;
    match answer.map(|answer| answer.into_inner().status()) {
        Ok(health_check_response::ServingStatus::Serving) => Ok(()),
        Ok(other) => Err(other.as_str_name().to_lowercase().replace('_', " ")),
        Err(status) => Err(status.message().to_owned()),
    }
}

fn add_reflection(
    builder: &mut RoutesBuilder,
    services: impl Iterator<Item = &'static str> + Clone,
) -> Result<(), tonic_reflection::server::Error> {
    let configure = || {
        let known = tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(rfe_proto::FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(rfe_query::FLIGHT_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            // The details of errors, so that grpcurl can show them.
            .register_encoded_file_descriptor_set(tonic_types::pb::FILE_DESCRIPTOR_SET);
        // Of all that is described, what is served is listed.
        let listed = services.clone().chain([HEALTH]);
        listed.fold(known, tonic_reflection::server::Builder::with_service_name)
    };
    builder.add_service(configure().build_v1()?);
    builder.add_service(configure().build_v1alpha()?);
    Ok(())
}

/// These roles, built over the channels; the edge is none of them, as it serves HTTP.
pub(crate) fn roles(names: &[RoleName], site: Site<'_>) -> Result<Vec<(RoleName, Role)>, StartError> {
    let mut roles = Vec::new();
    for name in names {
        roles.push((
            *name,
            match name {
                RoleName::Edge => continue,
                RoleName::Ingest => ingest(site)?,
                RoleName::Worker => worker(site)?,
                RoleName::Scheduler => scheduler(site)?,
                RoleName::Metadata => metadata(site)?,
                RoleName::Dlq => dlq(site),
                RoleName::Query => query(site)?,
            },
        ));
    }
    Ok(roles)
}

fn metadata(site: Site<'_>) -> Result<Role, StartError> {
    let (registry, upkeep) = (site.stores.registry()?, &site.config.upkeep);
    let lake = site.stores.lake()?.clone();
    Ok(rfe_metadata::build(
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
            lake,
            shutdown: site.shutdown.clone(),
            metrics: site.pages.metrics.clone(),
        },
    ))
}

fn ingest(site: Site<'_>) -> Result<Role, StartError> {
    let (config, queue) = (site.config, site.stores.queue()?);
    // An embedded queue dies with nobody but its disk, which would be the spool's. One that Redis left behind may hold events
    // that only it has.
    let folder = site.folder.join("spool");
    let spool = (config.queue.url.is_some() || folder.exists()).then_some(rfe_ingest::SpoolConfig {
        folder,
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
            queue: queue.work.clone(),
            control: queue.control.clone(),
            metadata: site.channels.to(RoleName::Metadata),
            worker: site.channels.to(RoleName::Worker),
            shutdown: site.shutdown.clone(),
            metrics: site.pages.metrics.clone(),
        },
    )
    .map_err(|error| StartError::Part(format!("the spool: {error}")))
}

fn worker(site: Site<'_>) -> Result<Role, StartError> {
    let config = site.config;
    let (queue, lake) = (site.stores.queue()?.work.clone(), site.stores.lake()?.clone());
    let mut roots =
        if config.sources.roots.is_empty() { vec![PathBuf::from(".")] } else { config.sources.roots.clone() };
    roots.extend(site.surroundings.roots.iter().cloned());
    Ok(rfe_worker::build(
        rfe_worker::Config {
            pull_slots: config.worker.pull_slots,
            event_slots: config.worker.event_slots,
            lease: Duration::from_secs_f64(config.queue.lease_seconds),
            batch_max_rows: config.batch.max_rows,
            batch_max_age: Duration::from_millis(config.batch.max_age_ms),
            backoff: Backoff {
                attempts: config.retry.attempts,
                base: Duration::from_secs_f64(config.retry.base_seconds),
                cap: Duration::from_secs_f64(config.retry.cap_seconds),
            },
            roots,
            allow_private_hosts: site.private_hosts.to_vec(),
            s3: config.lake.s3(),
            scratch: site.folder.join("scratch"),
            drain: drain(config),
            crash_point: config.drill.crash_point.clone(),
            freeze_point: config.drill.freeze_point.clone(),
            ..rfe_worker::Config::default()
        },
        rfe_worker::Deps {
            queue,
            lake,
            kinds: site.kinds.clone(),
            metadata: site.channels.to(RoleName::Metadata),
            secrets: site.surroundings.secrets.clone(),
            shutdown: site.shutdown.clone(),
            metrics: site.pages.metrics.clone(),
        },
    ))
}

fn scheduler(site: Site<'_>) -> Result<Role, StartError> {
    Ok(rfe_scheduler::build(
        rfe_scheduler::Config::default(),
        rfe_scheduler::Deps {
            store: site.stores.registry()?.schedules.clone(),
            metadata: site.channels.to(RoleName::Metadata),
            ingest: site.channels.to(RoleName::Ingest),
            shutdown: site.shutdown.clone(),
            metrics: site.pages.metrics.clone(),
        },
    ))
}

fn dlq(site: Site<'_>) -> Role {
    rfe_dlq::build(
        rfe_dlq::Config::default(),
        rfe_dlq::Deps {
            metadata: site.channels.to(RoleName::Metadata),
            ingest: site.channels.to(RoleName::Ingest),
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
            metadata: site.channels.to(RoleName::Metadata),
            lake: site.stores.lake()?.clone(),
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
            metadata: site.channels.to(RoleName::Metadata),
            ingest: site.channels.to(RoleName::Ingest),
            dlq: site.channels.to(RoleName::Dlq),
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
