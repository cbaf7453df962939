//! Answers as they can be compared: without instants, and with the model's names for runs.

use rfe_proto::metadata as pb;
use rfe_registry::RegistryError;

/// The debug text of an answer without its instants.
pub fn plain(answer: &impl std::fmt::Debug) -> String {
    without(&without(&format!("{answer:?}"), "Timestamp {", '}'), "Time(", ')')
}

// Cuts what stands between a beginning and its end.
fn without(text: &str, begin: &str, end: char) -> String {
    let mut parts = text.split(begin);
    let mut left = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        left.push_str(begin);
        left.push_str(part.find(end).map_or(part, |at| &part[at..]));
    }
    left
}

/// An error in the model's words.
pub fn refusal(error: &RegistryError) -> String {
    match error {
        RegistryError::NotFound { what, .. } => format!("no {what}"),
        RegistryError::SourceDeleted(_) => "source deleted".to_owned(),
        RegistryError::StaleEpoch { current, state, .. } => format!("stale: {state} at {current}"),
        RegistryError::DuplicateEvents(ids) => format!("landed before: {ids:?}"),
        RegistryError::AlreadyRead { .. } => "already read".to_owned(),
        RegistryError::LetterNotOpen { state, .. } => format!("letter is {state}"),
        RegistryError::SchemaPolicy(_) => "no such version".to_owned(),
        RegistryError::NotCancellable { .. } => "not cancellable".to_owned(),
        RegistryError::DatasetInUse(_) => "dataset in use".to_owned(),
        RegistryError::InputsChanged { .. } => "inputs changed".to_owned(),
        other => format!("{other:?}"),
    }
}

/// A run in the model's words.
pub fn run(run: &pb::Run) -> String {
    let state = run.state();
    format!("{state:?} at {}, attempt {}, snapshot {}", run.epoch, run.attempts, run.snapshot)
}

/// An answer in the model's words.
pub fn verdict<T>(answer: &Result<T, RegistryError>, good: impl Fn(&T) -> String) -> String {
    match answer {
        Ok(good_one) => good(good_one),
        Err(error) => refusal(error),
    }
}
