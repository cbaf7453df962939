//! The type that a column will most likely have once the schema is settled, so that its rows can be encoded while they are
//! read. A wrong guess costs time, never a value.

use std::collections::HashMap;

use rfe_model::{SourceSpec, SqlType, source::SchemaPolicy};
use rfe_proto::metadata::SchemaVersion;

use crate::observed::Observed;

/// What a guess rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Basis {
    /// The values seen alone: each of them has the type of its own accord.
    Seen,
    /// Somebody said so: values were read leniently.
    Told,
    /// The schema is settled; it is no guess.
    Settled,
}

/// What is known of columns before they are read, by name in lower case.
#[derive(Debug, Default)]
pub(crate) struct Guess {
    fixed: HashMap<String, SqlType>,
    known: HashMap<String, (SqlType, bool)>,
    is_settled: bool,
}

impl Guess {
    /// By what the source declares and its dataset has.
    pub fn new(spec: &SourceSpec, schema: Option<&SchemaVersion>) -> Self {
        let mut guess = Self::default();
        for column in schema.iter().flat_map(|schema| &schema.columns) {
            if let Ok(kind) = column.r#type.parse::<SqlType>() {
                let name = column.name.to_lowercase();
                if matches!(spec.schema_policy, SchemaPolicy::Quarantine | SchemaPolicy::Discard) {
                    guess.fixed.insert(name.clone(), kind.clone());
                }
                guess.known.insert(name, (kind, column.exceeds_double));
            }
        }
        for (name, kind) in &spec.columns {
            guess.fixed.insert(name.to_lowercase(), kind.clone());
        }
        guess
    }

    /// By settled columns.
    pub fn settled(schema: &SchemaVersion) -> Self {
        let columns = schema.columns.iter();
        let fixed =
            columns.filter_map(|column| Some((column.name.to_lowercase(), column.r#type.parse().ok()?)));
        Self { fixed: fixed.collect(), known: HashMap::new(), is_settled: true }
    }

    /// The likely type of a column.
    pub fn of(&self, name: &str, observed: &Observed) -> (SqlType, Basis) {
        let name = name.to_lowercase();
        if let Some(fixed) = self.fixed.get(&name) {
            return (fixed.clone(), if self.is_settled { Basis::Settled } else { Basis::Told });
        }
        let (seen, exceeds) = observed.kind(&name);
        let kind = match (self.known.get(&name), seen) {
            (Some((known, exceeded)), Some(seen)) => known.widen(&seen, exceeds || *exceeded),
            (Some((known, _)), None) => known.clone(),
            (None, seen) => seen.unwrap_or(SqlType::Varchar),
        };
        (kind, Basis::Seen)
    }
}
