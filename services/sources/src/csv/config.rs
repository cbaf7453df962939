//! The config of a CSV source.

use rfe_model::{SourceSpec, Violation};
use serde::Deserialize;

use super::dialect::{Dialect, Encoding};
use crate::{
    config::{Wrong, decode},
    location,
};

/// The keys below `config`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
    pub(super) location: String,
    delimiter: Option<String>,
    quote: Option<String>,
    escape: Option<String>,
    header: Option<bool>,
    names: Option<Vec<String>>,
    encoding: Option<String>,
    decimal: Option<String>,
    thousands: Option<String>,
    null_values: Option<Vec<String>>,
    skip_rows: Option<u64>,
    comment: Option<String>,
}

impl Config {
    /// Decodes it.
    pub(super) fn read(spec: &SourceSpec) -> Result<Self, Vec<Violation>> {
        let config: Self = decode(spec).map_err(|wrong| vec![wrong])?;
        config.dialect()?;
        Ok(config)
    }

    /// Checks what decoding does not.
    pub(super) fn check(&self, wrong: &mut Wrong) {
        wrong.check("config.location", location::check(&self.location));
        let decimal = self.decimal.as_deref().unwrap_or(".");
        wrong.later(
            "config.decimal",
            decimal != ".",
            "numbers have a decimal point `.` now; declare the column VARCHAR to read others as text",
        );
        let thousands = self.thousands.as_deref().unwrap_or("");
        wrong.later(
            "config.thousands",
            !thousands.is_empty(),
            "numbers are read without separators now; declare the column VARCHAR to read others as text",
        );
        if let Some(names) = &self.names {
            let settled = rfe_model::name::settle_columns(names);
            if let Some((given, _)) = names.iter().zip(&settled).find(|(given, settled)| given != settled) {
                wrong.add(
                    "config.names",
                    format!("`{given}` is empty, reserved or there twice; names differ by more than case"),
                );
            }
            if names.is_empty() {
                wrong.add("config.names", "is empty; name every field, or leave the key out");
            }
        }
    }

    /// The dialect.
    pub(super) fn dialect(&self) -> Result<Dialect, Vec<Violation>> {
        let mut wrong = Wrong::default();
        let mut byte = |key: &str, text: &Option<String>, default: Option<u8>| match text.as_deref() {
            None => default,
            Some("") => None,
            Some(text) => one_byte(text).or_else(|| {
                wrong.add(
                    &format!("config.{key}"),
                    format!("`{text}` is no single ASCII character other than a line end"),
                );
                default
            }),
        };
        let delimiter = byte("delimiter", &self.delimiter, Some(b','));
        let dialect = Dialect {
            delimiter: delimiter.unwrap_or(b','),
            quote: byte("quote", &self.quote, Some(b'"')),
            escape: byte("escape", &self.escape, None),
            comment: byte("comment", &self.comment, None),
            header: self.header.unwrap_or(true),
            names: self.names.clone().unwrap_or_default(),
            null_values: self.null_values.clone().unwrap_or_default(),
            skip_rows: self.skip_rows.unwrap_or(0),
            encoding: self.encoding.as_deref().map_or(Ok(Encoding::Utf8), Encoding::parse).unwrap_or_else(
                |reason| {
                    wrong.add("config.encoding", reason);
                    Encoding::Utf8
                },
            ),
        };
        if delimiter.is_none() {
            wrong.add("config.delimiter", "is empty; write one character, such as `;`");
        }
        for (key, other) in
            [("quote", dialect.quote), ("escape", dialect.escape), ("comment", dialect.comment)]
        {
            if other == Some(dialect.delimiter) {
                wrong.add(&format!("config.{key}"), "is the delimiter too; choose another");
            }
        }
        wrong.done().map(|()| dialect)
    }
}

fn one_byte(text: &str) -> Option<u8> {
    match text {
        "\\t" => Some(b'\t'),
        _ => match text.as_bytes() {
            [byte] if byte.is_ascii() && !matches!(byte, b'\n' | b'\r') => Some(*byte),
            _ => None,
        },
    }
}
