//! Rows of typed values: those that do not fit their columns, and a letter's row, which is JSON.

use std::collections::BTreeMap;

use polars::prelude::{
    BinaryChunkedBuilder, BooleanChunked, Column, DataFrame, DataType, IntoColumn, IntoSeries, NamedFrom,
    PlSmallStr, PolarsResult,
};
use prost_types::Struct;
use rfe_model::{SourceSpec, SqlType, letter::BadRecord, structure};
use rfe_proto::dlq::DeadLetter;
use serde_json::json;

use crate::{
    Chunk, ChunkColumn, ReadContext,
    cast::cast,
    error::code,
    expected::{Expected, Rule},
    flaw::Flaw,
    json_rows::{JsonRows, Place},
    json_table::{JsonColumns, JsonTable},
};

/// Moves rows with a value that does not fit its column to the bad records, which `into_bad` makes of a row and its flaw.
///
/// # Errors
/// If a column can't be checked.
pub(crate) fn sift(
    chunk: Chunk,
    expected: &Expected,
    mut into_bad: impl FnMut(usize, Flaw) -> PolarsResult<BadRecord>,
) -> PolarsResult<Chunk> {
    let flaws = flaws(&chunk, expected)?;
    if flaws.is_empty() {
        return Ok(chunk);
    }
    let keeps: Vec<bool> = (0..chunk.rows()).map(|row| !flaws.contains_key(&row)).collect();
    let mask = BooleanChunked::new(PlSmallStr::EMPTY, keeps);
    let letters = context(&chunk.columns);
    let mut bad: Vec<BadRecord> = Vec::with_capacity(flaws.len());
    for (row, flaw) in flaws {
        bad.push(BadRecord { context: Some(letters.clone()), ..into_bad(row, flaw)? });
    }
    let mut columns = Vec::with_capacity(chunk.columns.len());
    for column in chunk.columns {
        columns.push(ChunkColumn { values: column.values.filter(&mask)?, ..column });
    }
    Ok(Chunk { raw: chunk.raw.filter(&mask)?, columns, bad, ..chunk })
}

fn flaws(chunk: &Chunk, expected: &Expected) -> PolarsResult<BTreeMap<usize, Flaw>> {
    let mut flaws = BTreeMap::new();
    for column in &chunk.columns {
        let Some(rule) = expected.rule(&column.name) else { continue };
        for row in misfits(column, rule)? {
            let value = column.values.get(row)?.to_string();
            flaws.entry(row).or_insert_with(|| rule.misfit(&column.name, value.trim_matches('"')));
        }
    }
    let names: Vec<String> = chunk.columns.iter().map(|column| column.name.clone()).collect();
    for (name, place) in expected.required().iter().zip(expected.required_places(&names)) {
        for row in without_value(place.map(|place| &chunk.columns[place].values), chunk.rows()) {
            flaws.entry(row).or_insert_with(|| Flaw::no_key(name));
        }
    }
    Ok(flaws)
}

fn without_value(values: Option<&Column>, rows: usize) -> Vec<usize> {
    let Some(values) = values else { return (0..rows).collect() };
    let is_null = values.is_null();
    is_null.iter().enumerate().filter(|(_, is_null)| *is_null == Some(true)).map(|(row, _)| row).collect()
}

fn misfits(column: &ChunkColumn, rule: &Rule) -> PolarsResult<Vec<usize>> {
    let Some(seen) = &column.observed else { return Ok(Vec::new()) };
    match rule {
        Rule::Unknown(_) => {
            let has_value = column.values.is_not_null();
            let rows = has_value.iter().enumerate().filter(|(_, has)| *has == Some(true));
            Ok(rows.map(|(row, _)| row).collect())
        }
        Rule::Held(kind, _) if kind.widen(seen, column.exceeds_double) == *kind => Ok(Vec::new()),
        Rule::Declared(kind) | Rule::Held(kind, _) if kind != seen => Ok(cast(&column.values, kind)?.lost),
        Rule::Declared(_) | Rule::Held(..) => Ok(Vec::new()),
    }
}

/// What the letter of a typed row keeps: which of its columns hold bytes, for JSON has none.
pub(crate) fn context(columns: &[ChunkColumn]) -> Struct {
    let is_bytes = |column: &&ChunkColumn| column.observed == Some(SqlType::Blob);
    let bytes: Vec<&str> = columns.iter().filter(is_bytes).map(|column| column.name.as_str()).collect();
    structure::to_struct(&json!({"form": "the row as JSON", "bytes": bytes}))
}

/// What `raw` of a letter's row looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RawForm {
    /// As the columns.
    Columns,
    /// `_file`, `_record`, `body`.
    Body,
}

/// Takes the row of a letter apart again: text columns of one row, or the record as still bad.
pub(crate) fn decode_letter(
    form: RawForm,
    spec: &SourceSpec,
    context: &ReadContext,
    letter: &DeadLetter,
    raw: &[u8],
) -> Chunk {
    let mut known = JsonColumns::new(spec, context);
    let mut table = JsonTable::new(&mut known);
    let pushed = std::str::from_utf8(raw)
        .map_err(|error| Flaw::decode(code::NOT_JSON, format!("the row is not JSON: {error}")))
        .and_then(|text| table.push(text).map(|()| text.trim()));
    let position = letter.position.clone().unwrap_or_default();
    let rows = table.rows();
    let mut columns = table.finish();
    bytes_again(&mut columns, letter);
    let values: Vec<Column> = columns.iter().map(|column| column.values.clone()).collect();
    let mut chunk = Chunk { columns, read: 1, bytes_read: raw.len() as u64, ..Chunk::default() };
    let mut body = JsonRows::new(Place::Record);
    match pushed {
        Ok(text) => body.push_line(&position.file, position.record.into(), text),
        Err(flaw) => chunk.bad.push(flaw.into_bad(raw.to_vec(), position, letter.context.clone())),
    }
    chunk.raw = match form {
        RawForm::Body => body.finish(),
        RawForm::Columns => DataFrame::new(rows, values).expect("columns of one length and different names"),
    };
    chunk
}

fn bytes_again(columns: &mut [ChunkColumn], letter: &DeadLetter) {
    let kept = letter.context.as_ref().map(structure::from_struct).unwrap_or_default();
    let names: Vec<&str> =
        kept["bytes"].as_array().into_iter().flatten().filter_map(|name| name.as_str()).collect();
    for column in columns.iter_mut().filter(|column| names.contains(&column.name.as_str())) {
        let Ok(texts) = column.values.str() else { continue };
        let mut builder = BinaryChunkedBuilder::new(PlSmallStr::from_str(&column.name), texts.len());
        for text in texts.iter() {
            builder.append_option(text.map(bytes_of));
        }
        column.values = builder.finish().into_series().into_column();
        column.observed = (*column.values.dtype() == DataType::Binary
            && column.values.null_count() < column.values.len())
        .then_some(SqlType::Blob);
    }
}

// Bytes are written as PostgreSQL and DuckDB write them: `\x` and hex digits.
fn bytes_of(text: &str) -> Vec<u8> {
    text.strip_prefix("\\x")
        .and_then(|digits| hex::decode(digits).ok())
        .unwrap_or_else(|| text.as_bytes().to_vec())
}
