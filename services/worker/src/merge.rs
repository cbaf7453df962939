//! Mode `merge`: a row without its key is the same row as no other. Readers make letters of such records; this holds the line for
//! a kind that does not.

use polars::prelude::{Column, DataFrame};
use rfe_model::{letter::Stage as At, source::MergeSpec};
use rfe_sources::Chunk;

use crate::failure::{Failed, MERGE_KEY_MISSING, Stop};

/// Checks that all rows of a chunk have all columns of the key.
pub(crate) fn check_key(merge: &MergeSpec, chunk: &Chunk) -> Result<(), Stop> {
    let rows = chunk.rows();
    for key in merge.key.iter().filter(|_| rows > 0) {
        let column = chunk.columns.iter().find(|column| column.name.eq_ignore_ascii_case(key));
        let missing = column.map_or(rows, |column| column.values.null_count());
        if missing > 0 {
            let first = column.and_then(|column| first_null(&column.values)).unwrap_or(0);
            let at = place(&chunk.raw, first);
            let message = format!(
                "{missing} of {rows} records have no `{key}`, which is of the key that `merge` names; the first: {at}"
            );
            return Err(Failed::permanent(At::Validate, MERGE_KEY_MISSING, message).into());
        }
    }
    Ok(())
}

fn first_null(values: &Column) -> Option<usize> {
    values.is_null().iter().position(|is_null| is_null == Some(true))
}

fn place(raw: &DataFrame, row: usize) -> String {
    let value = |name: &str| {
        let value = raw.column(name).ok()?.get(row).ok()?;
        Some(value.str_value().into_owned())
    };
    match (value("_file"), value("_line"), value("_page"), value("_record")) {
        (Some(file), Some(line), ..) => format!("{file}:{line}"),
        (_, _, Some(page), Some(record)) => format!("page {page}, record {record}"),
        _ => format!("row {} of its chunk", row + 1),
    }
}
