//! Kind `webhook`: events that others push. The edge obeys its config; this kind checks it and takes the events apart.

use async_trait::async_trait;
use rfe_model::{SourceSpec, Violation, duration, letter::Stage, secret};
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
    verify: Option<Verify>,
    #[serde(deserialize_with = "duration::deserialize_bytes")]
    max_body: Option<u64>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct EventId {
    header: Option<String>,
    pointer: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Verify {
    kind: String,
    secret: Option<String>,
    header: Option<String>,
    algorithm: Option<String>,
    encoding: Option<String>,
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
            verify.check(wrong);
        }
        if self.max_body.is_some_and(|bytes| bytes == 0 || bytes > MAX_BODY) {
            wrong.add("config.max_body", "is between 1 byte and 25MiB");
        }
    }
}

impl Verify {
    fn check(&self, wrong: &mut Wrong) {
        match self.kind.as_str() {
            "none" => return,
            "hmac" => {}
            other => {
                wrong.add("config.verify.kind", format!("`{other}` is none of hmac, none"));
                return;
            }
        }
        match &self.secret {
            Some(text) => wrong.check("config.verify.secret", secret::check(text)),
            None => wrong.add(
                "config.verify.secret",
                "is missing; write a reference, such as `${env:WEBHOOK_SECRET}`",
            ),
        }
        match &self.header {
            Some(header) => wrong.check("config.verify.header", header_name(header)),
            None => wrong.add("config.verify.header", "is missing; name the header that holds the signature"),
        }
        one_of(wrong, "config.verify.algorithm", self.algorithm.as_deref(), &["sha256", "sha1", "sha512"]);
        one_of(wrong, "config.verify.encoding", self.encoding.as_deref(), &["hex", "base64"]);
    }
}

fn one_of(wrong: &mut Wrong, path: &str, given: Option<&str>, known: &[&str]) {
    if let Some(given) = given
        && !known.contains(&given)
    {
        wrong.add(path, format!("`{given}` is none of {}", known.join(", ")));
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
