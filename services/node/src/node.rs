//! A node: start, then drain.

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use rfe_mesh::{Metrics, Shutdown, channel::LocalRoutes, pages::Pages, secret::ProcessSecrets, server};
use rfe_model::secret::SecretStore;
use rfe_sources::SourceKinds;
use tokio::net::TcpListener;

use crate::{
    Config, RoleName,
    folder::{DataFolder, FolderError},
    stores,
    wiring::{self, Channels, Health, Site},
};

/// The node can't start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data folder.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// A store below it.
    #[error("{what} {path}: {source}")]
    Store {
        /// Which.
        what: &'static str,
        /// Where.
        path: PathBuf,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A backend that the configuration names.
    #[error("could not use {what} at {place} ({setting}): {reason}")]
    Backend {
        /// Which.
        what: &'static str,
        /// Where, without what is secret about it.
        place: String,
        /// The setting that names it.
        setting: &'static str,
        /// Why, and why that.
        reason: String,
    },
    /// A listener.
    #[error("{name}: could not listen on {address}: {source}")]
    Listen {
        /// `http_addr` or `grpc_addr`.
        name: &'static str,
        /// The address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// A setting, such as a file that can't be used.
    #[error("{0}")]
    Setting(String),
    /// Reflection, the query engine or another part.
    #[error("{0}")]
    Part(String),
}

/// What a node may be given besides its configuration.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// Where `${…}` references resolve.
    pub secrets: Arc<dyn SecretStore>,
    /// Folders that local files may be read below, besides those configured.
    pub roots: Vec<PathBuf>,
}

impl Default for Surroundings {
    fn default() -> Self {
        Self { secrets: Arc::new(ProcessSecrets), roots: Vec::new() }
    }
}

/// Every role in this process, serving.
#[derive(Debug)]
pub struct Node {
    http: SocketAddr,
    grpc: SocketAddr,
    pages: Pages,
    shutdown: Shutdown,
    local: LocalRoutes,
    health: Health,
    drain: Duration,
    folder: DataFolder,
}

impl Node {
    /// Starts every role, on embedded storage or on the backends that the configuration names; returns once it serves.
    ///
    /// # Errors
    /// If a part can't start; nothing keeps running then.
    pub async fn start(config: &Config, surroundings: Surroundings) -> Result<Self, StartError> {
        let keys = config.door.keys().map_err(StartError::Setting)?;
        let folder = DataFolder::open(&config.data_dir)?;
        let http = listen("http_addr", config.http_addr).await?;
        let grpc = listen("grpc_addr", config.grpc_addr).await?;
        let stores = stores::open(config, &folder).await?;
        let shutdown = Shutdown::new();
        let pages = Pages::default();
        let channels = Channels::default();
        let private_hosts = config.allowed_private_hosts();
        let kinds = SourceKinds::default();
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
        let ports = wiring::start(wiring::roles(&RoleName::ALL, site)?, site)?;
        let (http_addr, grpc_addr) = (address(&http)?, address(&grpc)?);
        wiring::serve_edge(http, site);
        let port = server::GrpcPort::new(ports.all, pages.clone()).tokens(keys.tokens.clone());
        server::spawn(grpc, port, keys.tls.clone(), &shutdown);
        let drain = Duration::from_secs_f64(config.drain_seconds);
        pages.readiness.set(true);
        ports.health.set(true).await;
        wiring::watch_health(stores.probes(config, &RoleName::ALL), ports.health.clone(), site);
        let of_role = |role| (role, if role == RoleName::Edge { http_addr } else { grpc_addr });
        folder
            .write_ready(Some(http_addr), Some(grpc_addr), &RoleName::ALL.map(of_role).into())
            .map_err(|error| StartError::Part(format!("ready.json: {error}")))?;
        let (local, health) = (channels.local, ports.health);
        Ok(Self { http: http_addr, grpc: grpc_addr, pages, shutdown, local, health, drain, folder })
    }

    /// Where the edge listens.
    pub fn http(&self) -> SocketAddr {
        self.http
    }

    /// Where gRPC and Flight listen.
    pub fn grpc(&self) -> SocketAddr {
        self.grpc
    }

    /// What it counts.
    pub fn metrics(&self) -> &Metrics {
        &self.pages.metrics
    }

    /// Stops taking work, lets what runs finish, and frees the folder. False if something had not finished in time; its
    /// leases expire and it is done again.
    pub async fn drain(self) -> bool {
        self.pages.readiness.set(false);
        self.health.set(false).await;
        self.folder.remove_ready();
        self.shutdown.begin();
        let drained = self.shutdown.drained(self.drain).await;
        self.local.close();
        drained
    }
}

pub(crate) async fn listen(name: &'static str, address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).await.map_err(|source| StartError::Listen { name, address, source })
}

pub(crate) fn address(listener: &TcpListener) -> Result<SocketAddr, StartError> {
    listener.local_addr().map_err(|error| StartError::Part(error.to_string()))
}
