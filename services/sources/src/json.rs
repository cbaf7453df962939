//! Kind `json`: a record a line, or a list of records, in files.

mod cutter;
mod elements;
mod reader;
mod walk;

use std::collections::BTreeMap;

use async_trait::async_trait;
use rfe_model::{SourceSpec, Violation};
use rfe_proto::dlq::DeadLetter;
use serde::Deserialize;

use crate::{
    Chunk, ReadContext, ReadError, Reader, Source,
    config::{Wrong, decode, rejected},
    json_letter,
    json_rows::Place,
    location::{self, Location},
    pump::Pump,
};

/// The keys below `config`; `format`, `records` and `paths` are below `json`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    location: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
}

/// JSON in files.
#[derive(Debug)]
pub(crate) struct Json;

#[async_trait]
impl Source for Json {
    fn name(&self) -> &'static str {
        "json"
    }

    fn check(&self, spec: &SourceSpec) -> Result<(), Vec<Violation>> {
        let config: Config = decode(spec).map_err(|wrong| vec![wrong])?;
        let mut wrong = Wrong::default();
        wrong.json(spec, true);
        location::check(&config.location, &config.headers, &mut wrong);
        match spec.json.format.as_deref() {
            None | Some("array") => {}
            Some("ndjson") if spec.json.records.is_some() => {
                wrong.add(
                    "json.records",
                    "means nothing where every line is a record; remove it, or set `format: array`",
                );
            }
            Some("ndjson") => {}
            Some(other) => wrong.add("json.format", format!("`{other}` is none of ndjson, array")),
        }
        wrong.done()
    }

    async fn open(&self, spec: &SourceSpec, context: ReadContext) -> Result<Box<dyn Reader>, ReadError> {
        let config: Config = decode(spec).map_err(|wrong| rejected(&[wrong]))?;
        let (location, spec) = (Location::new(&config.location, &config.headers, spec), spec.clone());
        Pump::open(move || reader::JsonReader::open(&location, &spec, &context)).await
    }

    fn decode_letter(
        &self,
        spec: &SourceSpec,
        context: &ReadContext,
        letter: &DeadLetter,
        raw: &[u8],
    ) -> Result<Chunk, ReadError> {
        Ok(json_letter::decode(Place::File, spec, context, letter, raw))
    }
}
