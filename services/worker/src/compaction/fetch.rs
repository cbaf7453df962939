//! The files to compact, brought near: in place where the lake is local, else a few ahead in scratch.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use futures::{StreamExt as _, stream::BoxStream};
use rfe_lake::{Bucket, Lake, LakeError};
use rfe_model::letter::Stage as At;
use rfe_proto::metadata::DataFile;
use tokio_util::task::AbortOnDropHandle;

use crate::{
    attempt::Attempt,
    failure::{Failed, INPUT_DAMAGED, INPUT_MISSING, Stop},
};

/// Files that are fetched ahead of the one that is read.
const AHEAD: usize = 4;

/// The inputs of an attempt, in order.
pub(super) struct Fetches(BoxStream<'static, Result<Fetched, Stop>>);

/// An input on a local disk. Whether its bytes are those that were written, its reader finds out.
#[derive(Debug)]
pub(super) struct Fetched {
    path: PathBuf,
    in_place: bool,
}

impl Fetches {
    pub fn new(attempt: &Attempt, bucket: Bucket) -> Self {
        let (lake, folder) = (attempt.worker.lake.clone(), attempt.scratch());
        let files = futures::stream::iter(attempt.inputs.clone().into_iter().enumerate());
        let fetched = files
            .map(move |(number, input)| {
                let to = folder.join(format!("input-{number}.parquet"));
                AbortOnDropHandle::new(tokio::spawn(fetch(lake.clone(), bucket, input, to)))
            })
            .buffered(AHEAD)
            .map(|fetched| fetched.unwrap_or_else(|error| Err(Stop::Backend(error.to_string()))));
        Self(fetched.boxed())
    }

    /// The next one.
    pub async fn next(&mut self) -> Result<Fetched, Stop> {
        let none = || Err(Stop::Backend("there are fewer inputs than were named".to_owned()));
        self.0.next().await.unwrap_or_else(none)
    }
}

impl Fetched {
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Gives its place in scratch back.
    pub fn discard(self) -> io::Result<()> {
        if self.in_place { Ok(()) } else { std::fs::remove_file(&self.path) }
    }
}

/// Brings one object near.
pub(super) async fn fetch(
    lake: Arc<dyn Lake>,
    bucket: Bucket,
    input: DataFile,
    to: PathBuf,
) -> Result<Fetched, Stop> {
    if let Some(path) = lake.local_path(bucket, &input.key) {
        return match tokio::fs::try_exists(&path).await {
            Ok(true) => Ok(Fetched { path, in_place: true }),
            Ok(false) => Err(missing(bucket, &input)),
            Err(error) => Err(Stop::Backend(format!("`{}/{}`: {error}", bucket.name(), input.key))),
        };
    }
    match lake.fetch(bucket, &input.key, &to, Some(&input.sha256)).await {
        Ok(_) => Ok(Fetched { path: to, in_place: false }),
        Err(LakeError::NotFound { .. }) => Err(missing(bucket, &input)),
        Err(error @ LakeError::Mismatch { .. }) => {
            Err(Failed::transient(At::Read, INPUT_DAMAGED, error.to_string()).into())
        }
        Err(error) => Err(error.into()),
    }
}

fn missing(bucket: Bucket, input: &DataFile) -> Stop {
    let message = format!(
        "the object `{}/{}` of run {} is missing from the lake, and the registry shows its {} rows; restore it",
        bucket.name(),
        input.key,
        input.run_id,
        input.rows
    );
    Failed::transient(At::Read, INPUT_MISSING, message).into()
}
