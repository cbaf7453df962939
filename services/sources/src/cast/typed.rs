//! From values that have a type of their own.

use polars::prelude::*;
use rfe_model::SqlType;
use serde_json::{Map, Value as Json, value::RawValue};

use super::{Cast, data_type};
use crate::scalar;

/// Casts a column of typed values.
pub(super) fn cast(column: &Column, to: &SqlType) -> PolarsResult<Cast> {
    let Some(target) = data_type(to) else { return Ok(Cast { column: column.clone(), lost: Vec::new() }) };
    let from = column.dtype();
    if *from == target {
        return Ok(Cast { column: column.clone(), lost: Vec::new() });
    }
    if *from == DataType::Null {
        let column = Column::full_null(column.name().clone(), column.len(), &target);
        return Ok(Cast { column, lost: Vec::new() });
    }
    if *from == DataType::Binary && target == DataType::String {
        return checked(column, column.cast(&target)?);
    }
    if from.is_primitive_numeric() || from.is_decimal() {
        if target.is_primitive_numeric() || target.is_decimal() {
            return numeric(column, &target);
        }
    } else if is_time(from) && is_time(&target) {
        return times(column, &target);
    }
    super::text::cast(&to_text(column)?, to)
}

fn is_time(of: &DataType) -> bool {
    matches!(of, DataType::Date | DataType::Datetime(..))
}

// A cast that rounds is a loss: the value must come back from its cast. Decimals as doubles are the exception, they round by nature.
fn numeric(column: &Column, target: &DataType) -> PolarsResult<Cast> {
    let cast = column.cast(target)?;
    if is_wider(column.dtype(), target) {
        return Ok(Cast { column: cast, lost: Vec::new() });
    }
    if column.dtype().is_decimal() && target.is_float() || column.dtype().is_float() && target.is_float() {
        return checked(column, cast);
    }
    came_back(column, cast)
}

// Integers that a BIGINT holds whatever they are.
fn is_wider(from: &DataType, target: &DataType) -> bool {
    use DataType::{Int8, Int16, Int32, Int64, UInt8, UInt16, UInt32};
    *target == Int64 && matches!(from, Int8 | Int16 | Int32 | UInt8 | UInt16 | UInt32)
}

fn times(column: &Column, target: &DataType) -> PolarsResult<Cast> {
    // Through UTC: a plain timestamp and an instant differ by the zone's name only.
    let naive = match column.dtype() {
        DataType::Datetime(unit, Some(_)) => {
            let physical = column.cast(&DataType::Int64)?;
            physical.cast(&DataType::Datetime(*unit, None))?
        }
        _ => column.clone(),
    };
    let micros = match target {
        DataType::Date => naive.cast(&DataType::Date)?,
        _ => naive.cast(&DataType::Datetime(TimeUnit::Microseconds, None))?,
    };
    match target {
        DataType::Date => came_back(&naive, micros),
        DataType::Datetime(unit, Some(_)) => checked(
            column,
            micros.cast(&DataType::Int64)?.cast(&DataType::Datetime(*unit, Some(TimeZone::UTC)))?,
        ),
        _ => checked(column, micros),
    }
}

/// True if an integer among them would lose digits as DOUBLE.
pub(crate) fn exceeds_double(integers: &Column) -> PolarsResult<bool> {
    let integers = integers.i64()?;
    let exceeds = |value: Option<i64>| value.is_some_and(|value| value.unsigned_abs() > 1 << 53);
    Ok(exceeds(integers.min()) || exceeds(integers.max()))
}

fn checked(before: &Column, after: Column) -> PolarsResult<Cast> {
    let (was, is) = (before.is_not_null(), after.is_null());
    let lost = rows(&(&was & &is));
    Ok(Cast { column: after, lost })
}

fn came_back(before: &Column, after: Column) -> PolarsResult<Cast> {
    let back = after.cast(before.dtype())?;
    let same = back.as_materialized_series().equal_missing(before.as_materialized_series())?;
    let lost = rows(&!&same);
    if lost.is_empty() {
        return Ok(Cast { column: after, lost });
    }
    let nulls = Column::full_null(after.name().clone(), after.len(), after.dtype());
    let column =
        after.as_materialized_series().zip_with(&same, nulls.as_materialized_series())?.into_column();
    Ok(Cast { column, lost })
}

fn rows(mask: &BooleanChunked) -> Vec<usize> {
    mask.iter().enumerate().filter(|(_, set)| *set == Some(true)).map(|(row, _)| row).collect()
}

// === As text ===

fn to_text(column: &Column) -> PolarsResult<Column> {
    let is_plain =
        column.dtype().is_primitive_numeric() || column.dtype().is_bool() || column.dtype().is_decimal();
    if is_plain || *column.dtype() == DataType::Date {
        return column.cast(&DataType::String);
    }
    let series = column.as_materialized_series();
    let mut builder = StringChunkedBuilder::new(column.name().clone(), column.len());
    for value in series.rechunk().iter() {
        match text_of(&value)? {
            Some(text) => builder.append_value(text),
            None => builder.append_null(),
        }
    }
    Ok(builder.finish().into_series().into_column())
}

fn text_of(value: &AnyValue<'_>) -> PolarsResult<Option<String>> {
    Ok(match value {
        AnyValue::Null => None,
        AnyValue::String(text) => Some((*text).to_owned()),
        nested @ (AnyValue::List(_)
        | AnyValue::Array(..)
        | AnyValue::Struct(..)
        | AnyValue::StructOwned(_)) => Some(json_of(nested)?.to_string()),
        plain => match json_of(plain)? {
            Json::String(text) => Some(text),
            other => Some(other.to_string()),
        },
    })
}

/// The JSON text of one row: what a dead letter of a typed row holds.
pub(crate) fn json_of_row(columns: &[Column], row: usize) -> PolarsResult<String> {
    let mut object = Map::new();
    for column in columns {
        object.insert(column.name().to_string(), json_of(&column.get(row)?)?);
    }
    Ok(Json::Object(object).to_string())
}

fn json_of(value: &AnyValue<'_>) -> PolarsResult<Json> {
    Ok(match value {
        AnyValue::Null => Json::Null,
        AnyValue::Boolean(value) => Json::Bool(*value),
        AnyValue::String(text) => Json::String((*text).to_owned()),
        AnyValue::StringOwned(text) => Json::String(text.to_string()),
        AnyValue::Binary(bytes) => Json::String(bytes_text(bytes)),
        AnyValue::BinaryOwned(bytes) => Json::String(bytes_text(bytes)),
        AnyValue::Time(nanos) => Json::String(clock_text(*nanos)),
        AnyValue::Datetime(at, unit, zone) => Json::String(datetime_text(*at, *unit, zone.is_some())),
        AnyValue::DatetimeOwned(at, unit, zone) => Json::String(datetime_text(*at, *unit, zone.is_some())),
        AnyValue::List(series) | AnyValue::Array(series, _) => {
            Json::Array(series.iter().map(|item| json_of(&item)).collect::<PolarsResult<_>>()?)
        }
        AnyValue::Struct(..) | AnyValue::StructOwned(_) => struct_json(value)?,
        AnyValue::Float64(value) => float_json(*value),
        AnyValue::Float32(value) => float_json(f64::from(*value)),
        other => {
            let text = other.to_string();
            // Numbers keep their exact text; dates and the like are strings.
            match RawValue::from_string(text.clone()) {
                Ok(raw) => serde_json::from_str(raw.get()).unwrap_or(Json::String(text)),
                Err(_) => Json::String(text),
            }
        }
    })
}

fn struct_json(value: &AnyValue<'_>) -> PolarsResult<Json> {
    let owned = value.clone().into_static();
    let AnyValue::StructOwned(parts) = &owned else { return Ok(Json::String(value.to_string())) };
    let mut object = Map::new();
    for (item, field) in parts.0.iter().zip(&parts.1) {
        object.insert(field.name().to_string(), json_of(item)?);
    }
    Ok(Json::Object(object))
}

fn float_json(value: f64) -> Json {
    serde_json::Number::from_f64(value).map_or_else(|| Json::String(value.to_string()), Json::Number)
}

// Polars' own text of a time leaves out what is less than a second.
fn clock_text(nanos: i64) -> String {
    let (seconds, rest) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
    let whole = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    match rest {
        0 => whole,
        _ => format!("{whole}.{}", format!("{rest:09}").trim_end_matches('0')),
    }
}

fn datetime_text(at: i64, unit: TimeUnit, has_zone: bool) -> String {
    let micros = match unit {
        TimeUnit::Nanoseconds => at.div_euclid(1000),
        TimeUnit::Microseconds => at,
        TimeUnit::Milliseconds => at.saturating_mul(1000),
    };
    let text = scalar::local_text(micros).unwrap_or_else(|| format!("{micros} µs"));
    if has_zone { format!("{text}Z") } else { text }
}

// Bytes that are no text are written as PostgreSQL and DuckDB write them.
fn bytes_text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => format!("\\x{}", hex::encode(bytes)),
    }
}
