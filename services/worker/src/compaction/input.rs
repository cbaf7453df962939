//! One file to compact: its columns and their Parquet field ids, and its rows, row group by row group.

use std::{io::Cursor, path::Path, sync::Arc};

use bytes::Bytes;
use polars::prelude::{DataFrame, DataType, ParallelStrategy, ParquetReader, PolarsResult, SerReader as _};
use polars_parquet::read::{FileMetadata, read_metadata};
use rfe_model::{id::sha256_hex, letter::Stage as At};
use rfe_proto::metadata::DataFile;

use crate::failure::{Failed, INPUT_DAMAGED, Stop};

/// An opened file. It is small, and is held in memory as it lies in the lake.
pub(super) struct Input {
    key: String,
    bytes: Bytes,
    metadata: Arc<FileMetadata>,
}

impl Input {
    /// Opens a file and checks that it is what the registry knows.
    pub fn open(file: &DataFile, path: &Path) -> Result<Self, Stop> {
        let bytes = Bytes::from(std::fs::read(path)?);
        if bytes.len() as i64 != file.bytes {
            let message = format!("it has {} bytes, and {} were written", bytes.len(), file.bytes);
            return Err(damaged(&file.key, &message));
        }
        let sha256 = sha256_hex(&bytes);
        if sha256 != file.sha256 {
            return Err(damaged(
                &file.key,
                &format!("its SHA-256 is {sha256}, and {} was written", file.sha256),
            ));
        }
        let metadata = read_metadata(&mut Cursor::new(&bytes))
            .map_err(|error| damaged(&file.key, &error.to_string()))?;
        if metadata.num_rows as i64 != file.rows {
            let message = format!("it has {} rows, and {} were written", metadata.num_rows, file.rows);
            return Err(damaged(&file.key, &message));
        }
        Ok(Self { key: file.key.clone(), bytes, metadata: Arc::new(metadata) })
    }

    /// Its columns' Parquet field ids, where they have one, by place.
    pub fn ids(&self) -> Vec<Option<u32>> {
        let fields = self.metadata.schema().fields().iter();
        fields.map(|field| field.get_field_info().id.and_then(|id| u32::try_from(id).ok())).collect()
    }

    /// The types of its columns, by Parquet field id.
    pub fn columns(&self) -> Result<Vec<(u32, DataType)>, Stop> {
        let frame = self.read(0, 0)?;
        let columns = self.ids().into_iter().zip(frame.columns());
        Ok(columns.filter_map(|(id, column)| Some((id?, column.dtype().clone()))).collect())
    }

    /// Its rows, a row group at a time.
    pub fn frames(&self) -> impl Iterator<Item = Result<DataFrame, Stop>> {
        let mut first = 0;
        let groups = self.metadata.row_groups.iter().map(move |group| {
            let at = first;
            first += group.num_rows();
            (at, group.num_rows())
        });
        groups.filter(|(_, rows)| *rows > 0).map(|(first, rows)| self.read(first, rows))
    }

    fn read(&self, first: usize, rows: usize) -> Result<DataFrame, Stop> {
        let read = || -> PolarsResult<DataFrame> {
            let mut reader = ParquetReader::new(Cursor::new(&self.bytes));
            reader.set_metadata(self.metadata.clone());
            reader.read_parallel(ParallelStrategy::Columns).with_slice(Some((first, rows))).finish()
        };
        let frame = read().map_err(|error| damaged(&self.key, &error.to_string()))?;
        if frame.height() != rows {
            let message = format!("{} rows came of the {rows} behind row {first}", frame.height());
            return Err(damaged(&self.key, &message));
        }
        Ok(frame)
    }
}

fn damaged(key: &str, why: &str) -> Stop {
    Failed::transient(At::Read, INPUT_DAMAGED, format!("the data file `{key}` can't be read: {why}")).into()
}
