//! One JSON object a row and line.

use std::io::Write;

use arrow::{
    error::ArrowError,
    json::{
        WriterBuilder,
        writer::{LineDelimited, Writer},
    },
};
use arrow_array::RecordBatch;

use super::{RowWriter, wrong, zone};
use crate::error::CliError;

/// Writes NDJSON.
pub(super) struct Ndjson<'a> {
    writer: Writer<Box<dyn Write + Send + 'a>, LineDelimited>,
}

impl<'a> Ndjson<'a> {
    pub(super) fn new(to: Box<dyn Write + Send + 'a>) -> Self {
        Self { writer: WriterBuilder::new().with_explicit_nulls(true).build(to) }
    }
}

impl RowWriter for Ndjson<'_> {
    fn write(&mut self, batch: &RecordBatch) -> Result<(), CliError> {
        self.writer.write(&zone::in_utc(batch)?).map_err(of_arrow)
    }

    fn finish(mut self: Box<Self>) -> Result<Option<String>, CliError> {
        self.writer.finish().map_err(of_arrow)?;
        self.writer.into_inner().flush().map_err(CliError::Output)?;
        Ok(None)
    }
}

fn of_arrow(error: ArrowError) -> CliError {
    match error {
        ArrowError::IoError(_, error) => CliError::Output(error),
        other => wrong(other),
    }
}
