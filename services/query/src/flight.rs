//! The door: Flight SQL where a command or ticket is one, and plain Flight where it is SQL text.

mod action;
mod answer;
mod put;
mod session;
mod sql;
mod sql_info;
mod tables;
mod type_info;

use std::{pin::Pin, time::Duration};

use arrow_flight::{
    Action, ActionType, Criteria, Empty, FlightData, FlightDescriptor, FlightInfo, HandshakeRequest,
    HandshakeResponse, PollInfo, PutResult, SchemaResult, Ticket,
    flight_descriptor::DescriptorType,
    flight_service_server::FlightService,
    sql::{Any, Command},
};
use bytes::Bytes;
use futures::{Stream, StreamExt as _, stream};
use prost::Message as _;
use rfe_mesh::{caller, layer::deadline};
use tonic::{Request, Response, Status, Streaming, metadata::MetadataMap};

use crate::{engine::identifier, error::QueryError, ticket::Pinned};

pub use sql::Sql;

type Reply<T> = Result<Response<T>, Status>;
type Flow<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// The Flight service.
#[derive(Debug, Clone)]
pub struct Door(pub Sql);

// The Flight SQL command in these bytes; `None` if they are something else, such as SQL text.
fn command(bytes: &[u8]) -> Result<bool, QueryError> {
    let any = Any::decode(bytes)
        .ok()
        .filter(|any| any.type_url.starts_with("type.googleapis.com/arrow.flight.protocol.sql."));
    let Some(any) = any else { return Ok(false) };
    let name = any.type_url.clone();
    match Command::try_from(any) {
        Ok(Command::Unknown(_)) => Err(QueryError::Unsupported(format!("`{name}` is not known here"))),
        Ok(_) => Ok(true),
        Err(error) => Err(QueryError::Field("cmd", format!("`{name}` does not decode: {error}"))),
    }
}

fn sql_text(bytes: &Bytes, field: &'static str) -> Result<String, QueryError> {
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.trim().is_empty() => Ok(text.to_owned()),
        _ => Err(QueryError::Field(field, "is neither a Flight SQL message nor SQL text".to_owned())),
    }
}

// The SQL of a plain descriptor; `None` for one of Flight SQL.
fn descriptor_sql(descriptor: &FlightDescriptor) -> Result<Option<String>, QueryError> {
    match descriptor.r#type() {
        DescriptorType::Path if !descriptor.path.is_empty() => {
            let names = descriptor.path.iter().map(|part| identifier(part)).collect::<Vec<_>>();
            Ok(Some(format!("SELECT * FROM {}", names.join("."))))
        }
        DescriptorType::Path => Err(QueryError::Field("path", "is empty; name a dataset".to_owned())),
        _ if command(&descriptor.cmd)? => Ok(None),
        _ => sql_text(&descriptor.cmd, "cmd").map(Some),
    }
}

/// How long the caller has time for.
pub fn time_left(metadata: &MetadataMap) -> Option<Duration> {
    deadline::parse(metadata.get("grpc-timeout")?.to_str().ok()?)
}

#[tonic::async_trait]
impl FlightService for Door {
    type HandshakeStream = Flow<HandshakeResponse>;
    type ListFlightsStream = Flow<FlightInfo>;
    type DoGetStream = Flow<FlightData>;
    type DoPutStream = Flow<PutResult>;
    type DoActionStream = Flow<arrow_flight::Result>;
    type ListActionsStream = Flow<ActionType>;
    type DoExchangeStream = Flow<FlightData>;

    async fn handshake(&self, request: Request<Streaming<HandshakeRequest>>) -> Reply<Self::HandshakeStream> {
        FlightService::handshake(&self.0, request).await
    }

    async fn list_flights(&self, request: Request<Criteria>) -> Reply<Self::ListFlightsStream> {
        let flights = self.0.flights(&caller::of(&request)).await?;
        Ok(Response::new(stream::iter(flights.into_iter().map(Ok)).boxed()))
    }

    async fn get_flight_info(&self, request: Request<FlightDescriptor>) -> Reply<FlightInfo> {
        match descriptor_sql(request.get_ref())? {
            None => FlightService::get_flight_info(&self.0, request).await,
            Some(sql) => {
                let caller = caller::of(&request);
                Ok(Response::new(self.0.info(&sql, Bytes::new(), request.into_inner(), &caller).await?))
            }
        }
    }

    async fn poll_flight_info(&self, _: Request<FlightDescriptor>) -> Reply<PollInfo> {
        Err(QueryError::Unsupported(
            "PollFlightInfo is not offered; GetFlightInfo answers at once".to_owned(),
        )
        .into())
    }

    async fn get_schema(&self, request: Request<FlightDescriptor>) -> Reply<SchemaResult> {
        let info = FlightService::get_flight_info(self, request).await?.into_inner();
        if info.schema.is_empty() {
            let why = "the columns hang on parameters that are not bound yet; bind them first";
            return Err(QueryError::Invalid(why.to_owned()).into());
        }
        Ok(Response::new(SchemaResult { schema: info.schema }))
    }

    async fn do_get(&self, request: Request<Ticket>) -> Reply<Self::DoGetStream> {
        if command(&request.get_ref().ticket)? {
            return FlightService::do_get(&self.0, request).await;
        }
        let sql = sql_text(&request.get_ref().ticket, "ticket")?;
        let limit = time_left(request.metadata());
        self.0.rows(Pinned::new(sql, 0, Bytes::new()), limit, &caller::of(&request)).await
    }

    async fn do_put(&self, request: Request<Streaming<FlightData>>) -> Reply<Self::DoPutStream> {
        FlightService::do_put(&self.0, request).await
    }

    async fn do_action(&self, request: Request<Action>) -> Reply<Self::DoActionStream> {
        FlightService::do_action(&self.0, request).await
    }

    async fn list_actions(&self, _: Request<Empty>) -> Reply<Self::ListActionsStream> {
        Ok(Response::new(stream::iter(action::offered().into_iter().map(Ok)).boxed()))
    }

    async fn do_exchange(&self, _: Request<Streaming<FlightData>>) -> Reply<Self::DoExchangeStream> {
        Err(QueryError::Unsupported("DoExchange is not offered".to_owned()).into())
    }
}
