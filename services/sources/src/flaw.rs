//! What is wrong with one record.

use std::collections::BTreeMap;

use prost_types::Struct;
use rfe_model::{
    SqlType,
    letter::{BadRecord, Stage},
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
            message: format!("`{}` is no {expected}, which the column `{column}` is", shortened(value)),
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

/// The types that values must fit, by column.
#[derive(Debug, Clone, Default)]
pub(crate) struct Expected(BTreeMap<String, SqlType>);

impl Expected {
    pub(crate) fn new(types: &BTreeMap<String, SqlType>) -> Self {
        Self(types.iter().map(|(name, expected)| (name.to_lowercase(), expected.clone())).collect())
    }

    /// The type of a column; names of columns do not differ by case alone.
    pub(crate) fn of(&self, column: &str) -> Option<&SqlType> {
        if self.0.is_empty() { None } else { self.0.get(&column.to_lowercase()) }
    }
}

/// Checks a text against a type.
pub(crate) fn check_text(column: &str, text: &str, expected: &SqlType) -> Result<(), Flaw> {
    if fits(text, expected) { Ok(()) } else { Err(Flaw::bad_value(column, text, expected)) }
}
