//! What a platform stands on: embedded stores in one process, real servers beneath one process, or real servers beneath the mesh.

use std::sync::Arc;

use rfe_test_servers::{BucketNames, Minio, Postgres, Redis, S3Server};

/// The ground of a platform. It outlives the platform's processes and folders; clones share it.
#[derive(Debug, Clone)]
pub enum Ground {
    /// Below the data folder.
    Embedded,
    /// One process over a database and buckets of its own on real servers; its queue is below the data folder.
    Real(Arc<RealGround>),
    /// Each role in a process of its own, over a database, buckets and a queue of its own on real servers.
    Mesh(Arc<RealGround>),
}

/// A database, three buckets and a name in Redis that no other platform uses. The database is dropped with it.
#[derive(Debug)]
pub struct RealGround {
    postgres: &'static Postgres,
    database: String,
    s3: &'static S3Server,
    buckets: BucketNames,
    /// The address and the name of the queue, where it is in Redis.
    queue: Option<(String, String)>,
}

impl Default for Ground {
    /// New ground of the kind that this test binary runs on: `JOURNEY_GROUND` says `embedded`, `real` or `mesh`, else its own name
    /// does.
    fn default() -> Self {
        let kind = std::env::var("JOURNEY_GROUND").unwrap_or_else(|_| kind_of_this_test().to_owned());
        match kind.as_str() {
            "embedded" => Self::Embedded,
            "real" => Self::real(),
            "mesh" => Self::mesh(),
            other => panic!("JOURNEY_GROUND: `{other}` is none of embedded, real, mesh"),
        }
    }
}

// === impl Ground ===

impl Ground {
    /// New ground on the Postgres and the MinIO that the tests of this process share. Blocks while they start.
    pub fn real() -> Self {
        Self::Real(Arc::new(RealGround::new(None)))
    }

    /// New ground for a mesh, on the Postgres, the MinIO and the Redis that the tests of this process share. Blocks while they start.
    pub fn mesh() -> Self {
        let redis = Redis::shared();
        Self::Mesh(Arc::new(RealGround::new(Some((redis.url(), redis.queue_name())))))
    }

    /// The database and the buckets; none if they are embedded.
    pub fn stores(&self) -> Option<&Arc<RealGround>> {
        match self {
            Self::Embedded => None,
            Self::Real(real) | Self::Mesh(real) => Some(real),
        }
    }

    /// What tells a process to use it.
    pub fn environment(&self) -> Vec<(String, String)> {
        let Some(real) = self.stores() else { return Vec::new() };
        let BucketNames { raw, processed, dead_letter } = real.buckets.clone();
        let queue =
            real.queue.clone().map(|(url, name)| [("RFE_REDIS_URL", url), ("REDIS_QUEUE_NAME", name)]);
        let stores = [
            ("RFE_POSTGRES_URL", real.database.clone()),
            ("MINIO_ENDPOINT", real.s3.endpoint()),
            ("MINIO_ACCESS_KEY", real.s3.access_key()),
            ("MINIO_SECRET_KEY", real.s3.secret_key()),
            ("MINIO_BUCKET_RAW", raw),
            ("MINIO_BUCKET_PROCESSED", processed),
            ("MINIO_BUCKET_DEAD_LETTER", dead_letter),
        ];
        let variables = stores.into_iter().chain(queue.into_iter().flatten());
        variables.map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

// === impl RealGround ===

impl RealGround {
    fn new(queue: Option<(String, String)>) -> Self {
        let (postgres, s3) = (Postgres::shared(), Minio::shared());
        let (database, buckets) = (postgres.database_blocking(), s3.buckets());
        Self { postgres, database, s3, buckets, queue }
    }

    /// The URL of the database.
    pub fn database(&self) -> &str {
        &self.database
    }

    /// The object store.
    pub fn s3(&self) -> &'static S3Server {
        self.s3
    }

    /// What its buckets are called.
    pub fn buckets(&self) -> &BucketNames {
        &self.buckets
    }
}

impl Drop for RealGround {
    fn drop(&mut self) {
        self.postgres.drop_database(&self.database);
    }
}

// Every journey is in several test binaries, which differ in this alone.
fn kind_of_this_test() -> &'static str {
    let path = std::env::current_exe().expect("a running test has a path");
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    match name.as_str() {
        name if name.starts_with("journeys_on_real_ground") => "real",
        name if name.starts_with("journeys_in_the_mesh") => "mesh",
        _ => "embedded",
    }
}
