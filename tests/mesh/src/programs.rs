//! Local programs in the place of images.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Where the programs are that images of others hold.
#[derive(Debug, Clone)]
pub struct Programs {
    /// The folder of `initdb`, `postgres`, `psql`.
    pub postgres: PathBuf,
    /// The folder of `redis-server`, `redis-cli`.
    pub redis: PathBuf,
    /// MinIO.
    pub minio: PathBuf,
    /// DuckDB's command line.
    pub duckdb: PathBuf,
    /// DuckDB's extension for object stores, of the same version.
    pub httpfs: PathBuf,
}

/// The images that have a local program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Image {
    Rfe,
    Postgres,
    Redis,
    Minio,
    DuckDb,
}

// === impl Programs ===

impl Programs {
    /// As `make` says where they are.
    ///
    /// # Errors
    /// The variable that is not set.
    pub fn from_environment() -> Result<Self, String> {
        let path = |name: &str| {
            let value = std::env::var_os(name).filter(|value| !value.is_empty());
            value.map(PathBuf::from).ok_or_else(|| format!("{name} is not set; `make mesh` sets it"))
        };
        Ok(Self {
            postgres: path("RFE_POSTGRES_BIN")?,
            redis: path("RFE_REDIS_BIN")?,
            minio: path("RFE_MINIO")?,
            duckdb: path("JOURNEY_DUCKDB")?,
            httpfs: path("JOURNEY_HTTPFS")?,
        })
    }

    /// Puts the extension where DuckDB looks for it below a home.
    pub(crate) fn give_duckdb_a_home(&self, home: &Path) -> std::io::Result<()> {
        let httpfs = fs::canonicalize(&self.httpfs)?;
        let version = httpfs.parent().and_then(Path::file_name).unwrap_or_default();
        let folder = home.join(".duckdb/extensions").join(version).join(platform());
        fs::create_dir_all(&folder)?;
        let link = folder.join("httpfs.duckdb_extension");
        let _old = fs::remove_file(&link);
        std::os::unix::fs::symlink(httpfs, link)
    }
}

// === impl Image ===

impl Image {
    /// By its name, whatever its tag.
    pub(crate) fn of(image: &str) -> Option<Self> {
        match image.split(':').next()? {
            "rfe" => Some(Self::Rfe),
            "postgres" => Some(Self::Postgres),
            "redis" => Some(Self::Redis),
            "minio/minio" => Some(Self::Minio),
            "rfe-duckdb" => Some(Self::DuckDb),
            _ => None,
        }
    }
}

/// As DuckDB calls this machine.
fn platform() -> String {
    let system = if cfg!(target_os = "macos") { "osx" } else { "linux" };
    let machine = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
    format!("{system}_{machine}")
}
