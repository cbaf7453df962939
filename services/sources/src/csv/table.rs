//! Records of text as columns.

use std::borrow::Cow;

use polars::prelude::*;
use rfe_model::name::settle_columns;

use super::{
    dialect::Dialect,
    frame::{Field, Framed, Quoting, count_lines, value},
    header::places,
    number_form::NumberForm,
};
use crate::{
    Chunk, ChunkColumn,
    error::code,
    expected::{Expected, Rule},
    flaw::Flaw,
    infer::Inference,
    scalar::classify_number,
};

/// What all records of a file share.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    pub(super) dialect: Dialect,
    /// The file's own fields.
    pub(super) header: Vec<String>,
    /// All columns of the source.
    pub(super) union: Vec<String>,
    pub(super) file: String,
    rules: Vec<Option<Rule>>,
    /// Those that have a rule.
    ruled: Vec<usize>,
    /// Columns that must have a value, and where they are; `None`: the file has no such field.
    required: Vec<(String, Option<usize>)>,
    /// How numbers of a field are written, where that is not the plain form.
    numbers: Vec<Option<NumberForm>>,
}

impl Layout {
    pub(super) fn new(
        dialect: Dialect,
        header: Vec<String>,
        union: Vec<String>,
        file: String,
        expected: &Expected,
    ) -> Self {
        let kind = |name: &String| expected.rule(name).and_then(Rule::kind);
        let form = |name: &String| Some(dialect.numbers).filter(|form| form.concerns(kind(name)));
        let rule = |name: &String| expected.rule(name).filter(|rule| !rule.takes_all_text()).cloned();
        let numbers = header.iter().map(form).collect();
        let rules: Vec<Option<Rule>> = header.iter().map(rule).collect();
        let ruled = (0..rules.len()).filter(|at| rules[*at].is_some()).collect();
        let places = expected.required_places(&header);
        let required = expected.required().iter().cloned().zip(places).collect();
        Self { dialect, header, union, file, rules, ruled, required, numbers }
    }

    fn check(&self, record: &[u8], fields: &[Field], framed: Framed, line: u64) -> Result<(), Flaw> {
        match framed.quoting {
            Quoting::Fine => {}
            Quoting::Unclosed => {
                let line = line + count_lines(&record[..framed.fault]);
                let message = format!("line {line} opens a quote that does not close");
                return Err(Flaw::decode(code::UNCLOSED_QUOTE, message));
            }
            Quoting::Stray => {
                let message = format!(
                    "line {line} has text behind a closing quote; a quote within a field is written twice"
                );
                return Err(Flaw::decode(code::STRAY_QUOTE, message));
            }
        }
        if let Err(error) = std::str::from_utf8(record) {
            let byte = record.get(error.valid_up_to()).copied().unwrap_or_default();
            let (at, no_text) = (error.valid_up_to() + 1, self.dialect.encoding.no_text());
            let message = format!("line {line} {no_text} (byte 0x{byte:02x} at {at})");
            return Err(Flaw::decode(code::BAD_ENCODING, message));
        }
        if fields.len() != self.header.len() {
            let (has, wants) = (fields.len(), self.header.len());
            let s = if has == 1 { "" } else { "s" };
            return Err(Flaw::decode(
                code::RAGGED_ROW,
                format!("line {line} has {has} field{s}, the header has {wants}"),
            ));
        }
        Ok(())
    }

    fn check_value(&self, at: usize, text: &str) -> Result<(), Flaw> {
        let (name, Some(rule)) = (&self.header[at], &self.rules[at]) else { return Ok(()) };
        let Some(form) = &self.numbers[at] else { return rule.check_text(name, text) };
        // Of a declared type only its own numbers are taken, of a held one any number is looked at.
        let declared = rule.kind().filter(|_| matches!(rule, Rule::Declared(_)));
        match form.number(text, declared) {
            Some(plain) => rule.check_text(name, &plain),
            None => Err(rule.misfit(name, text)),
        }
    }

    fn is_null(&self, text: &str) -> bool {
        self.dialect.null_values.iter().any(|null| null == text)
    }
}

struct TextColumn {
    raw: StringChunkedBuilder,
    /// Apart from `raw` only if some texts mean NULL or a number in another form.
    values: Option<StringChunkedBuilder>,
    inference: Inference,
}

/// The rows of one chunk.
pub(super) struct TextTable<'l> {
    layout: &'l Layout,
    columns: Vec<TextColumn>,
    lines: Vec<i64>,
}

impl<'l> TextTable<'l> {
    pub(super) fn new(layout: &'l Layout) -> Self {
        let builder = || StringChunkedBuilder::new(PlSmallStr::EMPTY, 0);
        let has_nulls = !layout.dialect.null_values.is_empty();
        let column = |numbers: &Option<NumberForm>| TextColumn {
            raw: builder(),
            values: (has_nulls || numbers.is_some()).then(builder),
            inference: Inference::default(),
        };
        Self { layout, columns: layout.numbers.iter().map(column).collect(), lines: Vec::new() }
    }

    /// Adds a record's row, or says what is wrong with it.
    pub(super) fn push(
        &mut self,
        record: &[u8],
        fields: &[Field],
        framed: Framed,
        line: u64,
    ) -> Result<(), Flaw> {
        let layout = self.layout;
        layout.check(record, fields, framed, line)?;
        // Checked above.
        let record = std::str::from_utf8(record).unwrap_or_default();
        let text = |field: &Field| -> Cow<'_, str> {
            value(&layout.dialect, Cow::Borrowed(&record[field.start..field.end]), *field)
        };
        let given = |at: usize| {
            let (field, text) = (&fields[at], text(&fields[at]));
            let is_null = text.is_empty() && !field.is_quoted || layout.is_null(&text);
            (!is_null).then_some(text)
        };
        for at in &layout.ruled {
            if let Some(text) = given(*at) {
                layout.check_value(*at, &text)?;
            }
        }
        if let Some((name, _)) = layout.required.iter().find(|(_, at)| at.and_then(given).is_none()) {
            return Err(Flaw::no_key(name));
        }
        for (at, (field, column)) in fields.iter().zip(&mut self.columns).enumerate() {
            let text = (field.end > field.start || field.is_quoted).then(|| text(field));
            column.push(layout, at, text.as_deref());
        }
        self.lines.push(line as i64);
        Ok(())
    }

    /// The chunk, with its bad records and sizes left to the caller.
    pub(super) fn finish(self) -> Chunk {
        let rows = self.lines.len();
        let mut by_place: Vec<Option<TextColumn>> = self.layout.union.iter().map(|_| None).collect();
        for (place, column) in places(&self.layout.header, &self.layout.union).into_iter().zip(self.columns) {
            by_place[place] = Some(column);
        }
        let mut raw = Vec::with_capacity(by_place.len() + 2);
        let mut columns = Vec::with_capacity(by_place.len());
        let raw_names = raw_names(&self.layout.union);
        for ((name, raw_name), column) in self.layout.union.iter().zip(raw_names).zip(by_place) {
            let raw_name = PlSmallStr::from_string(raw_name);
            let (text, mut column) = match column {
                Some(column) => column.finish(name),
                None => missing(name, rows),
            };
            column.in_raw = column.in_raw.map(|_| raw_name.clone());
            raw.push(text.with_name(raw_name));
            columns.push(column);
        }
        let file = Scalar::from(PlSmallStr::from_str(&self.layout.file));
        raw.push(Column::new_scalar(PlSmallStr::from_static("_file"), file, rows));
        raw.push(Column::new(PlSmallStr::from_static("_line"), self.lines));
        let raw = DataFrame::new(rows, raw).expect("columns of one length and different names");
        Chunk { raw, columns, ..Chunk::default() }
    }
}

impl TextColumn {
    fn push(&mut self, layout: &Layout, at: usize, text: Option<&str>) {
        let Some(text) = text else {
            self.raw.append_null();
            if let Some(values) = &mut self.values {
                values.append_null();
            }
            return;
        };
        self.raw.append_value(text);
        let Some(values) = &mut self.values else { return self.inference.text(text) };
        if layout.is_null(text) {
            return values.append_null();
        }
        let Some(form) = &layout.numbers[at] else {
            values.append_value(text);
            return self.inference.text(text);
        };
        match form.number(text, layout.rules[at].as_ref().and_then(Rule::kind)) {
            Some(plain) => {
                self.inference.text(&plain);
                values.append_value(plain);
            }
            None => {
                values.append_value(text);
                // `1.5` is no number where the decimal separator is a comma.
                match classify_number(text) {
                    Some(_) => self.inference.varchar(),
                    None => self.inference.text(text),
                }
            }
        }
    }

    fn finish(self, name: &str) -> (Column, ChunkColumn) {
        let raw = self.raw.finish().into_series().into_column();
        // The name of raw's column is the caller's.
        let in_raw = self.values.is_none().then_some(PlSmallStr::EMPTY);
        let values =
            self.values.map_or_else(|| raw.clone(), |values| values.finish().into_series().into_column());
        let column = ChunkColumn {
            name: name.to_owned(),
            values: values.with_name(PlSmallStr::from_str(name)),
            observed: self.inference.observed(),
            exceeds_double: self.inference.exceeds_double(),
            in_raw,
        };
        (raw, column)
    }
}

// A column that only other files of the source have.
fn missing(name: &str, rows: usize) -> (Column, ChunkColumn) {
    let values = Column::full_null(PlSmallStr::from_str(name), rows, &DataType::String);
    let name = name.to_owned();
    (values.clone(), ChunkColumn { name, values, observed: None, exceeds_double: false, in_raw: None })
}

// `raw` has `_file` and `_line` of its own.
fn raw_names(names: &[String]) -> Vec<String> {
    let is_own = |name: &str| ["_file", "_line"].iter().any(|own| own.eq_ignore_ascii_case(name));
    let freed: Vec<String> =
        names.iter().map(|name| if is_own(name) { format!("src_{name}") } else { name.clone() }).collect();
    settle_columns(&freed)
}
