//! Kind `csv`: delimited text in files.

mod config;
mod dialect;
mod frame;
mod header;
mod letter;
mod number_form;
mod reader;
mod records;
mod table;

use async_trait::async_trait;
use rfe_model::{SourceSpec, Violation, letter::Stage};
use rfe_proto::{dlq::DeadLetter, ingest::Event};

use crate::{
    Chunk, ReadContext, ReadError, Reader, Source,
    config::{Wrong, rejected},
    error::code,
    location::Location,
    pump::Pump,
};

/// Delimited text in files.
#[derive(Debug)]
pub(crate) struct Csv;

#[async_trait]
impl Source for Csv {
    fn name(&self) -> &'static str {
        "csv"
    }

    fn check(&self, spec: &SourceSpec) -> Result<(), Vec<Violation>> {
        let settings = config::Config::read(spec)?;
        let mut wrong = Wrong::default();
        settings.check(&mut wrong);
        wrong.done()
    }

    async fn open(&self, spec: &SourceSpec, context: ReadContext) -> Result<Box<dyn Reader>, ReadError> {
        let settings = config::Config::read(spec).map_err(|wrong| rejected(&wrong))?;
        let dialect = settings.dialect().map_err(|wrong| rejected(&wrong))?;
        let location = Location::new(&settings.location, &settings.headers, settings.s3.as_ref(), spec);
        Pump::open(move || reader::CsvReader::open(&location, dialect, &context)).await
    }

    fn decode_events(&self, _: &SourceSpec, _: &ReadContext, _: &[Event]) -> Result<Chunk, ReadError> {
        Err(takes_no_events("csv"))
    }

    fn decode_letter(
        &self,
        _: &SourceSpec,
        context: &ReadContext,
        letter: &DeadLetter,
        raw: &[u8],
    ) -> Result<Chunk, ReadError> {
        letter::decode(context, letter, raw)
    }
}

/// What kinds that are read say to events.
pub(crate) fn takes_no_events(kind: &str) -> ReadError {
    let message = format!("a {kind} source is read by jobs; it takes no events");
    ReadError::permanent(Stage::Decode, code::KIND_MISMATCH, message)
}
