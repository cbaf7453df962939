//! The config of a CSV source.

use std::collections::BTreeMap;

use rfe_model::{SourceSpec, Violation};
use serde::Deserialize;

use super::{dialect::Dialect, number_form::NumberForm};
use crate::{
    config::{Wrong, decode},
    encoding::Encoding,
    location,
    s3::S3Access,
};

/// The keys below `config`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
    pub(super) location: String,
    #[serde(default)]
    pub(super) headers: BTreeMap<String, String>,
    pub(super) s3: Option<S3Access>,
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
        location::check(&self.location, &self.headers, self.s3.as_ref(), wrong);
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
        let (quote, escape, comment) = (
            byte("quote", &self.quote, Some(b'"')),
            byte("escape", &self.escape, None),
            byte("comment", &self.comment, None),
        );
        let dialect = Dialect {
            delimiter: delimiter.unwrap_or(b','),
            quote,
            escape,
            comment,
            header: self.header.unwrap_or(true),
            names: self.names.clone().unwrap_or_default(),
            null_values: self.null_values.clone().unwrap_or_default(),
            skip_rows: self.skip_rows.unwrap_or(0),
            numbers: self.numbers(&mut wrong),
            encoding: self
                .encoding
                .as_deref()
                .map_or(Ok(Encoding::default()), Encoding::parse)
                .unwrap_or_else(|reason| {
                    wrong.add("config.encoding", reason);
                    Encoding::default()
                }),
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
        if dialect.comment.is_some() && dialect.comment == dialect.quote {
            wrong.add("config.comment", "is the quote too; choose another");
        }
        wrong.done().map(|()| dialect)
    }

    fn numbers(&self, wrong: &mut Wrong) -> NumberForm {
        let mut separator = |key: &str, text: &str| {
            let mut chars = text.chars();
            let only = chars.next().filter(|only| chars.next().is_none() && is_separator(*only));
            if only.is_none() {
                wrong.add(
                    &format!("config.{key}"),
                    format!("`{text}` is no single character that can stand between digits"),
                );
            }
            only
        };
        let decimal = self.decimal.as_deref().map_or(Some('.'), |text| separator("decimal", text));
        let thousands = self.thousands.as_deref().filter(|text| !text.is_empty());
        let thousands = thousands.and_then(|text| separator("thousands", text));
        if decimal.is_some() && decimal == thousands {
            wrong.add(
                "config.thousands",
                "is the decimal separator too; set `decimal` to another, such as `,`",
            );
        }
        NumberForm { decimal: decimal.unwrap_or('.'), thousands }
    }
}

fn is_separator(of: char) -> bool {
    !of.is_alphanumeric() && !matches!(of, '+' | '-' | '\n' | '\r')
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
