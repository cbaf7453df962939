//! Kind `parquet`: columns of their own types in files.

mod letter;
mod reader;
mod types;

use async_trait::async_trait;
use rfe_model::{SourceSpec, Violation};
use rfe_proto::{dlq::DeadLetter, ingest::Event};
use serde::Deserialize;

use crate::{
    Chunk, ReadContext, ReadError, Reader, Source,
    config::{Wrong, decode, rejected},
    csv::takes_no_events,
    location::{self, Location},
    pump::Pump,
};

/// The keys below `config`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    location: String,
}

/// Parquet files.
#[derive(Debug)]
pub(crate) struct Parquet;

#[async_trait]
impl Source for Parquet {
    fn name(&self) -> &'static str {
        "parquet"
    }

    fn check(&self, spec: &SourceSpec) -> Result<(), Vec<Violation>> {
        let config: Config = decode(spec).map_err(|wrong| vec![wrong])?;
        let mut wrong = Wrong::default();
        wrong.only_replace(spec);
        wrong.check("config.location", location::check(&config.location));
        wrong.done()
    }

    async fn open(&self, spec: &SourceSpec, context: ReadContext) -> Result<Box<dyn Reader>, ReadError> {
        let config: Config = decode(spec).map_err(|wrong| rejected(&[wrong]))?;
        let location = Location::new(&config.location, spec);
        Pump::open(move || reader::ParquetReader::open(&location, &context)).await
    }

    fn decode_events(&self, _: &SourceSpec, _: &ReadContext, _: &[Event]) -> Result<Chunk, ReadError> {
        Err(takes_no_events("parquet"))
    }

    fn decode_letter(
        &self,
        spec: &SourceSpec,
        context: &ReadContext,
        letter: &DeadLetter,
        raw: &[u8],
    ) -> Result<Chunk, ReadError> {
        Ok(letter::decode(spec, context, letter, raw))
    }
}
