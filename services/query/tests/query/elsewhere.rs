//! The role over a lake that is not local: a real MinIO.

use std::{fs, path::PathBuf, sync::Arc};

use rfe_lake::{Bucket, Buckets, Lake, LocalLake, S3Config, S3Lake};
use rfe_model::id::sha256_hex;
use rfe_proto::metadata::{DataFile, ResolvedDataset};
use rfe_query::Config;
use rfe_test_servers::Minio;

use crate::{
    fixture::{Served, serve_on},
    shown::Shown,
};

/// Files are made in a local lake first.
pub struct Store {
    lake: Arc<dyn Lake>,
    local: LocalLake,
    _folder: tempfile::TempDir,
}

impl Store {
    /// New buckets.
    pub async fn new() -> Self {
        let server = tokio::task::spawn_blocking(Minio::shared).await.expect("a server");
        let names = server.buckets();
        let config = S3Config {
            endpoint: Some(server.endpoint()),
            region: server.region(),
            access_key: Some(server.access_key()),
            secret_key: Some(server.secret_key()),
            path_style: true,
            buckets: Buckets { raw: names.raw, processed: names.processed, dead_letter: names.dead_letter },
        };
        let lake = Arc::new(S3Lake::connect(config).await.expect("a lake"));
        let folder = tempfile::tempdir().expect("folder");
        let local = LocalLake::open(folder.path()).expect("a local lake");
        Self { lake, local, _folder: folder }
    }

    /// The lake.
    pub fn lake(&self) -> &Arc<dyn Lake> {
        &self.lake
    }

    /// Where files are made before they are put.
    pub fn local(&self) -> &LocalLake {
        &self.local
    }

    /// Puts a file that was made, and says what the catalog then knows of it.
    pub async fn put(&self, bucket: Bucket, file: DataFile) -> DataFile {
        let path = self.local.local_path(bucket, &file.key).expect("a local lake");
        let bytes = fs::read(&path).expect("a file that was made");
        let sha256 = sha256_hex(&bytes);
        self.lake.put(bucket, &file.key, bytes.clone().into()).await.expect("put");
        DataFile { bytes: bytes.len() as i64, sha256, ..file }
    }

    /// Puts the files of datasets that were made.
    pub async fn put_all(&self, made: Vec<ResolvedDataset>) -> Vec<ResolvedDataset> {
        let mut all = Vec::new();
        for mut one in made {
            for (bucket, files) in [(Bucket::Raw, &mut one.raw), (Bucket::Processed, &mut one.processed)] {
                for file in std::mem::take(files) {
                    files.push(self.put(bucket, file).await);
                }
            }
            all.push(one);
        }
        all
    }

    /// Serves the role over datasets, with a cache of so many bytes in a new folder.
    pub async fn serve(&self, bytes: u64, make: impl Fn(&dyn Lake) -> Vec<ResolvedDataset>) -> Served {
        let shown = Shown::new(self.put_all(make(&self.local)).await);
        let folder = tempfile::tempdir().expect("folder");
        serve_on(config(bytes, folder.path().join("cache")), Arc::clone(&self.lake), shown, folder).await
    }
}

/// Settings with such a cache.
pub fn config(bytes: u64, cache: PathBuf) -> Config {
    Config { cache, cache_bytes: bytes, ..Config::default() }
}
