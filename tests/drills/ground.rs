//! What a platform under drill stands on: embedded stores, or real servers.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use rfe_lake::{Bucket, Buckets, Lake, S3Config, S3Lake};
use rfe_test_servers::{BucketNames, Minio, Postgres};
use rfe_tests::{Platform, Settings, fixture::files_below};

const PAGE: usize = 1000;

/// Which stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ground {
    /// SQLite and local files.
    Embedded,
    /// Postgres and MinIO.
    Real,
}

/// The stores of one platform, which no other one has.
#[derive(Debug, Clone)]
pub struct Site {
    /// How the platform is started on them.
    pub settings: Settings,
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
pub async fn servers() -> (&'static Postgres, &'static rfe_test_servers::S3Server) {
    let start = || (Postgres::shared(), Minio::shared());
    tokio::task::spawn_blocking(start).await.expect("Postgres and MinIO start")
}

// === impl Site ===

impl Site {
    /// New stores of a kind.
    pub async fn new(ground: Ground) -> Self {
        match ground {
            Ground::Embedded => Self { settings: Settings::default(), lake: None },
            Ground::Real => {
                let (postgres, minio) = servers().await;
                Self::real(&postgres.database().await, &minio.endpoint()).await
            }
        }
    }

    /// A database by its URL and new buckets of the shared MinIO, which the platform reaches at `endpoint`.
    ///
    /// # Panics
    /// If MinIO does not answer.
    pub async fn real(postgres_url: &str, endpoint: &str) -> Self {
        let (_, minio) = servers().await;
        let BucketNames { raw, processed, dead_letter } = minio.buckets();
        let settings = Settings::default()
            .with("RFE_POSTGRES_URL", postgres_url)
            .with("MINIO_ENDPOINT", endpoint)
            .with("MINIO_ACCESS_KEY", minio.access_key())
            .with("MINIO_SECRET_KEY", minio.secret_key())
            .with("MINIO_BUCKET_RAW", &raw)
            .with("MINIO_BUCKET_PROCESSED", &processed)
            .with("MINIO_BUCKET_DEAD_LETTER", &dead_letter);
        // What is checked is asked of MinIO itself, whatever lies between it and the platform.
        let config = S3Config {
            endpoint: Some(minio.endpoint()),
            region: minio.region(),
            access_key: Some(minio.access_key()),
            secret_key: Some(minio.secret_key()),
            path_style: true,
            buckets: Buckets { raw, processed, dead_letter },
        };
        let lake = S3Lake::connect(config).await.expect("MinIO answers");
        Self { settings, lake: Some(Arc::new(lake)) }
    }

    /// Changes how the platform is started.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.settings = self.settings.with(name, value);
        self
    }

    /// Starts a platform on them.
    pub async fn start(&self) -> Platform {
        self.settings.clone().start().await
    }

    /// Where its objects are.
    pub fn store(&self, platform: &Platform) -> Store {
        match &self.lake {
            Some(lake) => Store::S3(lake.clone()),
            None => Store::Folder(platform.data().join("lake")),
        }
    }
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
