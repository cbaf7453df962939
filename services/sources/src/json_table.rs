//! JSON records as columns of text.

use std::{borrow::Cow, collections::HashMap};

use polars::prelude::{IntoColumn, IntoSeries, PlSmallStr, StringChunkedBuilder};
use rfe_model::{SourceSpec, SqlType, name::settle_columns};

use crate::{
    ChunkColumn, ReadContext,
    error::code,
    expected::{Expected, Rule},
    flaw::Flaw,
    infer::Inference,
    json_record::{self, Value},
};

/// A record with a key more than this is bad: a map was taken for an object.
const MAX_COLUMNS: usize = 2000;

/// Columns that records have had so far, over all chunks of a reader.
#[derive(Debug, Clone, Default)]
pub(crate) struct JsonColumns {
    keys: Vec<String>,
    names: Vec<String>,
    places: HashMap<String, usize>,
    paths: Vec<(String, String)>,
    expected: Expected,
}

impl JsonColumns {
    pub(crate) fn new(spec: &SourceSpec, context: &ReadContext) -> Self {
        Self {
            paths: spec.json.paths.clone().into_iter().collect(),
            expected: Expected::new(&context.expected),
            ..Self::default()
        }
    }

    // New keys join only with a record that is good, so that a bad one leaves no column behind.
    fn with_new(&self, fields: &[(Cow<'_, str>, Value<'_>)]) -> Option<(Vec<String>, Vec<String>)> {
        let new = fields.iter().filter(|(key, _)| !self.places.contains_key(key.as_ref()));
        let new: Vec<String> = new.map(|(key, _)| key.to_string()).collect();
        if new.is_empty() {
            return None;
        }
        let keys: Vec<String> = self.keys.iter().cloned().chain(new).collect();
        let names = settle_columns(&keys);
        Some((keys, names))
    }

    fn join(&mut self, keys: Vec<String>, names: Vec<String>) {
        for (place, key) in keys.iter().enumerate().skip(self.keys.len()) {
            self.places.insert(key.clone(), place);
        }
        self.keys = keys;
        self.names = names;
    }
}

#[derive(Default)]
struct Cells {
    builder: Option<StringChunkedBuilder>,
    filled: usize,
    inference: Inference,
}

impl std::fmt::Debug for JsonTable<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JsonTable").field("rows", &self.rows).finish_non_exhaustive()
    }
}

/// The rows of one chunk.
pub(crate) struct JsonTable<'c> {
    known: &'c mut JsonColumns,
    cells: Vec<Cells>,
    rows: usize,
}

impl<'c> JsonTable<'c> {
    pub(crate) fn new(known: &'c mut JsonColumns) -> Self {
        Self { known, cells: Vec::new(), rows: 0 }
    }

    /// Takes a record apart and adds its row, or says what is wrong with it.
    pub(crate) fn push(&mut self, text: &str) -> Result<(), Flaw> {
        let mut fields = json_record::decode(text, &self.known.paths)
            .map_err(|error| Flaw::decode(code::NOT_JSON, format!("the record is not JSON: {error}")))?;
        if json_record::has_lone_surrogate(text) {
            let message = "the record escapes half a character, such as \\ud800 without its other half; no text holds that";
            return Err(Flaw::decode(code::BAD_ENCODING, message));
        }
        // A column that the dataset refuses is none as long as it has no value.
        fields.retain(|(key, value)| *value != Value::Null || !self.known.expected.refuses(key));
        let joined = self.known.with_new(&fields);
        if let Some((_, names)) = &joined
            && names.len() > MAX_COLUMNS
        {
            let message = format!(
                "the record brings the dataset to more than {MAX_COLUMNS} columns; is a map taken for an object?"
            );
            return Err(Flaw::decode(code::TOO_MANY_COLUMNS, message));
        }
        let first_new = self.known.keys.len();
        let names = joined.as_ref().map_or(&self.known.names, |(_, names)| names);
        let mut places = Vec::with_capacity(fields.len());
        let mut new = first_new;
        for (key, value) in &fields {
            let place = self.known.places.get(key.as_ref()).copied().unwrap_or_else(|| {
                new += 1;
                new - 1
            });
            self.check(&names[place], value)?;
            places.push(place);
        }
        if let Some((keys, names)) = joined {
            self.known.join(keys, names);
        }
        for (place, (_, value)) in places.into_iter().zip(&fields) {
            self.set(place, value);
        }
        self.rows += 1;
        Ok(())
    }

    fn check(&self, column: &str, value: &Value<'_>) -> Result<(), Flaw> {
        let Some(rule) = self.known.expected.rule(column) else { return Ok(()) };
        let mut class = Inference::default();
        let text: &str = match value {
            Value::Null => return Ok(()),
            // Any JSON value is JSON, and has a text.
            _ if matches!(rule.kind(), Some(SqlType::Json | SqlType::Varchar)) => return Ok(()),
            Value::Boolean(text) => {
                class.boolean();
                text
            }
            Value::Number(text) => {
                class.number(text);
                text
            }
            Value::Text(text, _) => {
                class.varchar();
                text
            }
            Value::Json(text) => {
                class.json();
                text
            }
        };
        rule.check(column, text, class)
    }

    fn set(&mut self, place: usize, value: &Value<'_>) {
        if self.cells.len() <= place {
            self.cells.resize_with(place + 1, Cells::default);
        }
        let rule = self.known.expected.rule(&self.known.names[place]);
        let wants_json = rule.and_then(Rule::kind) == Some(&SqlType::Json);
        let cells = &mut self.cells[place];
        let text: &str = match value {
            Value::Null => return,
            Value::Boolean(text) => {
                cells.inference.boolean();
                text
            }
            Value::Number(text) => {
                cells.inference.number(text);
                text
            }
            Value::Text(_, json) if wants_json => {
                cells.inference.json();
                json
            }
            Value::Text(text, _) => {
                cells.inference.varchar();
                text
            }
            Value::Json(text) => {
                cells.inference.json();
                text
            }
        };
        let name = PlSmallStr::from_str(&self.known.names[place]);
        let builder = cells.builder.get_or_insert_with(|| StringChunkedBuilder::new(name, 0));
        while cells.filled < self.rows {
            builder.append_null();
            cells.filled += 1;
        }
        builder.append_value(text);
        cells.filled += 1;
    }

    /// Rows so far.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// The columns, NULL where a record has no such key.
    pub(crate) fn finish(mut self) -> Vec<ChunkColumn> {
        self.cells.resize_with(self.known.names.len(), Cells::default);
        let mut columns = Vec::with_capacity(self.cells.len());
        for (name, cells) in self.known.names.iter().zip(self.cells) {
            let short = PlSmallStr::from_str(name);
            let mut builder = cells.builder.unwrap_or_else(|| StringChunkedBuilder::new(short, 0));
            (cells.filled..self.rows).for_each(|_| builder.append_null());
            columns.push(ChunkColumn {
                name: name.clone(),
                values: builder.finish().into_series().into_column(),
                observed: cells.inference.observed(),
                exceeds_double: cells.inference.exceeds_double(),
                in_raw: None,
            });
        }
        columns
    }
}
