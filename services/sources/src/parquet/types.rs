//! Parquet's types in the contract's.

use polars::prelude::*;
use rfe_model::SqlType;

use crate::{
    ChunkColumn,
    cast::{cast, exceeds_double},
};

/// The type of a column of the dataset. Timestamps finer than a microsecond are cut to it; times and spans of time are text.
pub(super) fn sql_type(of: &DataType) -> SqlType {
    match of {
        DataType::Boolean => SqlType::Boolean,
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 => SqlType::BigInt,
        DataType::UInt8 | DataType::UInt16 | DataType::UInt32 => SqlType::BigInt,
        DataType::UInt64 => SqlType::Decimal(20, 0),
        DataType::Float32 | DataType::Float64 => SqlType::Double,
        DataType::Decimal(precision, scale) => SqlType::Decimal(*precision as u8, *scale as u8),
        DataType::Date => SqlType::Date,
        DataType::Datetime(_, None) => SqlType::Timestamp,
        DataType::Datetime(_, Some(_)) => SqlType::TimestampTz,
        DataType::Binary => SqlType::Blob,
        DataType::List(_) | DataType::Struct(_) | DataType::Array(..) if holds_spans(of) => SqlType::Json,
        DataType::List(_) | DataType::Struct(_) | DataType::Array(..) => SqlType::Nested(duckdb_type(of)),
        _ => SqlType::Varchar,
    }
}

// Spans of time and columns of NULLs within nested types have no type that both Parquet and DuckDB know.
fn holds_spans(of: &DataType) -> bool {
    match of {
        DataType::List(item) | DataType::Array(item, _) => holds_spans(item),
        DataType::Struct(fields) => fields.iter().any(|field| holds_spans(field.dtype())),
        plain => matches!(plain, DataType::Duration(_) | DataType::Null),
    }
}

// The words of DuckDB for what is within a nested type, which stays as it came.
fn duckdb_type(of: &DataType) -> String {
    match of {
        DataType::Int8 => "TINYINT".to_owned(),
        DataType::Int16 => "SMALLINT".to_owned(),
        DataType::Int32 => "INTEGER".to_owned(),
        DataType::UInt8 => "UTINYINT".to_owned(),
        DataType::UInt16 => "USMALLINT".to_owned(),
        DataType::UInt32 => "UINTEGER".to_owned(),
        DataType::UInt64 => "UBIGINT".to_owned(),
        DataType::Float32 => "FLOAT".to_owned(),
        DataType::Time => "TIME".to_owned(),
        DataType::Datetime(TimeUnit::Nanoseconds, None) => "TIMESTAMP_NS".to_owned(),
        DataType::Datetime(TimeUnit::Milliseconds, None) => "TIMESTAMP_MS".to_owned(),
        DataType::List(item) => format!("{}[]", duckdb_type(item)),
        DataType::Array(item, _) => format!("{}[]", duckdb_type(item)),
        DataType::Struct(fields) => {
            let fields: Vec<String> = fields
                .iter()
                .map(|field| {
                    format!("\"{}\" {}", field.name().replace('"', "\"\""), duckdb_type(field.dtype()))
                })
                .collect();
            format!("STRUCT({})", fields.join(", "))
        }
        plain => sql_type(plain).to_string(),
    }
}

/// A column as read, as one of the dataset.
pub(super) fn settle(column: &Column, name: &str) -> PolarsResult<ChunkColumn> {
    let of = sql_type(column.dtype());
    let is_empty = *column.dtype() == DataType::Null;
    let values = match column.dtype() {
        DataType::Duration(unit) => spans(column, *unit)?,
        _ => cast(column, &of)?.column,
    };
    let values = values.with_name(PlSmallStr::from_str(name));
    Ok(ChunkColumn {
        name: name.to_owned(),
        exceeds_double: of == SqlType::BigInt && exceeds_double(&values)?,
        observed: (!is_empty).then_some(of),
        in_raw: (values.dtype() == column.dtype()).then(|| PlSmallStr::from_str(name)),
        values,
    })
}

// A span of time has no type in the contract: its seconds as text.
fn spans(column: &Column, unit: TimeUnit) -> PolarsResult<Column> {
    let digits = match unit {
        TimeUnit::Nanoseconds => 9,
        TimeUnit::Microseconds => 6,
        TimeUnit::Milliseconds => 3,
    };
    let numbers = column.cast(&DataType::Int64)?;
    let mut builder = StringChunkedBuilder::new(column.name().clone(), column.len());
    for number in numbers.i64()?.iter() {
        match number {
            Some(number) => {
                let (whole, part) =
                    (number.unsigned_abs() / 10_u64.pow(digits), number.unsigned_abs() % 10_u64.pow(digits));
                let sign = if number < 0 { "-" } else { "" };
                builder.append_value(format!("{sign}{whole}.{part:0width$}", width = digits as usize));
            }
            None => builder.append_null(),
        }
    }
    Ok(builder.finish().into_series().into_column())
}
