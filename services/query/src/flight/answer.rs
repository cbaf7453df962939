//! Schemas and rows as Flight sends them. The schema of a FlightInfo passes through the same encoder as its stream, so they
//! can't differ.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_flight::{
    FlightData, FlightDescriptor, FlightEndpoint, FlightInfo, IpcMessage, SchemaAsIpc, Ticket,
    encode::FlightDataEncoderBuilder, error::FlightError,
};
use arrow_ipc::writer::IpcWriteOptions;
use arrow_schema::{DataType, Field, FieldRef, Fields, Schema, SchemaRef};
use bytes::Bytes;
use futures::{Stream, StreamExt as _, TryStreamExt as _, stream};
use tonic::{Response, Status};

use super::{Flow, Reply};
use crate::error::QueryError;

/// The schema as the encoder sends it.
pub fn wire_schema(schema: &SchemaRef) -> SchemaRef {
    let encoder = FlightDataEncoderBuilder::new().with_schema(with_digits(schema)).build(stream::empty());
    encoder.known_schema().unwrap_or_else(|| Arc::clone(schema))
}

// Drivers of JDBC don't read the digits of a DECIMAL from its type; without these it has none to them, and Spark takes it for
// DECIMAL(38,18).
fn with_digits(schema: &SchemaRef) -> SchemaRef {
    let digits = |field: &FieldRef| match field.data_type() {
        DataType::Decimal128(precision, scale) => {
            let mut metadata = field.metadata().clone();
            metadata.insert("ARROW:FLIGHT:SQL:PRECISION".to_owned(), precision.to_string());
            metadata.insert("ARROW:FLIGHT:SQL:SCALE".to_owned(), scale.to_string());
            Arc::new(Field::clone(field).with_metadata(metadata))
        }
        _ => Arc::clone(field),
    };
    let fields = schema.fields().iter().map(digits).collect::<Fields>();
    Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()))
}

/// The bytes of a schema in a message.
pub fn schema_bytes(schema: &Schema) -> Result<Bytes, QueryError> {
    let options = IpcWriteOptions::default();
    let message: Result<IpcMessage, _> = SchemaAsIpc::new(schema, &options).try_into();
    message
        .map(|message| message.0)
        .map_err(|error| QueryError::Internal(format!("a schema does not encode: {error}")))
}

/// A FlightInfo with one endpoint, which is this connection.
pub fn info(
    schema: Option<&SchemaRef>,
    ticket: Vec<u8>,
    descriptor: FlightDescriptor,
) -> Result<FlightInfo, QueryError> {
    let endpoint = FlightEndpoint::new().with_ticket(Ticket::new(ticket));
    let mut info = FlightInfo::new().with_descriptor(descriptor).with_endpoint(endpoint).with_ordered(true);
    if let Some(schema) = schema {
        info.schema = schema_bytes(&wire_schema(schema))?;
    }
    Ok(info)
}

/// Batches as a stream; the schema goes first, also when no row follows.
pub fn rows(
    schema: SchemaRef,
    batches: impl Stream<Item = Result<RecordBatch, QueryError>> + Send + 'static,
) -> Reply<Flow<FlightData>> {
    let batches = batches.map_err(|error| FlightError::Tonic(Box::new(Status::from(error))));
    let encoded = FlightDataEncoderBuilder::new().with_schema(with_digits(&schema)).build(batches);
    Ok(Response::new(encoded.map_err(Status::from).boxed()))
}

/// One batch as a stream.
pub fn one(batch: RecordBatch) -> Reply<Flow<FlightData>> {
    rows(batch.schema(), stream::iter([Ok(batch)]))
}
