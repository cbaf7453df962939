//! Kind `synthetic`: events made up from a seed, for demos, drills and benchmarks.

mod clicks;
mod reader;

use async_trait::async_trait;
use rfe_model::{SourceSpec, Violation};
use rfe_proto::{dlq::DeadLetter, ingest::Event};
use serde::Deserialize;

use crate::{
    Chunk, ReadContext, ReadError, Reader, Source,
    config::{Wrong, decode, rejected},
    events,
};

/// The keys below `config`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Config {
    /// Events a second; 0 = as fast as it can.
    rate: f64,
    /// Events of a job.
    count: u64,
    seed: u64,
    /// The share of events that are no JSON.
    error_share: f64,
}

impl Default for Config {
    fn default() -> Self {
        Self { rate: 0.0, count: 1000, seed: 0, error_share: 0.0 }
    }
}

/// Events made up from a seed.
#[derive(Debug)]
pub(crate) struct Synthetic;

#[async_trait]
impl Source for Synthetic {
    fn name(&self) -> &'static str {
        "synthetic"
    }

    fn check(&self, spec: &SourceSpec) -> Result<(), Vec<Violation>> {
        let config: Config = decode(spec).map_err(|wrong| vec![wrong])?;
        let mut wrong = Wrong::default();
        wrong.json(spec, false);
        if !(config.rate.is_finite() && config.rate >= 0.0) {
            wrong.add(
                "config.rate",
                format!("{} is no number of events a second; 0 means as fast as it can", config.rate),
            );
        }
        if !(0.0..=1.0).contains(&config.error_share) {
            wrong.add("config.error_share", format!("{} is no share; between 0 and 1", config.error_share));
        }
        wrong.done()
    }

    async fn open(&self, spec: &SourceSpec, context: ReadContext) -> Result<Box<dyn Reader>, ReadError> {
        let config: Config = decode(spec).map_err(|wrong| rejected(&[wrong]))?;
        Ok(Box::new(reader::SyntheticReader::new(spec, &config, &context)))
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
