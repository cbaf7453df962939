//! What stands behind a dataset's name: the query over its files that the catalog's types decide, never a file's own.

use arrow_schema::{DataType, TimeUnit};
use rfe_model::{SqlType, name};
use rfe_proto::metadata::{Column, ResolvedDataset};

use crate::{
    duck::DuckError,
    engine::{identifier, literal},
    error::QueryError,
    files::File,
    merge,
    pruning::Prunable,
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

/// The columns of `main.<dataset>` by which files can be left out. Of merged rows these are the key's alone: another version of
/// a row may be in a file whose other columns do not match.
pub fn prunable(dataset: &ResolvedDataset) -> Result<Vec<Prunable>, QueryError> {
    let columns = processed(dataset)?.into_iter().map(|(id, (name, kind))| Prunable { name, id, kind });
    let is_key = |column: &Prunable| {
        let merge = dataset.merge.as_ref();
        merge.is_none_or(|merge| merge.key.iter().any(|key| key.eq_ignore_ascii_case(&column.name)))
    };
    Ok(columns.filter(is_key).collect())
}

/// The query behind `main.<dataset>`, over these files of it in their order, each read at its path or URL.
pub fn main_view(dataset: &ResolvedDataset, files: &[&File], paths: &[String]) -> Result<String, QueryError> {
    let columns = processed(dataset)?;
    if files.is_empty() {
        return Ok(nothing(&columns.into_iter().map(|(_, shown)| shown).collect::<Vec<_>>()));
    }
    let rows = Rows { paths: literals(paths), columns };
    Ok(match &dataset.merge {
        Some(options) => merge::view(&rows, options, files),
        None => format!("SELECT {} FROM {}", rows.shown(), rows.scan()),
    })
}

/// The query behind `raw.<dataset>`, over these files of it, each read at its path.
pub fn raw_view(dataset: &ResolvedDataset, files: &[&File], paths: &[String]) -> Result<String, QueryError> {
    let columns = raw_columns(dataset)?;
    if files.is_empty() {
        return Ok(nothing(&columns));
    }
    let same = files.windows(2).all(|pair| pair[0].shape == pair[1].shape);
    let by_name = if same { "" } else { ", union_by_name = true" };
    let shown = columns.iter().map(|(name, kind)| format!("CAST({0} AS {kind}) AS {0}", identifier(name)));
    let files = literals(paths);
    Ok(format!("SELECT {} FROM read_parquet([{files}]{by_name})", shown.collect::<Vec<_>>().join(", ")))
}

/// Rows of processed files, read by column id. Inside, a column is called by its id: a file's own columns would hide the engine's,
/// such as `file_index`.
#[derive(Debug)]
pub struct Rows {
    paths: String,
    columns: Vec<(u32, Shown)>,
}

impl Rows {
    /// The scan, for FROM.
    pub fn scan(&self) -> String {
        let column = |(id, (_, kind)): &(u32, Shown)| {
            let stored = if *kind == SqlType::Json { &SqlType::Varchar } else { kind };
            let kind = literal(&stored.to_string());
            format!("{id}: {{name: {}, type: {kind}, default_value: NULL}}", literal(&inside(*id)))
        };
        let map = self.columns.iter().map(column).collect::<Vec<_>>().join(", ");
        format!("read_parquet([{}], schema = MAP {{{map}}})", self.paths)
    }

    /// What is shown of them, for SELECT.
    pub fn shown(&self) -> String {
        let column = |(id, (name, kind)): &(u32, Shown)| match kind {
            SqlType::Json => format!("CAST({} AS JSON) AS {}", inside(*id), identifier(name)),
            _ => format!("{} AS {}", inside(*id), identifier(name)),
        };
        self.columns.iter().map(column).collect::<Vec<_>>().join(", ")
    }

    /// The names of all columns inside, behind a qualifier.
    pub fn all(&self, qualifier: &str) -> String {
        let column = |(id, _): &(u32, Shown)| format!("{qualifier}{}", inside(*id));
        self.columns.iter().map(column).collect::<Vec<_>>().join(", ")
    }

    /// Id, name inside and type of the column that has this name outside.
    pub fn column(&self, name: &str) -> Option<(u32, String, &SqlType)> {
        let found = self.columns.iter().find(|(_, (known, _))| known.eq_ignore_ascii_case(name));
        found.map(|(id, (_, kind))| (*id, inside(*id), kind))
    }
}

fn inside(id: u32) -> String {
    format!("c{id}")
}

fn processed(dataset: &ResolvedDataset) -> Result<Vec<(u32, Shown)>, QueryError> {
    let described = described(dataset)?;
    let ids = described.columns.iter().map(|column| column.id);
    let ids = ids.chain(lineage(described.events).map(|(_, id, _)| id));
    Ok(ids.zip(main_columns(dataset)?).collect())
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

fn literals(paths: &[String]) -> String {
    paths.iter().map(|path| literal(path)).collect::<Vec<_>>().join(", ")
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
