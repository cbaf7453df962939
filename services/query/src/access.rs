//! Where the engine reads data files: in place, or in the cache.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use rfe_lake::{Bucket, Lake};
use rfe_mesh::Metrics;

use crate::{
    cache::{Cache, Pins, Wanted},
    config::Config,
    error::QueryError,
    files::File,
};

/// How data files are reached.
#[derive(Debug, Clone)]
pub enum Access {
    /// The lake is local, and its files are read where they lie.
    InPlace(Arc<dyn Lake>),
    /// The lake is elsewhere, and its files are fetched.
    Cached(Cache),
}

/// Files at hand as long as this lives.
#[derive(Debug, Default)]
pub struct Held {
    /// Where they lie, in the order in which they were asked for.
    pub paths: Vec<String>,
    pins: Option<Pins>,
}

impl Held {
    /// Says that the engine could not read one of them.
    pub fn doubt(&self) {
        if let Some(pins) = &self.pins {
            pins.doubt();
        }
    }
}

impl Access {
    /// To the files of this lake.
    pub fn open(config: &Config, lake: Arc<dyn Lake>, metrics: &Metrics) -> Result<Self, QueryError> {
        if lake.local_path(Bucket::Processed, "any").is_some() {
            return Ok(Self::InPlace(lake));
        }
        let cache = Cache::open(&config.cache, config.cache_bytes, lake, metrics);
        let failed = |error| {
            let folder = config.cache.display();
            QueryError::Internal(format!("the query cache `{folder}` can't be used: {error}"))
        };
        cache.map(Self::Cached).map_err(failed)
    }

    /// The folders below which all files lie.
    pub fn folders(&self) -> Vec<PathBuf> {
        match self {
            Self::InPlace(lake) => {
                let folder = |bucket| lake.local_path(bucket, "any")?.parent().map(Path::to_owned);
                [Bucket::Raw, Bucket::Processed].into_iter().filter_map(folder).collect()
            }
            Self::Cached(cache) => vec![cache.root().to_owned()],
        }
    }

    /// Brings files to hand.
    pub async fn hold(&self, files: &[(Bucket, &File)]) -> Result<Held, QueryError> {
        match self {
            Self::InPlace(lake) => {
                let path = |(bucket, file): &(Bucket, &File)| {
                    let path = lake.local_path(*bucket, &file.key).ok_or_else(|| nowhere(*bucket, file))?;
                    Ok(path.display().to_string())
                };
                Ok(Held { paths: files.iter().map(path).collect::<Result<_, QueryError>>()?, pins: None })
            }
            Self::Cached(cache) => {
                let wanted = |(bucket, file): &(Bucket, &File)| {
                    let content = file.content.ok_or_else(|| nowhere(*bucket, file))?;
                    Ok(Wanted { bucket: *bucket, key: file.key.clone(), content })
                };
                let wanted = files.iter().map(wanted).collect::<Result<Vec<_>, QueryError>>()?;
                let digests = wanted.iter().map(|file| file.content.digest).collect::<Vec<_>>();
                let pins = cache.hold(wanted).await?;
                let path = |digest| pins.path(digest).display().to_string();
                Ok(Held { paths: digests.into_iter().map(path).collect(), pins: Some(pins) })
            }
        }
    }
}

fn nowhere(bucket: Bucket, file: &File) -> QueryError {
    let name = bucket.name();
    QueryError::Internal(format!(
        "the catalog names the data file `{name}/{}` without what finds it",
        file.key
    ))
}
