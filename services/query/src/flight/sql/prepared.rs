//! What a prepared statement says of itself: its columns and its parameters.

use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema, TimeUnit};
use bytes::Bytes;
use tonic::metadata::MetadataMap;

use crate::{error::QueryError, flight::answer, statements::Description};

/// Its columns. Drivers take a statement without columns for an update, so columns not known yet are shown as text.
pub fn dataset_schema(description: &Description) -> Result<Bytes, QueryError> {
    match &description.schema {
        Some(schema) => answer::schema_bytes(&answer::wire_schema(schema)),
        None => answer::schema_bytes(&Schema::new(vec![Field::new("unknown", DataType::Utf8, true)])),
    }
}

/// Its parameters, as the client that asks (by its call's metadata) can bind them; text where the type is open.
pub fn parameter_schema(description: &Description, client: &MetadataMap) -> Result<Bytes, QueryError> {
    let milliseconds = counts_milliseconds(client);
    let fields = description.parameters.iter().map(|(name, kind)| {
        let kind = kind.clone().unwrap_or(DataType::Utf8);
        Field::new(name, if milliseconds { in_milliseconds(kind) } else { kind }, true)
    });
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    answer::schema_bytes(&answer::wire_schema(&schema))
}

// The JDBC driver (18.3.0 and before) binds times as milliseconds, whatever unit the parameter has: a time of 2024 would arrive as
// one of January 1970. So gRPC's Java clients are told of milliseconds; what they bind says its unit itself.
fn counts_milliseconds(client: &MetadataMap) -> bool {
    let agent = client.get("user-agent").and_then(|agent| agent.to_str().ok());
    agent.is_some_and(|agent| agent.contains("grpc-java"))
}

fn in_milliseconds(kind: DataType) -> DataType {
    match kind {
        DataType::Timestamp(_, zone) => DataType::Timestamp(TimeUnit::Millisecond, zone),
        DataType::Time64(_) => DataType::Time32(TimeUnit::Millisecond),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use arrow_flight::IpcMessage;

    use super::*;

    fn kinds(agent: &'static str) -> Vec<DataType> {
        let zoned = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        let kinds = [Some(zoned), Some(DataType::Time64(TimeUnit::Microsecond)), Some(DataType::Int64), None];
        let parameters = kinds.into_iter().map(|kind| ("p".to_owned(), kind)).collect();
        let description = Description { schema: None, parameters };
        let mut client = MetadataMap::new();
        client.insert("user-agent", agent.parse().expect("an agent"));
        let bytes = parameter_schema(&description, &client).expect("a schema");
        let schema = Schema::try_from(IpcMessage(bytes)).expect("a readable one");
        schema.fields().iter().map(|field| field.data_type().clone()).collect()
    }

    #[test]
    fn clients_of_java_are_told_of_milliseconds() {
        let zoned = DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()));
        let time = DataType::Time32(TimeUnit::Millisecond);
        assert_eq!(kinds("grpc-java-netty/1.71.0"), [zoned, time, DataType::Int64, DataType::Utf8]);
    }

    #[test]
    fn others_are_told_of_the_parameters_own_units() {
        let zoned = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        let time = DataType::Time64(TimeUnit::Microsecond);
        assert_eq!(kinds("grpc-go/1.70.0"), [zoned, time, DataType::Int64, DataType::Utf8]);
    }
}
