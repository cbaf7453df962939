//! What a platform under drill stands on: embedded stores, or real servers.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use rfe_lake::{Bucket, Buckets, Lake, S3Config, S3Lake};
use rfe_queue::{QueueControl as _, RedisQueue, RedisQueueConfig};
use rfe_test_servers::{BucketNames, Minio, Postgres, S3Server};
use rfe_tests::{Ground, Platform, Role, Settings, fixture::files_below, ground::RealGround};

use crate::tally::Tally;

const PAGE: usize = 1000;

/// Which stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// SQLite and local files.
    Embedded,
    /// Postgres and MinIO.
    Real,
    /// A process for each role, over Postgres, MinIO and Redis.
    Mesh,
}

/// The stores of one platform, which no other one has.
#[derive(Debug, Clone)]
pub struct Site {
    /// How the platform is started on them.
    pub settings: Settings,
    ground: Ground,
    lake: Option<Arc<S3Lake>>,
}

/// Where the objects of a platform are.
#[derive(Debug, Clone)]
pub enum Store {
    /// Below this folder.
    Folder(PathBuf),
    /// In buckets.
    S3(Arc<S3Lake>),
}

/// The servers that drills share; the first call starts them.
pub async fn servers() -> (&'static Postgres, &'static S3Server) {
    let start = || (Postgres::shared(), Minio::shared());
    tokio::task::spawn_blocking(start).await.expect("Postgres and MinIO start")
}

/// Seconds as a setting in hours.
pub fn hours(seconds: u64) -> String {
    format!("{:.9}", seconds as f64 / 3600.0)
}

// === impl Site ===

impl Site {
    /// New stores of a kind.
    ///
    /// # Panics
    /// If a server does not start.
    pub async fn new(kind: Kind) -> Self {
        let make = move || match kind {
            Kind::Embedded => Ground::Embedded,
            Kind::Real => Ground::real(),
            Kind::Mesh => Ground::mesh(),
        };
        let ground = tokio::task::spawn_blocking(make).await.expect("the stores are made");
        let lake = match ground.stores() {
            None => None,
            Some(real) => Some(Arc::new(connect(real).await)),
        };
        Self { settings: Settings::default(), ground, lake }
    }

    /// Changes how the platform is started: a setting of an address leads it to a proxy, while what is checked is asked of the
    /// server itself.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.settings = self.settings.with(name, value);
        self
    }

    /// Plays a role by so many processes.
    #[must_use]
    pub fn scaled(mut self, role: Role, processes: usize) -> Self {
        self.settings = self.settings.scaled(role, processes);
        self
    }

    /// Repairs the queue in Redis, where nothing may be to mend: its counters are what its indexes hold.
    pub async fn queue_is_exact(&self, tally: &mut Tally) {
        match self.repaired().await {
            Ok(0) => {}
            Ok(mended) => tally.wrong(format!("the queue needed repair: {mended} things were mended")),
            Err(reason) => tally.wrong(format!("the queue could not be repaired: {reason}")),
        }
    }

    async fn repaired(&self) -> Result<u64, String> {
        let set = |wanted: &str| {
            let all = self.ground.environment().into_iter().chain(self.settings.environment.clone());
            all.rev().find(|(name, _)| name == wanted).map(|(_, value)| value)
        };
        let (Some(url), Some(name)) = (set("RFE_REDIS_URL"), set("REDIS_QUEUE_NAME")) else {
            return Err("it is not in Redis".to_owned());
        };
        let config = RedisQueueConfig { name, ..RedisQueueConfig::new(url) };
        let queue = RedisQueue::open(config).await.map_err(|error| error.to_string())?;
        queue.repair().await.map(|repaired| repaired.mended).map_err(|error| error.to_string())
    }

    /// Starts a platform on them.
    pub async fn start(&self) -> Platform {
        let mut platform = Platform::prepare_on(self.ground.clone(), self.settings.clone());
        platform.restart().await;
        platform
    }

    /// Where its objects are.
    pub fn store(&self, platform: &Platform) -> Store {
        match &self.lake {
            Some(lake) => Store::S3(lake.clone()),
            None => Store::Folder(platform.data().join("lake")),
        }
    }
}

async fn connect(real: &RealGround) -> S3Lake {
    let (s3, BucketNames { raw, processed, dead_letter }) = (real.s3(), real.buckets().clone());
    let config = S3Config {
        endpoint: Some(s3.endpoint()),
        region: s3.region(),
        access_key: Some(s3.access_key()),
        secret_key: Some(s3.secret_key()),
        path_style: true,
        buckets: Buckets { raw, processed, dead_letter },
    };
    S3Lake::connect(config).await.expect("MinIO answers")
}

// === impl Store ===

impl Store {
    /// All objects of a bucket: their bytes by key.
    ///
    /// # Panics
    /// If they can't be listed.
    pub async fn objects(&self, bucket: Bucket) -> BTreeMap<String, u64> {
        match self {
            Self::Folder(folder) => in_folder(&folder.join(bucket.name())),
            Self::S3(lake) => in_bucket(lake, bucket).await,
        }
    }
}

fn in_folder(folder: &Path) -> BTreeMap<String, u64> {
    let object = |path: PathBuf| {
        let key = path.strip_prefix(folder).ok()?.to_string_lossy().into_owned();
        // One that was deleted since is none.
        Some((key, path.metadata().ok()?.len()))
    };
    files_below(folder, "").into_iter().filter_map(object).collect()
}

async fn in_bucket(lake: &S3Lake, bucket: Bucket) -> BTreeMap<String, u64> {
    let mut objects = BTreeMap::new();
    let mut after: Option<String> = None;
    loop {
        let page = lake.list(bucket, "", after.as_deref(), PAGE).await.expect("MinIO lists");
        let is_last = page.len() < PAGE;
        after = page.last().map(|object| object.key.clone());
        objects.extend(page.into_iter().map(|object| (object.key, object.bytes)));
        if is_last {
            return objects;
        }
    }
}
