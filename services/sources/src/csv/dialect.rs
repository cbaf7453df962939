//! How a file's text is cut into records, fields and NULLs.

use std::borrow::Cow;

use prost_types::Struct;
use rfe_model::structure;
use serde_json::{Value as Json, json};

/// The bytes of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Encoding {
    #[default]
    Utf8,
    Latin1,
}

impl Encoding {
    /// Reads its name.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        match text.to_ascii_lowercase().as_str() {
            "utf-8" | "utf8" => Ok(Self::Utf8),
            "latin1" | "latin-1" | "iso-8859-1" => Ok(Self::Latin1),
            _ => Err(format!("`{text}` is not read yet; utf-8 and latin1 are")),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "utf-8",
            Self::Latin1 => "latin1",
        }
    }

    /// The text of bytes; `None` if they are none.
    pub(super) fn text(self, bytes: &[u8]) -> Option<Cow<'_, str>> {
        match self {
            Self::Utf8 => std::str::from_utf8(bytes).ok().map(Cow::Borrowed),
            Self::Latin1 if bytes.is_ascii() => std::str::from_utf8(bytes).ok().map(Cow::Borrowed),
            Self::Latin1 => Some(Cow::Owned(bytes.iter().map(|byte| char::from(*byte)).collect())),
        }
    }
}

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
    pub(super) encoding: Encoding,
}

impl Dialect {
    /// What a letter keeps, so that its record can be taken apart again.
    pub(super) fn to_context(&self, header: &[String]) -> Struct {
        structure::to_struct(&json!({
            "header": header,
            "delimiter": char::from(self.delimiter).to_string(),
            "quote": text_of(self.quote),
            "escape": text_of(self.escape),
            "null_values": self.null_values,
            "encoding": self.encoding.name(),
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
            encoding: json["encoding"]
                .as_str()
                .and_then(|name| Encoding::parse(name).ok())
                .unwrap_or_default(),
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

fn texts(json: &Json) -> Vec<String> {
    json.as_array().into_iter().flatten().filter_map(|item| item.as_str().map(str::to_owned)).collect()
}
