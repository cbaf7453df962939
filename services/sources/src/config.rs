//! What the configs of all kinds share.

use std::collections::BTreeMap;

use rfe_model::{
    SourceSpec, Violation, kind,
    letter::Stage,
    secret::{self, SecretStore},
};
use serde::{Deserialize, de::DeserializeOwned};

use crate::{
    ReadError,
    error::code,
    json_pointer,
    location::{self, Location},
    s3::S3Access,
};

/// Decodes `config`.
///
/// # Errors
/// The field at fault, with the nearest key if it is unknown.
pub(crate) fn decode<T: DeserializeOwned>(spec: &SourceSpec) -> Result<T, Violation> {
    kind::decode(&spec.config).map_err(|wrong| wrong.below("config"))
}

/// A config that does not pass its check when it is opened.
pub(crate) fn rejected(wrong: &[Violation]) -> ReadError {
    let text: Vec<String> = wrong.iter().map(ToString::to_string).collect();
    ReadError::permanent(Stage::Read, code::BAD_CONFIG, text.join("; "))
}

/// A key of the config that can't be read by.
pub(crate) fn rejected_for(field: &str, reason: &str) -> ReadError {
    ReadError::permanent(Stage::Read, code::BAD_CONFIG, format!("config.{field}: {reason}"))
}

/// Resolves the references of a text.
///
/// # Errors
/// Names the field and the reference, never a value.
pub(crate) fn resolved(field: &str, text: &str, secrets: &dyn SecretStore) -> Result<String, ReadError> {
    secret::resolve(text, secrets).map_err(|reason| {
        ReadError::permanent(Stage::Read, code::SECRET_NOT_FOUND, format!("config.{field}: {reason}"))
    })
}

/// The config of a kind that is told nothing but where its files are.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FilesConfig {
    location: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    s3: Option<S3Access>,
}

impl FilesConfig {
    /// Checks the config.
    pub(crate) fn check(spec: &SourceSpec) -> Result<(), Vec<Violation>> {
        Self::check_with(spec, Wrong::default())
    }

    /// The same, where a kind has found something wrong already.
    pub(crate) fn check_with(spec: &SourceSpec, mut wrong: Wrong) -> Result<(), Vec<Violation>> {
        let config: Self = decode(spec).map_err(|wrong| vec![wrong])?;
        location::check(&config.location, &config.headers, config.s3.as_ref(), &mut wrong);
        wrong.done()
    }

    /// Where the files are.
    pub(crate) fn location(spec: &SourceSpec) -> Result<Location, ReadError> {
        let config: Self = decode(spec).map_err(|wrong| rejected(&[wrong]))?;
        Ok(Location::new(&config.location, &config.headers, config.s3.as_ref(), spec))
    }
}

/// Violations of fields below `config`.
#[derive(Debug, Default)]
pub(crate) struct Wrong(Vec<Violation>);

impl Wrong {
    /// Adds one.
    pub(crate) fn add(&mut self, path: &str, reason: impl Into<String>) {
        self.0.push(Violation::new(path, reason));
    }

    /// Adds one if the check failed.
    pub(crate) fn check(&mut self, path: &str, result: Result<(), String>) {
        if let Err(reason) = result {
            self.add(path, reason);
        }
    }

    /// The pointers of `json.paths`; other keys of `json` only if the kind reads them.
    pub(crate) fn json(&mut self, spec: &SourceSpec, reads_format: bool) {
        for (column, pointer) in &spec.json.paths {
            self.check(&format!("json.paths.{column}"), json_pointer::check(pointer));
        }
        if let Some(records) = &spec.json.records {
            self.check("json.records", json_pointer::check(records));
        }
        if !reads_format && spec.json.format.is_some() {
            self.add("json.format", format!("means nothing to a {} source; remove it", spec.kind));
        }
        if !reads_format && spec.json.records.is_some() {
            self.add("json.records", format!("means nothing to a {} source; remove it", spec.kind));
        }
    }

    /// The result.
    pub(crate) fn done(self) -> Result<(), Vec<Violation>> {
        if self.0.is_empty() { Ok(()) } else { Err(self.0) }
    }
}
