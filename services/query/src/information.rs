//! `information_schema`: names and columns of our tables, and of nothing else in the engine.

use std::sync::Arc;

use arrow_array::{ArrayRef, Int32Array, RecordBatch, StringArray, new_null_array};
use arrow_schema::{DataType, Field, Schema, SchemaRef};

use crate::{error::QueryError, rewrite::CATALOG};

/// Its tables.
pub const TABLES: [&str; 3] = ["tables", "columns", "schemata"];

/// A table with its columns: name and SQL type.
#[derive(Debug, Clone)]
pub struct Described {
    /// Its schema.
    pub schema: &'static str,
    /// Its name.
    pub name: String,
    /// Its columns.
    pub columns: Vec<(String, String)>,
}

/// The columns of one of its tables.
pub fn schema(table: &str) -> SchemaRef {
    let text = |name: &str| Field::new(name, DataType::Utf8, true);
    let fields = match table {
        "tables" => ["table_catalog", "table_schema", "table_name", "table_type"].map(text).to_vec(),
        "schemata" => ["catalog_name", "schema_name", "schema_owner"].map(text).to_vec(),
        _ => {
            let mut fields =
                ["table_catalog", "table_schema", "table_name", "column_name"].map(text).to_vec();
            fields.push(Field::new("ordinal_position", DataType::Int32, true));
            fields.extend(["column_default", "is_nullable", "data_type"].map(text));
            fields
        }
    };
    Arc::new(Schema::new(fields))
}

/// The rows of one of its tables.
pub fn rows(table: &str, described: &[Described]) -> Result<RecordBatch, QueryError> {
    let schema = schema(table);
    let columns = match table {
        "tables" => {
            let each = |show: fn(&Described) -> &str| texts(described.iter().map(show));
            vec![
                each(|_| CATALOG),
                each(|table| table.schema),
                each(|table| &table.name),
                each(|_| "BASE TABLE"),
            ]
        }
        "schemata" => vec![texts([CATALOG; 3]), texts(["main", "raw", "meta"]), texts([CATALOG; 3])],
        _ => columns(described),
    };
    RecordBatch::try_new(schema, columns)
        .map_err(|error| QueryError::Internal(format!("information_schema: {error}")))
}

fn columns(described: &[Described]) -> Vec<ArrayRef> {
    let all = described
        .iter()
        .flat_map(|table| {
            table.columns.iter().zip(1_i32..).map(move |((name, kind), at)| (table, name, kind, at))
        })
        .collect::<Vec<_>>();
    vec![
        texts(all.iter().map(|_| CATALOG)),
        texts(all.iter().map(|(table, ..)| table.schema)),
        texts(all.iter().map(|(table, ..)| table.name.as_str())),
        texts(all.iter().map(|(_, name, ..)| name.as_str())),
        Arc::new(all.iter().map(|(.., at)| Some(*at)).collect::<Int32Array>()),
        new_null_array(&DataType::Utf8, all.len()),
        texts(all.iter().map(|_| "YES")),
        texts(all.iter().map(|(_, _, kind, _)| kind.as_str())),
    ]
}

fn texts<'a>(values: impl IntoIterator<Item = &'a str>) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(values))
}
