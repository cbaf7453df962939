//! Kind `webhook`: events that others push. The edge obeys its config; this kind checks it and takes the events apart.

use async_trait::async_trait;
use rfe_model::{SourceSpec, Violation, duration, letter::Stage, verify::Verify};
use rfe_proto::{dlq::DeadLetter, ingest::Event};
use serde::Deserialize;

use crate::{
    Chunk, ReadContext, ReadError, Reader, Source,
    config::{Wrong, decode},
    error::code,
    events, json_pointer,
};

const MAX_BODY: u64 = 25 << 20;

/// The keys below `config`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Config {
    event_id: Option<EventId>,
    // Read by the model, which knows its path and the nearest names.
    verify: Option<serde_json::Value>,
    #[serde(deserialize_with = "duration::deserialize_bytes")]
    max_body: Option<u64>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct EventId {
    header: Option<String>,
    pointer: Option<String>,
}

impl Config {
    fn check(&self, wrong: &mut Wrong) {
        if let Some(rule) = &self.event_id {
            match (&rule.header, &rule.pointer) {
                (Some(header), None) => wrong.check("config.event_id.header", header_name(header)),
                (None, Some(pointer)) => wrong.check("config.event_id.pointer", json_pointer::check(pointer)),
                _ => wrong.add(
                    "config.event_id",
                    "has one of `header` and `pointer`, such as `{header: X-Request-Id}`",
                ),
            }
        }
        if let Some(verify) = &self.verify {
            let checked = Verify::read(verify).map_err(|wrong| vec![wrong]).and_then(|read| read.check());
            for violation in checked.err().unwrap_or_default() {
                let Violation { path, reason } = violation.below("config.verify");
                wrong.add(&path, reason);
            }
        }
        if self.max_body.is_some_and(|bytes| bytes == 0 || bytes > MAX_BODY) {
            wrong.add("config.max_body", "is between 1 byte and 25MiB");
        }
    }
}

fn header_name(name: &str) -> Result<(), String> {
    http::HeaderName::try_from(name).map(|_| ()).map_err(|_| format!("`{name}` is no name of a header"))
}

/// Events that others push.
#[derive(Debug)]
pub(crate) struct Webhook;

#[async_trait]
impl Source for Webhook {
    fn name(&self) -> &'static str {
        "webhook"
    }

    fn check(&self, spec: &SourceSpec) -> Result<(), Vec<Violation>> {
        let config: Config = decode(spec).map_err(|wrong| vec![wrong])?;
        let mut wrong = Wrong::default();
        wrong.json(spec, false);
        config.check(&mut wrong);
        wrong.done()
    }

    async fn open(&self, spec: &SourceSpec, _: ReadContext) -> Result<Box<dyn Reader>, ReadError> {
        let message =
            format!("`{}` is a webhook source: events are pushed to it, no job reads it", spec.name);
        Err(ReadError::permanent(Stage::Read, code::KIND_MISMATCH, message))
    }

    fn decode_events(
        &self,
        spec: &SourceSpec,
        context: &ReadContext,
        events: &[Event],
    ) -> Result<Chunk, ReadError> {
        Ok(events::decode(spec, context, events))
    }

    fn decode_letter(
        &self,
        spec: &SourceSpec,
        context: &ReadContext,
        letter: &DeadLetter,
        raw: &[u8],
    ) -> Result<Chunk, ReadError> {
        Ok(events::decode_letter(spec, context, letter, raw))
    }
}
