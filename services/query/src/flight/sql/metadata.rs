//! Catalogs, schemas, tables, types and keys as batches.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_flight::{
    FlightDescriptor, FlightInfo,
    sql::{
        CommandGetCatalogs, CommandGetDbSchemas, CommandGetSqlInfo, CommandGetTableTypes, CommandGetTables,
        CommandGetXdbcTypeInfo, ProstMessageExt,
    },
};
use arrow_schema::{DataType, Field, Schema};
use prost::Message;
use rfe_mesh::Caller;

use super::{Sql, answer};
use crate::{error::QueryError, flight::tables, rewrite::CATALOG};

type Answer = Result<RecordBatch, QueryError>;

fn built(batch: arrow_flight::error::Result<RecordBatch>) -> Answer {
    batch.map_err(|error| QueryError::Internal(format!("Flight SQL metadata: {error}")))
}

/// The FlightInfo of a metadata command: its ticket is the command again.
pub fn info(
    command: &impl ProstMessageExt,
    batch: &RecordBatch,
    descriptor: FlightDescriptor,
) -> Result<FlightInfo, QueryError> {
    answer::info(Some(&batch.schema()), command.as_any().encode_to_vec(), descriptor)
}

pub fn catalogs(query: CommandGetCatalogs) -> Answer {
    let mut builder = query.into_builder();
    builder.append(CATALOG);
    built(builder.build())
}

pub fn schemas(query: CommandGetDbSchemas) -> Answer {
    let mut builder = query.into_builder();
    for schema in ["main", "meta", "raw"] {
        builder.append(CATALOG, schema);
    }
    built(builder.build())
}

pub fn table_types(query: CommandGetTableTypes) -> Answer {
    let mut builder = query.into_builder();
    builder.append(tables::TABLE_TYPE);
    built(builder.build())
}

pub async fn tables(query: CommandGetTables, sql: &Sql, caller: &Caller) -> Answer {
    tables::batch(query, &sql.0.statements, caller).await
}

pub fn sql_info(query: CommandGetSqlInfo, sql: &Sql) -> Answer {
    built(query.into_builder(&sql.0.info).build())
}

pub fn type_info(query: CommandGetXdbcTypeInfo, sql: &Sql) -> Answer {
    built(query.into_builder(&sql.0.types).build())
}

/// Datasets have no keys.
pub fn primary_keys() -> RecordBatch {
    let text = |name: &str, nullable| Field::new(name, DataType::Utf8, nullable);
    RecordBatch::new_empty(Arc::new(Schema::new(vec![
        text("catalog_name", true),
        text("db_schema_name", true),
        text("table_name", false),
        text("column_name", false),
        Field::new("key_sequence", DataType::Int32, false),
        text("key_name", true),
    ])))
}

/// Nor foreign ones.
pub fn foreign_keys() -> RecordBatch {
    let text = |name: String, nullable| Field::new(name, DataType::Utf8, nullable);
    let mut fields = Vec::new();
    for side in ["pk", "fk"] {
        fields.push(text(format!("{side}_catalog_name"), true));
        fields.push(text(format!("{side}_db_schema_name"), true));
        fields.push(text(format!("{side}_table_name"), false));
        fields.push(text(format!("{side}_column_name"), false));
    }
    fields.push(Field::new("key_sequence", DataType::Int32, false));
    fields.push(text("fk_key_name".to_owned(), true));
    fields.push(text("pk_key_name".to_owned(), true));
    fields.push(Field::new("update_rule", DataType::UInt8, false));
    fields.push(Field::new("delete_rule", DataType::UInt8, false));
    RecordBatch::new_empty(Arc::new(Schema::new(fields)))
}
