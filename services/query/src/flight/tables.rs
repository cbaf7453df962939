//! GetTables with schemas: the same Arrow types that a query over the table answers with.

use arrow_array::RecordBatch;
use arrow_flight::sql::{CommandGetTables, metadata::GetTablesBuilder};
use arrow_schema::{Field, Schema, SchemaRef};
use rfe_mesh::Caller;

use crate::{
    engine::identifier, error::QueryError, information::Described, rewrite::CATALOG, statements::Statements,
};

/// The type of every table.
pub const TABLE_TYPE: &str = "TABLE";

/// Answers GetTables with what the caller may see.
pub async fn batch(
    query: CommandGetTables,
    statements: &Statements,
    caller: &Caller,
) -> Result<RecordBatch, QueryError> {
    let mut builder: GetTablesBuilder = query.into_builder();
    let all = statements.all_tables(caller).await?;
    let schemas = if builder.include_schema() { schemas(&all, statements).await? } else { Vec::new() };
    let none = Schema::empty();
    for (at, table) in all.iter().enumerate() {
        let schema = schemas.get(at).unwrap_or(&none);
        let appended = builder.append(CATALOG, table.schema, &table.name, TABLE_TYPE, schema);
        appended.map_err(|error| QueryError::Internal(format!("GetTables: {error}")))?;
    }
    builder.build().map_err(|error| QueryError::Internal(format!("GetTables: {error}")))
}

async fn schemas(all: &[Described], statements: &Statements) -> Result<Vec<Schema>, QueryError> {
    let queries = all.iter().map(|table| {
        let columns =
            table.columns.iter().map(|(name, kind)| format!("CAST(NULL AS {kind}) AS {}", identifier(name)));
        format!("SELECT {} WHERE false", columns.collect::<Vec<_>>().join(", "))
    });
    let found = statements.columns_of(queries.collect()).await?;
    Ok(all
        .iter()
        .zip(found)
        .map(|(table, schema)| described(table, &super::answer::wire_schema(&schema)))
        .collect())
}

fn described(table: &Described, schema: &SchemaRef) -> Schema {
    let fields = schema.fields().iter().zip(&table.columns).map(|(field, (_, kind))| {
        let say = |key: &str, value: &str| (format!("ARROW:FLIGHT:SQL:{key}"), value.to_owned());
        let mut metadata = field.metadata().clone();
        metadata.extend([
            say("CATALOG_NAME", CATALOG),
            say("SCHEMA_NAME", table.schema),
            say("TABLE_NAME", &table.name),
            say("TYPE_NAME", kind),
            say("IS_AUTO_INCREMENT", "0"),
            say("IS_READ_ONLY", "1"),
            say("IS_SEARCHABLE", "1"),
        ]);
        Field::clone(field).with_metadata(metadata)
    });
    Schema::new(fields.collect::<Vec<_>>())
}
