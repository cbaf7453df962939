//! How a file's text is cut into records, fields and NULLs.

use prost_types::Struct;
use rfe_model::structure;
use serde_json::{Value as Json, json};

use super::number_form::NumberForm;
use crate::encoding::Encoding;

/// How text is cut.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Dialect {
    pub(super) delimiter: u8,
    pub(super) quote: Option<u8>,
    pub(super) escape: Option<u8>,
    pub(super) comment: Option<u8>,
    pub(super) header: bool,
    pub(super) names: Vec<String>,
    pub(super) null_values: Vec<String>,
    pub(super) skip_rows: u64,
    pub(super) numbers: NumberForm,
    /// Of the file; its records are UTF-8 once they are read.
    pub(super) encoding: Encoding,
}

impl Dialect {
    /// What a letter keeps, so that its record can be taken apart again. Its bytes are UTF-8, whatever the file's were.
    pub(super) fn to_context(&self, header: &[String]) -> Struct {
        structure::to_struct(&json!({
            "header": header,
            "delimiter": char::from(self.delimiter).to_string(),
            "quote": text_of(self.quote),
            "escape": text_of(self.escape),
            "null_values": self.null_values,
            "decimal": self.numbers.decimal.to_string(),
            "thousands": self.numbers.thousands.map(String::from),
            "encoding": "utf-8",
            "file_encoding": self.encoding.name(),
        }))
    }

    /// The dialect and header that a letter keeps.
    pub(super) fn from_context(context: &Struct) -> Option<(Self, Vec<String>)> {
        let json = structure::from_struct(context);
        let dialect = Self {
            delimiter: byte_of(&json["delimiter"])?,
            quote: byte_of(&json["quote"]),
            escape: byte_of(&json["escape"]),
            null_values: texts(&json["null_values"]),
            numbers: NumberForm {
                decimal: char_of(&json["decimal"]).unwrap_or('.'),
                thousands: char_of(&json["thousands"]),
            },
            ..Self::default()
        };
        let header = texts(&json["header"]);
        (!header.is_empty()).then_some((dialect, header))
    }
}

fn text_of(byte: Option<u8>) -> Option<String> {
    byte.map(|byte| char::from(byte).to_string())
}

fn byte_of(json: &Json) -> Option<u8> {
    json.as_str()?.bytes().next()
}

fn char_of(json: &Json) -> Option<char> {
    json.as_str()?.chars().next()
}

fn texts(json: &Json) -> Vec<String> {
    json.as_array().into_iter().flatten().filter_map(|item| item.as_str().map(str::to_owned)).collect()
}
