//! `rfe serve`: some roles in this process, each on a port of its own, over the backends that they need.

use std::{collections::BTreeMap, net::SocketAddr, pin::pin, time::Duration};

use rfe_mesh::{
    MeshChannel, Metrics, Shutdown,
    channel::{Dial, Dialled, LocalRoutes},
    health,
    pages::{Pages, Readiness},
    server::{self, GrpcPort},
};
use rfe_sources::SourceKinds;
use tokio::net::TcpListener;

use crate::{
    Config, RoleName, StartError,
    config::Keys,
    folder::DataFolder,
    node::{Surroundings, address, listen},
    stores::{self, Stores},
    waiting::Waiting,
    wiring::{self, Channels, Health, Site},
};

/// How long to wait before a backend is tried again: at first, and at most.
const AGAIN: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(5));
/// How long backends may take before whoever asks is told that the process waits for them.
const TOLD_AFTER: Duration = Duration::from_millis(500);
const WAITING_ENDS_WITHIN: Duration = Duration::from_secs(2);

type Listeners = Vec<(RoleName, TcpListener)>;

/// Some roles in this process, serving.
#[derive(Debug)]
pub struct Serving {
    addresses: BTreeMap<RoleName, SocketAddr>,
    pages: Pages,
    shutdown: Shutdown,
    local: LocalRoutes,
    health: Health,
    announce: Duration,
    drain: Duration,
    folder: DataFolder,
}

// === impl Serving ===

impl Serving {
    /// Starts these roles; returns once they serve. While a backend is away the ports answer that they wait for it.
    ///
    /// # Errors
    /// If the configuration can't be used, or a port can't be had; nothing keeps running then.
    pub async fn start(
        config: &Config,
        roles: &[RoleName],
        surroundings: Surroundings,
    ) -> Result<Self, StartError> {
        config.check_roles(roles).map_err(|error| StartError::Setting(error.to_string()))?;
        let keys = config.door.keys().map_err(StartError::Setting)?;
        let pages = Pages::default();
        let remote = elsewhere(config, roles, pages.metrics.dialled())?;
        let channels = Channels { local: LocalRoutes::default(), remote };
        let folder = DataFolder::open(&config.data_dir)?;
        let listeners = listen_for(config, roles).await?;
        let mut addresses = BTreeMap::new();
        for (role, listener) in &listeners {
            addresses.insert(*role, address(listener)?);
        }
        let stores = opened(config, &folder, roles, &listeners, &pages, &keys).await?;
        let (shutdown, kinds) = (Shutdown::new(), SourceKinds::default());
        let private_hosts = private_hosts(config);
        let site = Site {
            config,
            stores: &stores,
            kinds: &kinds,
            surroundings: &surroundings,
            channels: &channels,
            pages: &pages,
            shutdown: &shutdown,
            folder: &folder,
            keys: &keys,
            private_hosts: &private_hosts,
        };
        let ports = wiring::start(wiring::roles(roles, site)?, site)?;
        let mut routes: BTreeMap<_, _> = ports.of_role.into_iter().collect();
        for (role, listener) in listeners {
            match routes.remove(&role) {
                Some(routes) => {
                    let port = GrpcPort::new(routes, pages.clone()).tokens(keys.tokens.clone());
                    server::spawn(listener, port, keys.tls.clone(), &shutdown);
                }
                None => wiring::serve_edge(listener, site),
            }
        }
        let mut probes = stores.probes(config, roles);
        // Not each of them is asked when it is opened.
        health::ask(&probes, &pages.readiness).await;
        probes.extend(wiring::neighbours(roles, &channels));
        pages.readiness.set(true);
        ports.health.set(pages.readiness.is_ready()).await;
        wiring::watch_health(probes, ports.health.clone(), site);
        let first = roles.iter().find(|role| **role != RoleName::Edge);
        let grpc = first.and_then(|role| addresses.get(role)).copied();
        folder
            .write_ready(addresses.get(&RoleName::Edge).copied(), grpc, &addresses)
            .map_err(|error| StartError::Part(format!("ready.json: {error}")))?;
        Ok(Self {
            addresses,
            pages,
            shutdown,
            local: channels.local,
            health: ports.health,
            // What runs gets 0.8 of the drain from when it begins: a longer announcement would end the process before its leases.
            announce: Duration::from_secs_f64(config.mesh.announce_seconds.min(config.drain_seconds * 0.1)),
            drain: Duration::from_secs_f64(config.drain_seconds),
            folder,
        })
    }

    /// Where each role listens.
    pub fn addresses(&self) -> &BTreeMap<RoleName, SocketAddr> {
        &self.addresses
    }

    /// What it counts.
    pub fn metrics(&self) -> &Metrics {
        &self.pages.metrics
    }

    /// Says that it goes, so that balancers leave it; then stops taking work and lets what runs finish. False if something had not
    /// finished in time; its leases expire and another process does it again.
    pub async fn drain(self) -> bool {
        self.pages.readiness.set(false);
        self.health.set(false).await;
        self.folder.remove_ready();
        tokio::time::sleep(self.announce).await;
        self.shutdown.begin();
        let drained = self.shutdown.drained(self.drain.saturating_sub(self.announce)).await;
        self.local.close();
        drained
    }
}

/// The ways to the roles that these call and that are not among them.
pub(crate) fn elsewhere(
    config: &Config,
    roles: &[RoleName],
    counters: Dialled,
) -> Result<BTreeMap<RoleName, MeshChannel>, StartError> {
    let dial = Dial { counters, ..config.door.dial() };
    let mut remote = BTreeMap::new();
    for role in roles.iter().flat_map(|role| role.calls()).filter(|role| !roles.contains(role)) {
        if let Some((name, urls)) = config.mesh.urls(*role) {
            let channel = MeshChannel::remote(urls, &dial);
            remote.insert(*role, channel.map_err(|error| StartError::Setting(format!("{name}: {error}")))?);
        }
    }
    Ok(remote)
}

async fn listen_for(config: &Config, roles: &[RoleName]) -> Result<Listeners, StartError> {
    let mut listeners = Vec::new();
    for role in roles {
        let (name, address) = config.listens(*role);
        listeners.push((*role, listen(name, address).await?));
    }
    Ok(listeners)
}

/// The stores, as soon as they can be opened. Until then the ports answer that the process waits.
async fn opened(
    config: &Config,
    folder: &DataFolder,
    roles: &[RoleName],
    listeners: &Listeners,
    pages: &Pages,
    keys: &Keys,
) -> Result<Stores, StartError> {
    let mut opening = pin!(tried(config, folder, roles, &pages.readiness));
    if let Ok(opened) = tokio::time::timeout(TOLD_AFTER, &mut opening).await {
        return opened;
    }
    let waiting = Shutdown::new();
    answer(listeners, pages, keys, &waiting)?;
    let stores = opening.await?;
    waiting.begin();
    // Whoever is still being told that we wait is told so a little longer.
    let _all_told = waiting.drained(WAITING_ENDS_WITHIN).await;
    Ok(stores)
}

/// What the start waits for, on `/readyz`.
const BACKEND: &str = "backends";

/// Tries to open the stores until it succeeds, and says what is missing.
async fn tried(
    config: &Config,
    folder: &DataFolder,
    roles: &[RoleName],
    readiness: &Readiness,
) -> Result<Stores, StartError> {
    let mut pause = AGAIN.0;
    let mut told = format!("no answer yet from what these name: {}", needed(roles));
    readiness.report(BACKEND, true, Err(told.clone()));
    loop {
        match stores::open_for(config, folder, roles).await {
            Ok(stores) => {
                readiness.report(BACKEND, true, Ok(()));
                return Ok(stores);
            }
            Err(error @ StartError::Backend { .. }) => {
                let reason = error.to_string();
                readiness.report(BACKEND, true, Err(reason.clone()));
                if reason != told {
                    tracing::warn!(reason, "the start waits for a backend");
                    told = reason;
                }
                tokio::time::sleep(pause).await;
                pause = AGAIN.1.min(2 * pause);
            }
            Err(other) => return Err(other),
        }
    }
}

/// The settings of the backends that these roles open.
fn needed(roles: &[RoleName]) -> String {
    let any = |needs: fn(RoleName) -> bool| roles.iter().any(|role| needs(*role));
    let settings = [
        (any(RoleName::needs_registry), "RFE_POSTGRES_URL"),
        (any(RoleName::needs_queue), "RFE_REDIS_URL"),
        (any(RoleName::needs_lake), "MINIO_ENDPOINT"),
    ];
    settings.iter().filter(|(needed, _)| *needed).map(|(_, name)| *name).collect::<Vec<_>>().join(", ")
}

/// Answers on the ports that the process waits.
fn answer(listeners: &Listeners, pages: &Pages, keys: &Keys, waiting: &Shutdown) -> Result<(), StartError> {
    for (_, listener) in listeners {
        let shared = shared(listener).map_err(|error| StartError::Part(format!("a port: {error}")))?;
        server::spawn(shared, Waiting(pages.clone()), keys.tls.clone(), waiting);
    }
    Ok(())
}

/// The same port once more.
fn shared(listener: &TcpListener) -> std::io::Result<TcpListener> {
    use std::os::fd::AsFd as _;
    let copy = listener.as_fd().try_clone_to_owned()?;
    TcpListener::from_std(std::net::TcpListener::from(copy))
}

/// Unless they are named: this machine's own, where the worker listens to nobody else.
fn private_hosts(config: &Config) -> Vec<String> {
    match &config.sources.allow_private_hosts {
        Some(hosts) => hosts.clone(),
        None if config.mesh.worker_addr.ip().is_loopback() => {
            vec!["127.0.0.1".to_owned(), "::1".to_owned()]
        }
        None => Vec::new(),
    }
}
