//! What stands behind a dataset's name: the query over its files that the catalog's types decide, never a file's own.

use arrow_schema::{DataType, TimeUnit};
use rfe_lake::{Bucket, Lake};
use rfe_model::{SqlType, name};
use rfe_proto::metadata::{Column, DataFile, ResolvedDataset};

use crate::{
    duck::DuckError,
    engine::{identifier, literal},
    error::QueryError,
};

/// Name and type of a column as a query shows it.
pub type Shown = (String, SqlType);

/// The columns of `main.<dataset>`.
pub fn main_columns(dataset: &ResolvedDataset) -> Result<Vec<Shown>, QueryError> {
    let mut columns = own_columns(&described(dataset)?.columns)?;
    columns.extend(lineage(described(dataset)?.events).map(|(name, _, kind)| (name.to_owned(), kind)));
    Ok(columns)
}

/// The columns of `raw.<dataset>`.
pub fn raw_columns(dataset: &ResolvedDataset) -> Result<Vec<Shown>, QueryError> {
    if !dataset.raw_columns.is_empty() {
        return own_columns(&dataset.raw_columns);
    }
    let described = described(dataset)?;
    let names: &[(&str, SqlType)] = match described.kind.as_str() {
        _ if described.events => &[
            ("_run_id", SqlType::Varchar),
            ("_event_id", SqlType::Varchar),
            ("_received_at", SqlType::TimestampTz),
            ("content_type", SqlType::Varchar),
            ("headers", SqlType::Varchar),
            ("body", SqlType::Blob),
        ],
        "csv" => &[("_run_id", SqlType::Varchar), ("_file", SqlType::Varchar), ("_line", SqlType::BigInt)],
        "rest" => &[
            ("_run_id", SqlType::Varchar),
            ("_page", SqlType::BigInt),
            ("_record", SqlType::BigInt),
            ("body", SqlType::Varchar),
        ],
        "json" => &[
            ("_run_id", SqlType::Varchar),
            ("_file", SqlType::Varchar),
            ("_line", SqlType::BigInt),
            ("body", SqlType::Varchar),
        ],
        _ => &[("_run_id", SqlType::Varchar)],
    };
    Ok(names.iter().map(|(name, kind)| ((*name).to_owned(), kind.clone())).collect())
}

/// The query behind `main.<dataset>`.
pub fn main_view(dataset: &ResolvedDataset, lake: &dyn Lake) -> Result<String, QueryError> {
    let columns = main_columns(dataset)?;
    if dataset.processed.is_empty() {
        return Ok(nothing(&columns));
    }
    let described = described(dataset)?;
    let ids = described
        .columns
        .iter()
        .map(|column| column.id)
        .chain(lineage(described.events).map(|(_, id, _)| id));
    let map = ids
        .zip(&columns)
        .map(|(id, (name, kind))| {
            let stored = if *kind == SqlType::Json { &SqlType::Varchar } else { kind };
            format!(
                "{id}: {{name: {}, type: {}, default_value: NULL}}",
                literal(name),
                literal(&stored.to_string())
            )
        })
        .collect::<Vec<_>>()
        .join(", ");
    let shown = columns.iter().map(|(name, kind)| match kind {
        SqlType::Json => format!("CAST({0} AS JSON) AS {0}", identifier(name)),
        _ => identifier(name),
    });
    let files = paths(&dataset.processed, Bucket::Processed, lake)?;
    Ok(format!(
        "SELECT {} FROM read_parquet([{files}], schema = MAP {{{map}}})",
        shown.collect::<Vec<_>>().join(", ")
    ))
}

/// The query behind `raw.<dataset>`.
pub fn raw_view(dataset: &ResolvedDataset, lake: &dyn Lake) -> Result<String, QueryError> {
    let columns = raw_columns(dataset)?;
    if dataset.raw.is_empty() {
        return Ok(nothing(&columns));
    }
    let same = dataset.raw.windows(2).all(|pair| columns_equal(&pair[0].raw_columns, &pair[1].raw_columns));
    let by_name = if same { "" } else { ", union_by_name = true" };
    let shown = columns.iter().map(|(name, kind)| format!("CAST({0} AS {kind}) AS {0}", identifier(name)));
    let files = paths(&dataset.raw, Bucket::Raw, lake)?;
    Ok(format!("SELECT {} FROM read_parquet([{files}]{by_name})", shown.collect::<Vec<_>>().join(", ")))
}

/// A relation of these columns without rows.
pub fn nothing(columns: &[Shown]) -> String {
    let columns = columns.iter().map(|(name, kind)| format!("CAST(NULL AS {kind}) AS {}", identifier(name)));
    format!("SELECT {} WHERE false", columns.collect::<Vec<_>>().join(", "))
}

/// The SQL type in which an Arrow column is kept.
pub fn arrow_to_sql(kind: &DataType) -> Result<String, DuckError> {
    Ok(match kind {
        DataType::Boolean => "BOOLEAN".to_owned(),
        DataType::Int8 => "TINYINT".to_owned(),
        DataType::Int16 => "SMALLINT".to_owned(),
        DataType::Int32 => "INTEGER".to_owned(),
        DataType::Int64 => "BIGINT".to_owned(),
        DataType::UInt8 => "UTINYINT".to_owned(),
        DataType::UInt16 => "USMALLINT".to_owned(),
        DataType::UInt32 => "UINTEGER".to_owned(),
        DataType::UInt64 => "UBIGINT".to_owned(),
        DataType::Float32 => "FLOAT".to_owned(),
        DataType::Float64 => "DOUBLE".to_owned(),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "VARCHAR".to_owned(),
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => "BLOB".to_owned(),
        DataType::Date32 => "DATE".to_owned(),
        DataType::Decimal128(precision, scale) => format!("DECIMAL({precision},{scale})"),
        DataType::Timestamp(_, Some(_)) => "TIMESTAMPTZ".to_owned(),
        DataType::Timestamp(TimeUnit::Second, None) => "TIMESTAMP_S".to_owned(),
        DataType::Timestamp(TimeUnit::Millisecond, None) => "TIMESTAMP_MS".to_owned(),
        DataType::Timestamp(TimeUnit::Microsecond, None) => "TIMESTAMP".to_owned(),
        DataType::Timestamp(TimeUnit::Nanosecond, None) => "TIMESTAMP_NS".to_owned(),
        DataType::List(item) | DataType::LargeList(item) => format!("{}[]", arrow_to_sql(item.data_type())?),
        other => return Err(DuckError(format!("INTERNAL Error: a registry column of the type {other}"))),
    })
}

fn described(dataset: &ResolvedDataset) -> Result<&rfe_proto::metadata::Dataset, QueryError> {
    dataset
        .dataset
        .as_ref()
        .ok_or_else(|| QueryError::Internal("the catalog sent a dataset without its columns".to_owned()))
}

fn lineage(events: bool) -> impl Iterator<Item = (&'static str, u32, SqlType)> {
    name::LINEAGE_IDS.into_iter().filter(move |(name, _)| events || name::LINEAGE.contains(name)).map(
        |(name, id)| {
            let kind = match name {
                "_ingested_at" | "_received_at" => SqlType::TimestampTz,
                "_schema_version" => SqlType::BigInt,
                _ => SqlType::Varchar,
            };
            (name, id, kind)
        },
    )
}

fn own_columns(columns: &[Column]) -> Result<Vec<Shown>, QueryError> {
    columns.iter().map(|column| Ok((column.name.clone(), sql_type(column)?))).collect()
}

fn sql_type(column: &Column) -> Result<SqlType, QueryError> {
    let kind = column.r#type.parse::<SqlType>().unwrap_or(SqlType::Nested(column.r#type.clone()));
    match &kind {
        SqlType::Nested(text) if !is_type(text) => Err(QueryError::Internal(format!(
            "column `{}` has the type `{text}`, which is none",
            column.name
        ))),
        _ => Ok(kind),
    }
}

// A type's text goes into the view as it is: names, numbers, brackets that balance, and nothing that could end the cast.
fn is_type(text: &str) -> bool {
    let mut open = 0_i32;
    let mut quoted = false;
    for c in text.chars() {
        match c {
            '"' => quoted = !quoted,
            _ if quoted => {}
            '(' | '[' => open += 1,
            ')' | ']' => open -= 1,
            c if c.is_alphanumeric() || c == '_' || c == ' ' || c == ',' => {}
            _ => return false,
        }
        if open < 0 {
            return false;
        }
    }
    open == 0 && !quoted
}

fn columns_equal(a: &[Column], b: &[Column]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.name == b.name && a.r#type == b.r#type)
}

fn paths(files: &[DataFile], bucket: Bucket, lake: &dyn Lake) -> Result<String, QueryError> {
    let path = |file: &DataFile| {
        let local = lake.local_path(bucket, &file.key);
        local.map(|path| literal(&path.display().to_string())).ok_or_else(|| {
            QueryError::Lake(format!(
                "the data file `{}/{}` is not at hand as a local file",
                bucket.name(),
                file.key
            ))
        })
    };
    Ok(files.iter().map(path).collect::<Result<Vec<_>, _>>()?.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_can_end_no_cast() {
        for good in
            ["STRUCT(a BIGINT, \"b c\" VARCHAR)", "BIGINT[]", "MAP(VARCHAR, DECIMAL(18,2)[])", "HUGEINT"]
        {
            assert!(is_type(good), "{good}");
        }
        for bad in ["BIGINT) AS x, (y", "INT; DROP", "STRUCT(a INT", "x -- ]", "a\"b", "INT'x'[]"] {
            assert!(!is_type(bad), "{bad}");
        }
    }
}
