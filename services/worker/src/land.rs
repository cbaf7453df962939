//! Finished files to the lake, and their rows for the registry.

use rfe_lake::{Bucket, Lake};
use rfe_model::{key, time};
use rfe_proto::metadata::{DataFile, Layer};

use crate::{failure::Stop, part::WrittenPart, raw};

/// The files of a run that are in the lake.
#[derive(Debug)]
pub(crate) struct Landed {
    dataset: String,
    run_id: String,
    epoch: u64,
    created: jiff::Timestamp,
    files: Vec<DataFile>,
    next_part: [u32; 2],
}

impl Landed {
    pub fn new(dataset: &str, run_id: &str, epoch: u64, created: jiff::Timestamp) -> Self {
        Self {
            dataset: dataset.to_owned(),
            run_id: run_id.to_owned(),
            epoch,
            created,
            files: Vec::new(),
            next_part: [0; 2],
        }
    }

    /// Puts files of a layer. Each part of an epoch has its own number, also those that are written again.
    pub async fn put(&mut self, lake: &dyn Lake, layer: Layer, parts: Vec<WrittenPart>) -> Result<(), Stop> {
        let (bucket, at) = match layer {
            Layer::Raw => (Bucket::Raw, 0),
            _ => (Bucket::Processed, 1),
        };
        for part in parts {
            let number = self.next_part[at];
            self.next_part[at] += 1;
            let key =
                key::data_file(&self.dataset, self.created, &self.run_id, self.epoch, number, &part.sha256);
            lake.put_file(bucket, &key, &part.path, &part.sha256).await?;
            // A lake that copies leaves the file; scratch is bounded.
            match tokio::fs::remove_file(&part.path).await {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
                _ => self.files.push(self.record(key, layer, number, part)),
            }
        }
        Ok(())
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
