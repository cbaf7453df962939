//! The raw layer: what was read, as it was read, with `_run_id`.

use polars::prelude::{Column, DataFrame, DataType, PlSmallStr, PolarsResult, Scalar, TimeUnit};
use rfe_proto::metadata::Column as ColumnRecord;

use crate::{
    encode::{Encoded, PartField},
    parts::Parts,
};

const RUN_ID: &str = "_run_id";

/// Writes a row group of raw: `frame` says what the columns are.
pub(crate) fn write(
    parts: &mut Parts,
    run_id: &str,
    frame: &DataFrame,
    columns: &[Encoded],
) -> PolarsResult<()> {
    let mut fields: Vec<PartField> =
        frame.columns().iter().map(|column| PartField::of(column, None)).collect();
    for field in fields.iter_mut().filter(|field| field.name.eq_ignore_ascii_case(RUN_ID)) {
        field.name = PlSmallStr::from_string(format!("src_{}", field.name));
    }
    let run = Scalar::from(PlSmallStr::from_str(run_id));
    let run = Column::new_scalar(PlSmallStr::from_static(RUN_ID), run, 1);
    fields.insert(place(&fields), PartField::constant(run, None));
    parts.write(&fields, frame.height(), &columns.iter().collect::<Vec<_>>(), None)
}

// Before the columns that say where a record stood, as the contract lists them; behind all others.
fn place(fields: &[PartField]) -> usize {
    const PLACES: [&str; 3] = ["_file", "_page", "_event_id"];
    fields.iter().position(|field| PLACES.contains(&field.name.as_str())).unwrap_or(fields.len())
}

/// The columns of a raw file, for the catalog.
pub(crate) fn columns(fields: &[PartField]) -> Vec<ColumnRecord> {
    fields
        .iter()
        .zip(1..)
        .map(|(field, id)| ColumnRecord {
            id,
            name: field.name.to_string(),
            r#type: sql_name(&field.dtype),
            ..ColumnRecord::default()
        })
        .collect()
}

/// In DuckDB's words, as it reads these Parquet types.
pub(crate) fn sql_name(of: &DataType) -> String {
    let name = match of {
        DataType::Boolean => "BOOLEAN",
        DataType::Int8 => "TINYINT",
        DataType::Int16 => "SMALLINT",
        DataType::Int32 => "INTEGER",
        DataType::UInt8 => "UTINYINT",
        DataType::UInt16 => "USMALLINT",
        DataType::UInt32 => "UINTEGER",
        DataType::UInt64 => "UBIGINT",
        DataType::Int64 | DataType::Duration(_) => "BIGINT",
        DataType::Float32 => "FLOAT",
        DataType::Float64 => "DOUBLE",
        DataType::Decimal(precision, scale) => return format!("DECIMAL({precision},{scale})"),
        DataType::Date => "DATE",
        DataType::Time => "TIME",
        DataType::Datetime(_, Some(_)) => "TIMESTAMPTZ",
        DataType::Datetime(TimeUnit::Nanoseconds, None) => "TIMESTAMP_NS",
        DataType::Datetime(_, None) => "TIMESTAMP",
        DataType::Binary | DataType::BinaryOffset => "BLOB",
        DataType::List(inner) | DataType::Array(inner, _) => return format!("{}[]", sql_name(inner)),
        DataType::Struct(fields) => {
            let fields = fields.iter().map(|field| {
                format!("\"{}\" {}", field.name().replace('"', "\"\""), sql_name(field.dtype()))
            });
            return format!("STRUCT({})", fields.collect::<Vec<_>>().join(", "));
        }
        _ => "VARCHAR",
    };
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use polars::prelude::{Field, df};

    use super::*;
    use crate::{
        config::Config,
        encode::{Form, encode},
        parts::Limits,
    };

    #[test]
    fn the_run_stands_before_the_place_and_no_column_of_the_source_hides_it() {
        let folder = tempfile::tempdir().expect("folder");
        let mut open = Parts::new(folder.path(), "raw", Limits::from(&Config::default()), Form::Stored);
        let frame = df!("id" => ["007"], "_run_id" => ["theirs"], "_file" => ["a.csv"], "_line" => [2i64])
            .expect("frame");
        let encoded = encode(&frame, Form::Stored).expect("encode");
        write(&mut open, "run-1", &frame, &encoded).expect("write");
        open.close().expect("close");
        let parts = open.take_closed();
        let names: Vec<_> = columns(&parts[0].fields)
            .into_iter()
            .map(|column| (column.id, column.name, column.r#type))
            .collect();
        let expected = [
            (1, "id", "VARCHAR"),
            (2, "src__run_id", "VARCHAR"),
            (3, "_run_id", "VARCHAR"),
            (4, "_file", "VARCHAR"),
            (5, "_line", "BIGINT"),
        ];
        assert_eq!(names, expected.map(|(id, name, kind)| (id, name.to_owned(), kind.to_owned())));
    }

    #[test]
    fn nested_types_are_named_as_duckdb_names_them() {
        let inner = DataType::Struct(vec![Field::new("a \"b\"".into(), DataType::UInt8)]);
        assert_eq!(sql_name(&DataType::List(Box::new(inner))), "STRUCT(\"a \"\"b\"\"\" UTINYINT)[]");
    }
}
