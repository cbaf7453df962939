//! The stores of a node: each embedded below the data folder, unless the configuration names a backend for it.

use std::{path::PathBuf, sync::Arc};

use rfe_lake::{Bucket, Lake, LocalLake, S3Config, S3Lake};
use rfe_mesh::health::Probe;
use rfe_queue::{
    Queue, QueueControl, QueueError, RedisQueue, RedisQueueConfig, SqliteQueue, SqliteQueueConfig,
};
use rfe_registry::{
    CatalogStore, LetterStore, MemoryStore, Page, PostgresRegistry, RegistryError, RunStore, ScheduleStore,
    SourceStore, SqliteRegistry, UpkeepStore,
};

use crate::{Config, RoleName, StartError, folder::DataFolder};

pub(crate) const REGISTRY: &str = "registry.db";
pub(crate) const QUEUE: &str = "queue.db";
pub(crate) const LAKE: &str = "lake";

/// The opened stores: those that the roles of this process need.
#[derive(Debug, Default)]
pub(crate) struct Stores {
    registry: Option<Registry>,
    queue: Option<Queues>,
    lake: Option<Arc<dyn Lake>>,
}

impl Stores {
    /// The registry, for a role that needs it.
    pub(crate) fn registry(&self) -> Result<&Registry, StartError> {
        self.registry.as_ref().ok_or_else(|| StartError::Part("the registry was not opened".to_owned()))
    }

    /// The queue, for a role that needs it.
    pub(crate) fn queue(&self) -> Result<&Queues, StartError> {
        self.queue.as_ref().ok_or_else(|| StartError::Part("the queue was not opened".to_owned()))
    }

    /// The lake, for a role that needs it.
    pub(crate) fn lake(&self) -> Result<&Arc<dyn Lake>, StartError> {
        self.lake.as_ref().ok_or_else(|| StartError::Part("the lake was not opened".to_owned()))
    }

    /// How those that are no part of this process are asked whether they are there.
    pub(crate) fn probes(&self, config: &Config, roles: &[RoleName]) -> Vec<Probe> {
        let mut probes = Vec::new();
        if let Some(registry) = self.registry.as_ref().filter(|_| config.registry.url.is_some()) {
            let sources = registry.sources.clone();
            probes.push(Probe::new("postgres", true, move || {
                let sources = sources.clone();
                async move {
                    let first = Page { after: None, limit: 1 };
                    sources.sources(&first, false).await.map(drop).map_err(|error| chain(&error))
                }
            }));
        }
        if let Some(queue) = self.queue.as_ref().filter(|_| config.queue.url.is_some()) {
            // Whatever ingest accepts meanwhile is in its spool.
            let required = !roles.contains(&RoleName::Ingest);
            let control = queue.control.clone();
            probes.push(Probe::new("redis", required, move || {
                let control = control.clone();
                async move { control.ping().await.map_err(|error| chain(&error)) }
            }));
        }
        if let Some(lake) = self.lake.as_ref().filter(|_| config.lake.endpoint.is_some()) {
            let lake = lake.clone();
            probes.push(Probe::new("s3", true, move || {
                let lake = lake.clone();
                async move {
                    lake.list(Bucket::Raw, "", None, 1).await.map(drop).map_err(|error| chain(&error))
                }
            }));
        }
        probes
    }
}

/// The queue, whichever it is.
#[derive(Debug, Clone)]
pub(crate) struct Queues {
    pub(crate) work: Arc<dyn Queue>,
    pub(crate) control: Arc<dyn QueueControl>,
}

impl Queues {
    fn of<Q: Queue + QueueControl + 'static>(queue: Q) -> Self {
        let queue = Arc::new(queue);
        Self { work: queue.clone(), control: queue }
    }
}

/// The registry, whichever it is.
#[derive(Debug)]
pub(crate) struct Registry {
    pub(crate) sources: Arc<dyn SourceStore>,
    pub(crate) runs: Arc<dyn RunStore>,
    pub(crate) memory: Arc<dyn MemoryStore>,
    pub(crate) catalog: Arc<dyn CatalogStore>,
    pub(crate) letters: Arc<dyn LetterStore>,
    pub(crate) schedules: Arc<dyn ScheduleStore>,
    pub(crate) upkeep: Arc<dyn UpkeepStore>,
}

impl Registry {
    fn of<R>(registry: R) -> Self
    where
        R: SourceStore
            + RunStore
            + MemoryStore
            + CatalogStore
            + LetterStore
            + ScheduleStore
            + UpkeepStore
            + 'static,
    {
        let registry = Arc::new(registry);
        Self {
            sources: registry.clone(),
            runs: registry.clone(),
            memory: registry.clone(),
            catalog: registry.clone(),
            letters: registry.clone(),
            schedules: registry.clone(),
            upkeep: registry,
        }
    }
}

/// Opens them all; tables and buckets that are missing are made.
pub(crate) async fn open(config: &Config, folder: &DataFolder) -> Result<Stores, StartError> {
    let registry = registry(config, folder).await?;
    let queue = queue(config, folder).await?;
    let lake = lake(config, folder).await?;
    Ok(Stores { registry: Some(registry), queue: Some(queue), lake: Some(lake) })
}

/// Opens the backends that these roles need. The tables of Postgres must be there: `rfe migrate` makes them.
pub(crate) async fn open_for(
    config: &Config,
    folder: &DataFolder,
    roles: &[RoleName],
) -> Result<Stores, StartError> {
    let mut stores = Stores::default();
    if roles.iter().any(|role| role.needs_registry()) {
        stores.registry = Some(migrated(config).await?);
    }
    if roles.iter().any(|role| role.needs_queue()) {
        stores.queue = Some(queue(config, folder).await?);
    }
    if roles.iter().any(|role| role.needs_lake()) {
        stores.lake = Some(lake(config, folder).await?);
    }
    Ok(stores)
}

async fn migrated(config: &Config) -> Result<Registry, StartError> {
    let url = config.registry.url.as_ref().map(|url| url.expose()).unwrap_or_default();
    let connected = PostgresRegistry::connect(url).await;
    connected.map(Registry::of).map_err(|error| postgres(config, &error))
}

pub(crate) async fn registry(config: &Config, folder: &DataFolder) -> Result<Registry, StartError> {
    match &config.registry.url {
        Some(url) => match PostgresRegistry::open(url.expose()).await {
            Ok(registry) => Ok(Registry::of(registry)),
            Err(error) => Err(postgres(config, &error)),
        },
        None => match SqliteRegistry::open(&folder.join(REGISTRY)).await {
            Ok(registry) => Ok(Registry::of(registry)),
            Err(error) => Err(below("the registry", folder.join(REGISTRY), error)),
        },
    }
}

pub(crate) async fn queue(config: &Config, folder: &DataFolder) -> Result<Queues, StartError> {
    if let Some(wanted) = config.queue.redis() {
        let queue = redis(config, wanted).await?;
        match queue.warnings().await {
            Ok(warnings) => warnings.iter().for_each(|warning| tracing::warn!("Redis: {warning}")),
            Err(error) => {
                let reason = chain(&error);
                tracing::warn!(reason, "Redis does not answer; events are kept in the spool until it does");
            }
        }
        return Ok(Queues::of(queue));
    }
    let queue = embedded_queue(config, folder).await?;
    // The folder is ours alone: whoever held a lease is dead, and its work need not wait.
    let expired = queue.expire_all_leases().await;
    expired.map_err(|error| below("the queue", folder.join(QUEUE), error))?;
    Ok(Queues::of(queue))
}

pub(crate) async fn embedded_queue(config: &Config, folder: &DataFolder) -> Result<SqliteQueue, StartError> {
    let path = folder.join(QUEUE);
    let opened = SqliteQueue::open(SqliteQueueConfig {
        max_jobs: config.queue.max_jobs,
        max_bytes: config.queue.max_bytes,
        max_source_jobs: config.queue.source_max_jobs.unwrap_or(config.queue.max_jobs),
        max_source_bytes: config.queue.source_max_bytes.unwrap_or(config.queue.max_bytes),
        ..SqliteQueueConfig::new(&path)
    });
    opened.await.map_err(|error| below("the queue", path, error))
}

async fn redis(config: &Config, wanted: RedisQueueConfig) -> Result<RedisQueue, StartError> {
    RedisQueue::open(wanted).await.map_err(|error| no_redis(config, &error))
}

/// Whether a node could use Redis as it is; what is unsafe about it.
pub(crate) async fn probe_redis(
    config: &Config,
    wanted: RedisQueueConfig,
) -> Result<Vec<String>, StartError> {
    let queue = redis(config, wanted).await?;
    queue.warnings().await.map_err(|error| no_redis(config, &error))
}

fn no_redis(config: &Config, error: &QueueError) -> StartError {
    StartError::Backend {
        what: "the queue",
        place: config.queue.shown().unwrap_or_default(),
        setting: "RFE_REDIS_URL",
        reason: chain(error),
    }
}

async fn lake(config: &Config, folder: &DataFolder) -> Result<Arc<dyn Lake>, StartError> {
    Ok(match config.lake.s3() {
        Some(store) => Arc::new(s3(config, store).await?),
        None => Arc::new(local(folder)?),
    })
}

pub(crate) async fn s3(config: &Config, store: S3Config) -> Result<S3Lake, StartError> {
    S3Lake::connect(store).await.map_err(|error| StartError::Backend {
        what: "the object store",
        place: config.lake.endpoint.clone().unwrap_or_default(),
        setting: "MINIO_ENDPOINT",
        reason: chain(&error),
    })
}

pub(crate) fn local(folder: &DataFolder) -> Result<LocalLake, StartError> {
    let path = folder.join(LAKE);
    LocalLake::open(&path).map_err(|error| below("the lake", path, error))
}

/// Whether a node could use Postgres as it is; its tables stay as they are.
pub(crate) async fn probe_postgres(config: &Config) -> Result<(), StartError> {
    let Some(url) = &config.registry.url else { return Ok(()) };
    let probe = async {
        let registry = PostgresRegistry::connect(url.expose()).await?;
        registry.sources(&Page { after: None, limit: 1 }, false).await.map(drop)
    };
    probe.await.map_err(|error: RegistryError| postgres(config, &error))
}

/// What is wrong with Postgres.
pub(crate) fn postgres(config: &Config, error: &(dyn std::error::Error + 'static)) -> StartError {
    StartError::Backend {
        what: "Postgres",
        place: config.registry.shown().unwrap_or_default(),
        setting: "RFE_POSTGRES_URL",
        reason: chain(error),
    }
}

fn below(
    what: &'static str,
    path: PathBuf,
    error: impl std::error::Error + Send + Sync + 'static,
) -> StartError {
    StartError::Store { what, path, source: Box::new(error) }
}

// An error and what caused it, unless it says that itself.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let said = cause.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        next = cause.source();
    }
    text
}
