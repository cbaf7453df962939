//! JSON records as columns of text.

use polars::prelude::{IntoColumn, IntoSeries, PlSmallStr, StringChunkedBuilder};
use rfe_model::{SourceSpec, SqlType, name::settle_columns};

use crate::{
    ChunkColumn, ReadContext,
    expected::{Expected, Rule},
    flaw::Flaw,
    infer::Inference,
    json_record::{Content, Field, Record},
};

/// Columns that records have had so far, over all chunks of a reader.
#[derive(Debug, Clone, Default)]
pub(crate) struct JsonColumns {
    record: Record,
    names: Vec<String>,
    /// What their values must be like.
    rules: Vec<Option<Rule>>,
    paths: Vec<(String, String)>,
    expected: Expected,
    /// Where the columns are that must have a value.
    required: Vec<Option<usize>>,
    scratch: String,
}

impl JsonColumns {
    pub(crate) fn new(spec: &SourceSpec, context: &ReadContext) -> Self {
        let expected = Expected::new(&context.expected);
        Self {
            paths: spec.json.paths.clone().into_iter().collect(),
            required: expected.required_places(&[]),
            expected,
            ..Self::default()
        }
    }

    // New keys join only with a record that is good, so that a bad one leaves no column behind. A column that the dataset refuses
    // is none as long as it has no value.
    fn take(&mut self, text: &str) -> Result<(), Flaw> {
        self.record.take(text, &self.paths, &|key| self.expected.refuses(key))?;
        if self.record.has_new() {
            let names = settle_columns(self.record.keys());
            let rules: Vec<_> = names.iter().map(|name| self.expected.rule(name).cloned()).collect();
            check(text, self.record.fields(), &names, &rules, &mut self.scratch)?;
            let required = self.expected.required_places(&names);
            check_key(self.record.fields(), self.expected.required(), &required)?;
            (self.names, self.rules, self.required) = (names, rules, required);
            self.record.keep();
            return Ok(());
        }
        check(text, self.record.fields(), &self.names, &self.rules, &mut self.scratch)?;
        check_key(self.record.fields(), self.expected.required(), &self.required)
    }
}

fn check(
    text: &str,
    fields: &[Field],
    names: &[String],
    rules: &[Option<Rule>],
    scratch: &mut String,
) -> Result<(), Flaw> {
    for field in fields {
        let Some(rule) = &rules[field.place] else { continue };
        let content = field.content(text, scratch);
        match rule.kind() {
            // Any JSON value is JSON, and has a text.
            Some(SqlType::Json | SqlType::Varchar) => {}
            _ => check_value(&names[field.place], content, rule)?,
        }
    }
    Ok(())
}

fn check_key(fields: &[Field], required: &[String], places: &[Option<usize>]) -> Result<(), Flaw> {
    for (name, place) in required.iter().zip(places) {
        let is_it = |field: &&Field| Some(field.place) == *place;
        if fields.iter().find(is_it).is_none_or(Field::is_null) {
            return Err(Flaw::no_key(name));
        }
    }
    Ok(())
}

fn check_value(column: &str, content: Content<'_>, rule: &Rule) -> Result<(), Flaw> {
    let mut class = Inference::default();
    match note(content, &mut class) {
        Some(text) => rule.check(column, text, class),
        // Of a key that came twice, with a value and without.
        None if matches!(rule, Rule::Unknown(_)) => Err(rule.misfit(column, "null")),
        None => Ok(()),
    }
}

// The text of a value, whose class is noted; none of NULL.
fn note<'a>(content: Content<'a>, class: &mut Inference) -> Option<&'a str> {
    match content {
        Content::Null => None,
        Content::Boolean(text) => {
            class.boolean();
            Some(text)
        }
        Content::Number(text) => {
            class.number(text);
            Some(text)
        }
        Content::Text(text) => {
            class.varchar();
            Some(text)
        }
        Content::Json(text) => {
            class.json();
            Some(text)
        }
    }
}

#[derive(Default)]
struct Cells {
    builder: Option<StringChunkedBuilder>,
    filled: usize,
    inference: Inference,
}

impl Cells {
    fn set(&mut self, content: Content<'_>, name: &str, row: usize) {
        let Some(text) = note(content, &mut self.inference) else { return };
        let builder = self
            .builder
            .get_or_insert_with(|| StringChunkedBuilder::new(PlSmallStr::from_str(name), row + 1));
        while self.filled < row {
            builder.append_null();
            self.filled += 1;
        }
        builder.append_value(text);
        self.filled += 1;
    }
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
        self.known.take(text)?;
        let JsonColumns { record, names, rules, scratch, .. } = &mut *self.known;
        if self.cells.len() < names.len() {
            self.cells.resize_with(names.len(), Cells::default);
        }
        for field in record.fields() {
            let cells = &mut self.cells[field.place];
            let kind = rules[field.place].as_ref().and_then(Rule::kind);
            let content = match (field.content(text, scratch), kind) {
                (Content::Text(_), Some(SqlType::Json)) => Content::Json(&text[field.value.clone()]),
                (content, _) => content,
            };
            cells.set(content, &names[field.place], self.rows);
        }
        self.rows += 1;
        Ok(())
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
