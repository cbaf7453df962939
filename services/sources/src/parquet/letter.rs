//! Takes the record of a Parquet dead letter apart again: its bytes are the row as JSON.

use polars::prelude::{Column, DataFrame};
use rfe_model::SourceSpec;
use rfe_proto::dlq::DeadLetter;

use crate::{
    Chunk, ReadContext,
    error::code,
    flaw::Flaw,
    json_table::{JsonColumns, JsonTable},
};

/// One row of text columns, or the record as still bad.
pub(super) fn decode(spec: &SourceSpec, context: &ReadContext, letter: &DeadLetter, raw: &[u8]) -> Chunk {
    let mut known = JsonColumns::new(spec, context);
    let mut table = JsonTable::new(&mut known);
    let pushed = std::str::from_utf8(raw)
        .map_err(|error| Flaw::decode(code::NOT_JSON, format!("the row is not JSON: {error}")))
        .and_then(|text| table.push(text));
    let rows = table.rows();
    let columns = table.finish();
    let values: Vec<Column> = columns.iter().map(|column| column.values.clone()).collect();
    let bad = pushed.err().map(|flaw| {
        flaw.into_bad(raw.to_vec(), letter.position.clone().unwrap_or_default(), letter.context.clone())
    });
    Chunk {
        raw: DataFrame::new(rows, values).expect("columns of one length and different names"),
        columns,
        bad: bad.into_iter().collect(),
        read: 1,
        bytes_read: raw.len() as u64,
        ..Chunk::default()
    }
}
