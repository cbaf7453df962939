//! The services: decode, call, encode. What they decide is whether a call is well formed.

mod catalog;
mod letter;
mod metadata;
mod run;

use rfe_mesh::status_from_fault;
use rfe_model::Fault;
use tonic::Status;

pub(crate) use catalog::Catalog;
pub(crate) use letter::Letters;
pub(crate) use metadata::Metadata;
pub(crate) use run::Runs;

/// Where a failure can happen, as the protos write it.
const STAGES: [&str; 5] = ["read", "decode", "validate", "contract", "write"];

/// The status of any error that is a fault.
fn status<E: Into<Fault>>(error: E) -> Status {
    status_from_fault(error.into())
}

/// Refuses a call whose required field is empty.
fn required<'a>(path: &str, value: &'a str) -> Result<&'a str, Status> {
    if value.is_empty() { Err(status(Fault::invalid(path, "is missing"))) } else { Ok(value) }
}

/// Refuses a call whose field has a word that is none of a few.
fn one_of(path: &str, value: &str, words: &[&str]) -> Result<(), Status> {
    if words.contains(&value) {
        return Ok(());
    }
    Err(status(Fault::invalid(path, format!("`{value}` is none of {}", words.join(", ")))))
}
