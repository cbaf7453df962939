//! A Parquet file, one row group in memory at a time.

use std::{error::Error as _, io, io::Write};

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use parquet::{
    arrow::ArrowWriter,
    basic::{Compression, ZstdLevel},
    errors::ParquetError,
    file::properties::WriterProperties,
};

use super::{RowWriter, wrong};
use crate::error::CliError;

const ROW_GROUP: usize = 122_880;

/// Writes Parquet.
pub(super) struct Parquet<'a> {
    writer: ArrowWriter<Box<dyn Write + Send + 'a>>,
}

impl<'a> Parquet<'a> {
    pub(super) fn new(schema: &SchemaRef, to: Box<dyn Write + Send + 'a>) -> Result<Self, CliError> {
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_max_row_group_row_count(Some(ROW_GROUP))
            .build();
        let writer = ArrowWriter::try_new(to, schema.clone(), Some(properties)).map_err(of_parquet)?;
        Ok(Self { writer })
    }
}

impl RowWriter for Parquet<'_> {
    fn write(&mut self, batch: &RecordBatch) -> Result<(), CliError> {
        self.writer.write(batch).map_err(of_parquet)
    }

    fn finish(self: Box<Self>) -> Result<Option<String>, CliError> {
        let mut to = self.writer.into_inner().map_err(of_parquet)?;
        to.flush().map_err(CliError::Output)?;
        Ok(None)
    }
}

fn of_parquet(error: ParquetError) -> CliError {
    let kind = error.source().and_then(|source| source.downcast_ref::<io::Error>()).map(io::Error::kind);
    match kind {
        Some(kind) => CliError::Output(io::Error::new(kind, error.to_string())),
        None => wrong(error),
    }
}
