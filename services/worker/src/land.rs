//! Finished files to the lake, and their rows for the registry.

use std::sync::Arc;

use rfe_lake::{Bucket, Lake};
use rfe_model::{key, time};
use rfe_proto::metadata::{DataFile, Layer};
use tokio_util::task::AbortOnDropHandle;

use crate::{attempt::Attempt, failure::Stop, part::WrittenPart, raw};

/// The files of a run that are in the lake. One step's files are put while the next step makes more.
#[derive(Debug)]
pub(crate) struct Landed {
    lake: Arc<dyn Lake>,
    dataset: String,
    run_id: String,
    epoch: u64,
    created: jiff::Timestamp,
    files: Vec<DataFile>,
    next_part: [u32; 2],
    putting: Option<AbortOnDropHandle<Result<(), Stop>>>,
}

impl Landed {
    pub fn new(attempt: &Attempt) -> Self {
        Self {
            lake: attempt.worker.lake.clone(),
            dataset: attempt.spec.name.clone(),
            run_id: attempt.run.run_id.clone(),
            epoch: attempt.run.epoch,
            created: attempt.created(),
            files: Vec::new(),
            next_part: [0; 2],
            putting: None,
        }
    }

    /// Puts files of a layer, once those before are put; [`Self::settle`] waits for them. Each part of an epoch has its own
    /// number, also those that are written again.
    pub async fn put(&mut self, layer: Layer, parts: Vec<WrittenPart>) -> Result<(), Stop> {
        if parts.is_empty() {
            return Ok(());
        }
        self.settle().await?;
        let (bucket, at) = match layer {
            Layer::Raw => (Bucket::Raw, 0),
            _ => (Bucket::Processed, 1),
        };
        let mut puts = Vec::with_capacity(parts.len());
        for part in parts {
            let number = self.next_part[at];
            self.next_part[at] += 1;
            let key =
                key::data_file(&self.dataset, self.created, &self.run_id, self.epoch, number, &part.sha256);
            puts.push((key.clone(), part.path.clone(), part.sha256.clone()));
            self.files.push(self.record(key, layer, number, part));
        }
        let lake = self.lake.clone();
        self.putting = Some(AbortOnDropHandle::new(tokio::spawn(async move {
            for (key, path, sha256) in puts {
                lake.put_file(bucket, &key, &path, &sha256).await?;
                // A lake that copies leaves the file; scratch is bounded.
                match tokio::fs::remove_file(&path).await {
                    Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
                    _ => {}
                }
            }
            Ok(())
        })));
        Ok(())
    }

    /// Waits until all files are in the lake.
    pub async fn settle(&mut self) -> Result<(), Stop> {
        match self.putting.take() {
            Some(putting) => putting.await.map_err(|error| Stop::Backend(error.to_string()))?,
            None => Ok(()),
        }
    }

    /// Forgets the files of both layers: they are written again. What lies in the lake is an orphan then.
    pub fn forget(&mut self) {
        self.files.clear();
    }

    /// The files, those of `processed` with their schema version.
    pub fn files(&self, schema_version: u32) -> Vec<DataFile> {
        self.files.iter().map(|file| DataFile { schema_version, ..file.clone() }).collect()
    }

    /// Bytes of all of them.
    pub fn bytes(&self) -> i64 {
        self.files.iter().map(|file| file.bytes).sum()
    }

    fn record(&self, key: String, layer: Layer, part: u32, written: WrittenPart) -> DataFile {
        DataFile {
            key,
            layer: layer.into(),
            dataset: self.dataset.clone(),
            run_id: self.run_id.clone(),
            epoch: self.epoch,
            part,
            rows: written.rows as i64,
            bytes: written.bytes as i64,
            sha256: written.sha256,
            created_time: Some(time::now_proto()),
            raw_columns: if layer == Layer::Raw { raw::columns(&written.fields) } else { Vec::new() },
            stats: written.stats,
            ..DataFile::default()
        }
    }
}
