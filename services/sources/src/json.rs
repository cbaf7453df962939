//! Kind `json`: a record a line, or a list of records, in files.

mod cutter;
mod elements;
mod reader;
mod walk;

use async_trait::async_trait;
use rfe_model::{SourceSpec, Violation};
use rfe_proto::dlq::DeadLetter;

use crate::{
    Chunk, ReadContext, ReadError, Reader, Source,
    config::{FilesConfig, Wrong},
    json_letter,
    json_rows::Place,
    pump::Pump,
};

/// JSON in files. `format`, `records` and `paths` are below `json`, not below `config`.
#[derive(Debug)]
pub(crate) struct Json;

#[async_trait]
impl Source for Json {
    fn name(&self) -> &'static str {
        "json"
    }

    fn check(&self, spec: &SourceSpec) -> Result<(), Vec<Violation>> {
        let mut wrong = Wrong::default();
        wrong.json(spec, true);
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
        FilesConfig::check_with(spec, wrong)
    }

    async fn open(&self, spec: &SourceSpec, context: ReadContext) -> Result<Box<dyn Reader>, ReadError> {
        let (location, spec) = (FilesConfig::location(spec)?, spec.clone());
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
