//! Kind `rest`: records of an HTTP API, page by page.

mod answers;
mod auth;
mod checkpoint;
mod config;
mod envelope;
mod fetch;
mod incremental;
mod link;
mod oauth;
mod paces;
mod page;
mod pagination;
mod plan;
mod reader;
mod seen;
mod state;
mod turn;
mod value;
mod walk;

use async_trait::async_trait;
use rfe_model::{SourceSpec, Violation};
use rfe_proto::{dlq::DeadLetter, ingest::Event};

use crate::{
    Chunk, ReadContext, ReadError, Reader, Source,
    config::{Wrong, rejected, rejected_for},
    csv::takes_no_events,
    json_letter,
    json_rows::Place,
};

/// Records of an HTTP API.
#[derive(Debug, Default)]
pub(crate) struct Rest {
    paces: paces::Paces,
}

#[async_trait]
impl Source for Rest {
    fn name(&self) -> &'static str {
        "rest"
    }

    fn check(&self, spec: &SourceSpec) -> Result<(), Vec<Violation>> {
        let settings = config::Config::read(spec).map_err(|wrong| vec![wrong])?;
        let mut wrong = Wrong::default();
        wrong.json(spec, false);
        settings.check(spec.mode, &mut wrong);
        wrong.done()
    }

    async fn open(&self, spec: &SourceSpec, context: ReadContext) -> Result<Box<dyn Reader>, ReadError> {
        let settings = config::Config::read(spec).map_err(|wrong| rejected(&[wrong]))?;
        let pace = settings.interval().map_err(|reason| rejected_for("rate", &reason))?;
        let pace = pace.map(|interval| self.paces.of(&spec.name, interval));
        Ok(Box::new(reader::RestReader::open(spec, &settings, &context, pace)?))
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
        let settings = config::Config::read(spec).map_err(|wrong| rejected(&[wrong]))?;
        let rule = settings.incremental.map(|incremental| incremental.rule(spec)).transpose();
        let rule = rule.map_err(|reason| rejected_for("incremental", &reason))?;
        let check = |text: &str| rule.as_ref().map_or(Ok(()), |rule| rule.value(text).map(drop));
        Ok(json_letter::decode_checked(Place::Page, spec, context, letter, raw, check))
    }
}
