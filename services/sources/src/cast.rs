//! Casts a column, text or typed, to a settled type, and tells which values did not fit.

mod text;
mod typed;

use polars::prelude::{Column, DataType, PlSmallStr, PolarsResult, TimeUnit, TimeZone};
use rfe_model::SqlType;

pub(crate) use typed::{exceeds_double, json_of_row};

use crate::scalar;

/// A column after its cast.
#[derive(Debug, Clone)]
pub struct Cast {
    /// The values; those that did not fit are NULL.
    pub column: Column,
    /// The rows that were not NULL before and are now, in order.
    pub lost: Vec<usize>,
}

/// Casts without failing on a value: what does not fit becomes NULL and is named in [`Cast::lost`].
///
/// # Errors
/// If the type can't be cast at all, which is a defect.
pub fn cast(column: &Column, to: &SqlType) -> PolarsResult<Cast> {
    match column.dtype() {
        DataType::String => text::cast(column, to),
        _ => typed::cast(column, to),
    }
}

/// True if a text can be cast to the type.
pub fn fits(text: &str, to: &SqlType) -> bool {
    match to {
        SqlType::Boolean => scalar::parse_boolean(text).is_some(),
        SqlType::BigInt => scalar::parse_bigint(text).is_some(),
        SqlType::Double => scalar::parse_double(text).is_some(),
        SqlType::Decimal(precision, scale) => scalar::parse_decimal(text, *precision, *scale).is_some(),
        SqlType::Date => scalar::parse_date(text).is_some(),
        SqlType::Timestamp | SqlType::TimestampTz => scalar::parse_timestamp(text).is_some(),
        SqlType::Json => serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok(),
        SqlType::Varchar | SqlType::Blob | SqlType::Nested(_) => true,
    }
}

/// The Polars type that holds a type; `None` for nested ones, which stay as they are.
pub fn data_type(of: &SqlType) -> Option<DataType> {
    Some(match of {
        SqlType::Boolean => DataType::Boolean,
        SqlType::BigInt => DataType::Int64,
        SqlType::Double => DataType::Float64,
        SqlType::Decimal(precision, scale) => DataType::Decimal(usize::from(*precision), usize::from(*scale)),
        SqlType::Date => DataType::Date,
        SqlType::Timestamp => DataType::Datetime(TimeUnit::Microseconds, None),
        SqlType::TimestampTz => DataType::Datetime(TimeUnit::Microseconds, Some(TimeZone::UTC)),
        SqlType::Varchar | SqlType::Json => DataType::String,
        SqlType::Blob => DataType::Binary,
        SqlType::Nested(_) => return None,
    })
}

/// A column of NULLs of a type, for a column that a part of a run does not have. A nested one is NULL text.
pub fn nulls(name: &str, of: &SqlType, rows: usize) -> Column {
    let data_type = data_type(of).unwrap_or(DataType::String);
    Column::full_null(PlSmallStr::from_str(name), rows, &data_type)
}
