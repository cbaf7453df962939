//! Kind `rest`: records of an HTTP API, page by page.

mod auth;
mod config;
mod fetch;
mod page;
mod pagination;
mod plan;
mod reader;

use async_trait::async_trait;
use rfe_model::{SourceSpec, Violation};
use rfe_proto::{dlq::DeadLetter, ingest::Event};

use crate::{
    Chunk, ReadContext, ReadError, Reader, Source,
    config::{Wrong, rejected},
    csv::takes_no_events,
    json_letter,
    json_rows::Place,
};

/// Records of an HTTP API.
#[derive(Debug)]
pub(crate) struct Rest;

#[async_trait]
impl Source for Rest {
    fn name(&self) -> &'static str {
        "rest"
    }

    fn check(&self, spec: &SourceSpec) -> Result<(), Vec<Violation>> {
        let settings = config::Config::read(spec).map_err(|wrong| vec![wrong])?;
        let mut wrong = Wrong::default();
        wrong.only_replace(spec);
        wrong.json(spec, false);
        settings.check(&mut wrong);
        wrong.done()
    }

    async fn open(&self, spec: &SourceSpec, context: ReadContext) -> Result<Box<dyn Reader>, ReadError> {
        let settings = config::Config::read(spec).map_err(|wrong| rejected(&[wrong]))?;
        Ok(Box::new(reader::RestReader::open(spec, &settings, &context)?))
    }

    fn decode_events(&self, _: &SourceSpec, _: &ReadContext, _: &[Event]) -> Result<Chunk, ReadError> {
        Err(takes_no_events("rest"))
    }

    fn decode_letter(
        &self,
        spec: &SourceSpec,
        context: &ReadContext,
        letter: &DeadLetter,
        raw: &[u8],
    ) -> Result<Chunk, ReadError> {
        Ok(json_letter::decode(Place::Page, spec, context, letter, raw))
    }
}
