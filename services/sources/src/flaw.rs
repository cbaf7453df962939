//! What is wrong with one record.

use prost_types::Struct;
use rfe_model::{
    SqlType,
    letter::{BadRecord, Stage},
    redact,
};
use rfe_proto::dlq::Position;

use crate::{cast::fits, error::code};

/// What is wrong with one record, before it is known where it stood.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Flaw {
    pub(crate) stage: Stage,
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) field_path: String,
}

impl Flaw {
    pub(crate) fn decode(code: &'static str, message: impl Into<String>) -> Self {
        Self { stage: Stage::Decode, code, message: message.into(), field_path: String::new() }
    }

    /// A value that does not fit its column.
    pub(crate) fn bad_value(column: &str, value: &str, expected: &SqlType) -> Self {
        Self {
            stage: Stage::Validate,
            code: code::BAD_VALUE,
            message: format!("{} is no {expected}, which the column `{column}` is", shown(column, value)),
            field_path: column.to_owned(),
        }
    }

    /// No value in a column of the key that `merge` names.
    pub(crate) fn no_key(column: &str) -> Self {
        Self {
            stage: Stage::Validate,
            code: code::MERGE_KEY_NULL,
            message: format!("the record has no value in `{column}`, which is of the key that `merge` names"),
            field_path: column.to_owned(),
        }
    }

    pub(crate) fn into_bad(self, raw: Vec<u8>, position: Position, context: Option<Struct>) -> BadRecord {
        BadRecord {
            stage: self.stage,
            code: self.code,
            message: self.message,
            field_path: self.field_path,
            position,
            raw,
            event_id: String::new(),
            context,
        }
    }
}

/// A value as a message shows it.
pub(crate) fn shortened(value: &str) -> String {
    const MOST: usize = 80;
    if value.chars().count() <= MOST {
        return value.to_owned();
    }
    let head: String = value.chars().take(MOST).collect();
    format!("{head}…")
}

/// The value of a column as a message shows it, unless it may be a secret.
pub(crate) fn shown(column: &str, value: &str) -> String {
    if redact::is_secret_name(column) {
        return "the value (hidden, it may be a secret)".to_owned();
    }
    format!("`{}`", shortened(value))
}

/// Checks a text against a declared type.
pub(crate) fn check_text(column: &str, text: &str, expected: &SqlType) -> Result<(), Flaw> {
    if fits(text, expected) { Ok(()) } else { Err(Flaw::bad_value(column, text, expected)) }
}
