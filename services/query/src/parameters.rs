//! Values for a prepared statement's parameters: one row of Arrow, as a client binds it.

use arrow_array::{Array, RecordBatch, cast::AsArray as _, types as t};
use arrow_ipc::{reader::StreamReader, writer::StreamWriter};
use arrow_schema::{DataType, TimeUnit};
use bytes::Bytes;

use crate::{
    duck::{DuckError, Prepared, Value},
    engine::Engine,
    error::QueryError,
};

/// The most that one statement's parameters may take.
pub const MAX_BYTES: usize = 1 << 20;

/// Values by position, with the names that the client gave them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Parameters(Vec<(String, Value)>);

/// Why values could not be bound.
#[derive(Debug)]
pub enum BindError {
    /// By us.
    Ours(Box<QueryError>),
    /// By the engine.
    Engine(DuckError),
}

impl BindError {
    /// As an error of the query.
    pub fn read(self, engine: &Engine) -> QueryError {
        match self {
            Self::Ours(error) => *error,
            Self::Engine(error) => engine.failed(&error),
        }
    }
}

impl Parameters {
    /// Reads them from the IPC stream that a ticket carries; empty bytes are none.
    pub fn decode(bytes: &[u8]) -> Result<Self, QueryError> {
        if bytes.is_empty() {
            return Ok(Self::default());
        }
        let wrong = |error| QueryError::Field("parameters", format!("no Arrow IPC stream: {error}"));
        let mut reader = StreamReader::try_new(bytes, None).map_err(wrong)?;
        reader.next().transpose().map_err(wrong)?.map_or(Ok(Self::default()), |batch| Self::of(&batch))
    }

    /// Writes a batch as such a stream.
    pub fn encode(batch: &RecordBatch) -> Result<Bytes, QueryError> {
        let wrong = |error| QueryError::Field("parameters", format!("can't be kept: {error}"));
        let mut bytes = Vec::new();
        let mut writer = StreamWriter::try_new(&mut bytes, &batch.schema()).map_err(wrong)?;
        writer.write(batch).and_then(|()| writer.finish()).map_err(wrong)?;
        drop(writer);
        if bytes.len() > MAX_BYTES {
            return Err(QueryError::Field(
                "parameters",
                format!("take {} bytes; at most {MAX_BYTES}", bytes.len()),
            ));
        }
        Ok(bytes.into())
    }

    fn of(batch: &RecordBatch) -> Result<Self, QueryError> {
        let schema = batch.schema();
        let values = schema.fields().iter().zip(batch.columns()).map(|(field, column)| {
            let kept = value(column.as_ref());
            kept.map(|value| (field.name().clone(), value)).ok_or_else(|| {
                QueryError::Field(
                    "parameters",
                    format!("`{}` has the type {}, which can't be bound", field.name(), field.data_type()),
                )
            })
        });
        Ok(Self(values.collect::<Result<_, _>>()?))
    }

    /// Binds them: by name where the statement's parameters have names that are among them, else by position. DuckDB calls
    /// `?` and `$1` by their numbers, from 1; clients call the columns of what they bind by numbers from 0, so numbers are no
    /// names.
    pub fn bind(&self, prepared: &Prepared<'_>) -> Result<(), BindError> {
        let wanted = prepared.parameters().map_err(BindError::Engine)?;
        if wanted.len() != self.0.len() {
            let text = format!(
                "the statement has {} parameters and {} values were bound",
                wanted.len(),
                self.0.len()
            );
            return Err(BindError::Ours(Box::new(QueryError::Invalid(text))));
        }
        for (at, (name, _)) in wanted.iter().enumerate() {
            let value = self.value(name, at).unwrap_or(&Value::Null);
            prepared.bind(at + 1, value).map_err(BindError::Engine)?;
        }
        Ok(())
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The value of the parameter of this name, which is the one at this place, from 0.
    pub fn value(&self, name: &str, at: usize) -> Option<&Value> {
        let is_number = name.parse::<u32>().is_ok();
        let by_name = self.0.iter().find(|(given, _)| !is_number && given.trim_start_matches('$') == name);
        by_name.or_else(|| self.0.get(at)).map(|(_, value)| value)
    }
}

fn value(column: &dyn Array) -> Option<Value> {
    if column.is_empty() || column.is_null(0) || column.data_type() == &DataType::Null {
        return Some(Value::Null);
    }
    Some(match column.data_type() {
        DataType::Boolean => Value::Boolean(column.as_boolean().value(0)),
        DataType::Int8 => Value::Integer(column.as_primitive::<t::Int8Type>().value(0).into()),
        DataType::Int16 => Value::Integer(column.as_primitive::<t::Int16Type>().value(0).into()),
        DataType::Int32 => Value::Integer(column.as_primitive::<t::Int32Type>().value(0).into()),
        DataType::Int64 => Value::Integer(column.as_primitive::<t::Int64Type>().value(0)),
        DataType::UInt8 => Value::Unsigned(column.as_primitive::<t::UInt8Type>().value(0).into()),
        DataType::UInt16 => Value::Unsigned(column.as_primitive::<t::UInt16Type>().value(0).into()),
        DataType::UInt32 => Value::Unsigned(column.as_primitive::<t::UInt32Type>().value(0).into()),
        DataType::UInt64 => Value::Unsigned(column.as_primitive::<t::UInt64Type>().value(0)),
        DataType::Float32 => Value::Double(column.as_primitive::<t::Float32Type>().value(0).into()),
        DataType::Float64 => Value::Double(column.as_primitive::<t::Float64Type>().value(0)),
        DataType::Decimal128(width, scale) => Value::Decimal {
            width: *width,
            scale: u8::try_from(*scale).ok()?,
            value: column.as_primitive::<t::Decimal128Type>().value(0),
        },
        DataType::Utf8 => Value::Text(column.as_string::<i32>().value(0).to_owned()),
        DataType::LargeUtf8 => Value::Text(column.as_string::<i64>().value(0).to_owned()),
        DataType::Utf8View => Value::Text(column.as_string_view().value(0).to_owned()),
        DataType::Binary => Value::Blob(column.as_binary::<i32>().value(0).to_vec()),
        DataType::LargeBinary => Value::Blob(column.as_binary::<i64>().value(0).to_vec()),
        DataType::BinaryView => Value::Blob(column.as_binary_view().value(0).to_vec()),
        DataType::Date32 => Value::Date(column.as_primitive::<t::Date32Type>().value(0)),
        DataType::Date64 => Value::Date(
            i32::try_from(column.as_primitive::<t::Date64Type>().value(0).div_euclid(86_400_000)).ok()?,
        ),
        DataType::Time32(TimeUnit::Second) => {
            Value::Time(i64::from(column.as_primitive::<t::Time32SecondType>().value(0)) * 1_000_000)
        }
        DataType::Time32(_) => {
            Value::Time(i64::from(column.as_primitive::<t::Time32MillisecondType>().value(0)) * 1000)
        }
        DataType::Time64(TimeUnit::Microsecond) => {
            Value::Time(column.as_primitive::<t::Time64MicrosecondType>().value(0))
        }
        DataType::Time64(_) => Value::Time(column.as_primitive::<t::Time64NanosecondType>().value(0) / 1000),
        DataType::Timestamp(unit, zone) => {
            let micros = micros(column, unit)?;
            if zone.is_some() { Value::TimestampTz(micros) } else { Value::Timestamp(micros) }
        }
        _ => return None,
    })
}

fn micros(column: &dyn Array, unit: &TimeUnit) -> Option<i64> {
    match unit {
        TimeUnit::Second => column.as_primitive::<t::TimestampSecondType>().value(0).checked_mul(1_000_000),
        TimeUnit::Millisecond => {
            column.as_primitive::<t::TimestampMillisecondType>().value(0).checked_mul(1000)
        }
        TimeUnit::Microsecond => Some(column.as_primitive::<t::TimestampMicrosecondType>().value(0)),
        TimeUnit::Nanosecond => {
            Some(column.as_primitive::<t::TimestampNanosecondType>().value(0).div_euclid(1000))
        }
    }
}
