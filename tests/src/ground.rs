//! What a platform's registry and lake are: the embedded ones, or Postgres and an object store.

use std::sync::Arc;

use rfe_test_servers::{BucketNames, Minio, Postgres, S3Server};

/// The ground of a platform. It outlives the platform's processes and folders; clones share it.
#[derive(Debug, Clone)]
pub enum Ground {
    /// Below the data folder.
    Embedded,
    /// A database and buckets of its own on real servers.
    Real(Arc<RealGround>),
}

/// A database and three buckets that no other platform uses. The database is dropped with it.
#[derive(Debug)]
pub struct RealGround {
    postgres: &'static Postgres,
    database: String,
    s3: &'static S3Server,
    buckets: BucketNames,
}

impl Default for Ground {
    /// New ground of the kind that this test binary runs on: `JOURNEY_GROUND` says `embedded` or `real`, else its own name does.
    fn default() -> Self {
        let named = std::env::var("JOURNEY_GROUND").ok();
        match named.as_deref().unwrap_or(if is_for_real_ground() { "real" } else { "embedded" }) {
            "embedded" => Self::Embedded,
            "real" => Self::real(),
            other => panic!("JOURNEY_GROUND: `{other}` is none of embedded, real"),
        }
    }
}

// === impl Ground ===

impl Ground {
    /// New ground on the Postgres and the MinIO that the tests of this process share. Blocks while they start.
    pub fn real() -> Self {
        let (postgres, s3) = (Postgres::shared(), Minio::shared());
        let (database, buckets) = (postgres.database_blocking(), s3.buckets());
        Self::Real(Arc::new(RealGround { postgres, database, s3, buckets }))
    }

    /// The database and the buckets; none if they are embedded.
    pub fn stores(&self) -> Option<&Arc<RealGround>> {
        match self {
            Self::Embedded => None,
            Self::Real(real) => Some(real),
        }
    }

    /// What tells a process to use it.
    pub fn environment(&self) -> Vec<(String, String)> {
        let Some(real) = self.stores() else { return Vec::new() };
        let BucketNames { raw, processed, dead_letter } = real.buckets.clone();
        let variables = [
            ("RFE_POSTGRES_URL", real.database.clone()),
            ("MINIO_ENDPOINT", real.s3.endpoint()),
            ("MINIO_ACCESS_KEY", real.s3.access_key()),
            ("MINIO_SECRET_KEY", real.s3.secret_key()),
            ("MINIO_BUCKET_RAW", raw),
            ("MINIO_BUCKET_PROCESSED", processed),
            ("MINIO_BUCKET_DEAD_LETTER", dead_letter),
        ];
        variables.map(|(name, value)| (name.to_owned(), value)).to_vec()
    }
}

// === impl RealGround ===

impl RealGround {
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

// Every journey is in two test binaries, which differ in this alone.
fn is_for_real_ground() -> bool {
    let path = std::env::current_exe().expect("a running test has a path");
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("journeys_on_real_ground"))
}
