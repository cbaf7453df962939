//! From text.

use polars::prelude::*;
use rfe_model::SqlType;

use super::Cast;
use crate::scalar;

/// Casts a column of text.
pub(super) fn cast(column: &Column, to: &SqlType) -> PolarsResult<Cast> {
    let texts = column.as_materialized_series().str()?;
    let mut lost = Vec::new();
    let series = match to {
        SqlType::Varchar | SqlType::Json | SqlType::Nested(_) => {
            return Ok(Cast { column: column.clone(), lost });
        }
        SqlType::Blob => binary(texts).into_series(),
        SqlType::Boolean => booleans(texts, &mut lost).into_series(),
        SqlType::BigInt => numbers::<Int64Type>(texts, &mut lost, scalar::parse_bigint).into_series(),
        SqlType::Double => numbers::<Float64Type>(texts, &mut lost, scalar::parse_double).into_series(),
        SqlType::Decimal(precision, scale) => {
            numbers::<Int128Type>(texts, &mut lost, |text| scalar::parse_decimal(text, *precision, *scale))
                .into_decimal(usize::from(*precision), usize::from(*scale))?
                .into_series()
        }
        SqlType::Date => numbers::<Int32Type>(texts, &mut lost, scalar::parse_date).into_date().into_series(),
        SqlType::Timestamp | SqlType::TimestampTz => {
            let zone = (*to == SqlType::TimestampTz).then_some(TimeZone::UTC);
            numbers::<Int64Type>(texts, &mut lost, scalar::parse_timestamp)
                .into_datetime(TimeUnit::Microseconds, zone)
                .into_series()
        }
    };
    Ok(Cast { column: series.into_column(), lost })
}

fn numbers<T: PolarsNumericType>(
    texts: &StringChunked,
    lost: &mut Vec<usize>,
    parse: impl Fn(&str) -> Option<T::Native>,
) -> ChunkedArray<T> {
    let mut builder = PrimitiveChunkedBuilder::<T>::new(texts.name().clone(), texts.len());
    for (row, text) in texts.iter().enumerate() {
        let value = text.and_then(&parse);
        if text.is_some() && value.is_none() {
            lost.push(row);
        }
        builder.append_option(value);
    }
    builder.finish()
}

fn booleans(texts: &StringChunked, lost: &mut Vec<usize>) -> BooleanChunked {
    let mut builder = BooleanChunkedBuilder::new(texts.name().clone(), texts.len());
    for (row, text) in texts.iter().enumerate() {
        let value = text.and_then(scalar::parse_boolean);
        if text.is_some() && value.is_none() {
            lost.push(row);
        }
        builder.append_option(value);
    }
    builder.finish()
}

fn binary(texts: &StringChunked) -> BinaryChunked {
    let mut builder = BinaryChunkedBuilder::new(texts.name().clone(), texts.len());
    for text in texts.iter() {
        match text {
            Some(text) => builder.append_value(text.as_bytes()),
            None => builder.append_null(),
        }
    }
    builder.finish()
}
