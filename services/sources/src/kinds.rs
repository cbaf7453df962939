//! The kinds of this build: one line each.

use std::sync::Arc;

use rfe_model::{SourceSpec, Violation, kind::Kinds};

use crate::{
    Source, avro::Avro, csv::Csv, json::Json, parquet::Parquet, rest::Rest, synthetic::Synthetic,
    webhook::Webhook,
};

/// The kinds of this build.
#[derive(Debug, Clone)]
pub struct SourceKinds(Vec<Arc<dyn Source>>);

impl Default for SourceKinds {
    fn default() -> Self {
        Self(vec![
            Arc::new(Csv),
            Arc::new(Parquet),
            Arc::new(Json),
            Arc::new(Avro),
            Arc::new(Rest::default()),
            Arc::new(Synthetic),
            Arc::new(Webhook),
        ])
    }
}

impl SourceKinds {
    /// These, and another one.
    #[must_use]
    pub fn with(mut self, kind: Arc<dyn Source>) -> Self {
        self.0.push(kind);
        self
    }

    /// The kind of this name.
    pub fn get(&self, name: &str) -> Option<Arc<dyn Source>> {
        self.0.iter().find(|kind| kind.name() == name).cloned()
    }
}

impl Kinds for SourceKinds {
    fn names(&self) -> Vec<&'static str> {
        self.0.iter().map(|kind| kind.name()).collect()
    }

    fn check(&self, spec: &SourceSpec) -> Result<(), Vec<Violation>> {
        self.get(&spec.kind).map_or(Ok(()), |kind| kind.check(spec))
    }
}
