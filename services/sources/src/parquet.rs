//! Kind `parquet`: columns of their own types in files.

mod file;
mod pages;
mod reader;
mod types;

use async_trait::async_trait;
use rfe_model::{SourceSpec, Violation};
use rfe_proto::dlq::DeadLetter;

use crate::{
    Chunk, ReadContext, ReadError, Reader, Source,
    config::FilesConfig,
    pump::Pump,
    typed_rows::{self, RawForm},
};

/// Parquet files.
#[derive(Debug)]
pub(crate) struct Parquet;

#[async_trait]
impl Source for Parquet {
    fn name(&self) -> &'static str {
        "parquet"
    }

    fn check(&self, spec: &SourceSpec) -> Result<(), Vec<Violation>> {
        FilesConfig::check(spec)
    }

    async fn open(&self, spec: &SourceSpec, context: ReadContext) -> Result<Box<dyn Reader>, ReadError> {
        let location = FilesConfig::location(spec)?;
        Pump::open(move || reader::ParquetReader::open(&location, &context)).await
    }

    fn decode_letter(
        &self,
        spec: &SourceSpec,
        context: &ReadContext,
        letter: &DeadLetter,
        raw: &[u8],
    ) -> Result<Chunk, ReadError> {
        Ok(typed_rows::decode_letter(RawForm::Columns, spec, context, letter, raw))
    }
}
