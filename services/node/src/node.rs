//! A node: start, then drain.

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use rfe_lake::{Lake, LocalLake};
use rfe_mesh::{Shutdown, channel::LocalRoutes, pages::Pages, secret::ProcessSecrets, server};
use rfe_model::secret::SecretStore;
use rfe_queue::{SqliteQueue, SqliteQueueConfig};
use rfe_registry::SqliteRegistry;
use rfe_sources::SourceKinds;
use tokio::net::TcpListener;

use crate::{
    Config,
    folder::{DataFolder, FolderError},
    wiring::{self, Site, Stores},
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
    drain: Duration,
    folder: DataFolder,
}

impl Node {
    /// Starts every role on embedded storage; returns once it serves.
    ///
    /// # Errors
    /// If a part can't start; nothing keeps running then.
    pub async fn start(config: &Config, surroundings: Surroundings) -> Result<Self, StartError> {
        let folder = DataFolder::open(&config.data_dir)?;
        let http = listen("http_addr", config.http_addr).await?;
        let grpc = listen("grpc_addr", config.grpc_addr).await?;
        let stores = open_stores(config, &folder).await?;
        let shutdown = Shutdown::new();
        let pages = Pages::default();
        let local = LocalRoutes::default();
        let site = Site {
            config,
            stores: &stores,
            surroundings: &surroundings,
            local: &local,
            pages: &pages,
            shutdown: &shutdown,
            folder: &folder,
        };
        let (routes, health) = wiring::start(wiring::roles(site)?, site)?;
        let (http_addr, grpc_addr) = (address(&http)?, address(&grpc)?);
        wiring::serve_edge(http, site);
        server::spawn(grpc, server::GrpcPort::new(routes, pages.clone()), &shutdown);
        let drain = Duration::from_secs_f64(config.drain_seconds);
        let node = Self { http: http_addr, grpc: grpc_addr, pages, shutdown, drain, folder };
        health.serving().await;
        node.pages.readiness.set(true);
        node.folder
            .write_ready(node.http, node.grpc)
            .map_err(|error| StartError::Part(format!("ready.json: {error}")))?;
        Ok(node)
    }

    /// Where the edge listens.
    pub fn http(&self) -> SocketAddr {
        self.http
    }

    /// Where gRPC and Flight listen.
    pub fn grpc(&self) -> SocketAddr {
        self.grpc
    }

    /// Stops taking work, lets what runs finish, and frees the folder. False if something had not finished in time; its
    /// leases expire and it is done again.
    pub async fn drain(self) -> bool {
        self.pages.readiness.set(false);
        self.folder.remove_ready();
        self.shutdown.begin();
        self.shutdown.drained(self.drain).await
    }
}

async fn listen(name: &'static str, address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).await.map_err(|source| StartError::Listen { name, address, source })
}

fn address(listener: &TcpListener) -> Result<SocketAddr, StartError> {
    listener.local_addr().map_err(|error| StartError::Part(error.to_string()))
}

async fn open_stores(config: &Config, folder: &DataFolder) -> Result<Stores, StartError> {
    let registry_path = folder.join("registry.db");
    let registry = SqliteRegistry::open(&registry_path)
        .await
        .map_err(|error| store("the registry", registry_path, error))?;
    let queue_path = folder.join("queue.db");
    let queue = SqliteQueue::open(SqliteQueueConfig {
        max_jobs: config.queue.max_jobs,
        max_bytes: config.queue.max_bytes,
        ..SqliteQueueConfig::new(&queue_path)
    })
    .await
    .map_err(|error| store("the queue", queue_path.clone(), error))?;
    // The folder is ours alone: whoever held a lease is dead, and its work need not wait.
    queue.expire_all_leases().await.map_err(|error| store("the queue", queue_path, error))?;
    let lake_path = folder.join("lake");
    let lake = LocalLake::open(&lake_path).map_err(|error| store("the lake", lake_path, error))?;
    Ok(Stores {
        registry: Arc::new(registry),
        queue: Arc::new(queue),
        lake: Arc::new(lake) as Arc<dyn Lake>,
        kinds: SourceKinds::default(),
    })
}

fn store(
    what: &'static str,
    path: PathBuf,
    error: impl std::error::Error + Send + Sync + 'static,
) -> StartError {
    StartError::Store { what, path, source: Box::new(error) }
}
