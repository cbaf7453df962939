//! Decode, call, encode.

use arrow_flight::{
    Action, FlightData, FlightDescriptor, FlightInfo, HandshakeRequest, HandshakeResponse, Ticket,
    flight_service_server::FlightService,
    sql::{
        ActionCancelQueryRequest, ActionCancelQueryResult, ActionClosePreparedStatementRequest,
        ActionCreatePreparedStatementRequest, ActionCreatePreparedStatementResult, CommandGetCatalogs,
        CommandGetCrossReference, CommandGetDbSchemas, CommandGetExportedKeys, CommandGetImportedKeys,
        CommandGetPrimaryKeys, CommandGetSqlInfo, CommandGetTableTypes, CommandGetTables,
        CommandGetXdbcTypeInfo, CommandPreparedStatementQuery, CommandPreparedStatementUpdate,
        CommandStatementIngest, CommandStatementQuery, CommandStatementUpdate, DoPutPreparedStatementResult,
        SqlInfo, TicketStatementQuery,
        server::{DoPutError, FlightSqlService, PeekableFlightDataStream},
    },
};
use bytes::Bytes;
use futures::{StreamExt as _, stream};
use prost::Message as _;
use rfe_mesh::{caller, tokens};
use tonic::{
    Request, Response, Status, Streaming,
    metadata::{Ascii, MetadataMap, MetadataValue},
};

use super::{Sql, metadata, prepared};
use crate::{
    error::QueryError,
    flight::{Flow, Reply, action, answer, put, time_left},
    prepared::PreparedStatements,
    ticket::Pinned,
};

const READ_ONLY: &str = "this server is read-only: send rows through the ingest service";

#[tonic::async_trait]
impl FlightSqlService for Sql {
    type FlightService = Self;

    // Clients with a user name and a password expect a token for the calls that follow: it is the password. What it is worth was
    // decided at the door.
    async fn do_handshake(
        &self,
        request: Request<Streaming<HandshakeRequest>>,
    ) -> Reply<Flow<HandshakeResponse>> {
        let answer = HandshakeResponse { protocol_version: 0, payload: Bytes::new() };
        let mut response = Response::new(stream::iter([Ok(answer)]).boxed());
        response.metadata_mut().insert("authorization", bearer(request.metadata()));
        Ok(response)
    }

    async fn get_flight_info_statement(
        &self,
        query: CommandStatementQuery,
        request: Request<FlightDescriptor>,
    ) -> Reply<FlightInfo> {
        let caller = caller::of(&request);
        Ok(Response::new(self.info(&query.query, Bytes::new(), request.into_inner(), &caller).await?))
    }

    async fn get_flight_info_prepared_statement(
        &self,
        query: CommandPreparedStatementQuery,
        request: Request<FlightDescriptor>,
    ) -> Reply<FlightInfo> {
        let held = self.0.prepared.get(&query.prepared_statement_handle)?;
        let caller = caller::of(&request);
        Ok(Response::new(self.info(&held.sql, held.parameters, request.into_inner(), &caller).await?))
    }

    async fn do_get_statement(
        &self,
        ticket: TicketStatementQuery,
        request: Request<Ticket>,
    ) -> Reply<Flow<FlightData>> {
        let limit = time_left(request.metadata());
        self.rows(Pinned::read(&ticket.statement_handle)?, limit, &caller::of(&request)).await
    }

    async fn do_get_prepared_statement(
        &self,
        query: CommandPreparedStatementQuery,
        request: Request<Ticket>,
    ) -> Reply<Flow<FlightData>> {
        let held = self.0.prepared.get(&query.prepared_statement_handle)?;
        let limit = time_left(request.metadata());
        self.rows(Pinned::new(held.sql, 0, held.parameters), limit, &caller::of(&request)).await
    }

    async fn do_action_create_prepared_statement(
        &self,
        query: ActionCreatePreparedStatementRequest,
        request: Request<Action>,
    ) -> Result<ActionCreatePreparedStatementResult, Status> {
        let (description, _) = self.0.statements.describe(&query.query, &caller::of(&request)).await?;
        Ok(ActionCreatePreparedStatementResult {
            dataset_schema: prepared::dataset_schema(&description)?,
            parameter_schema: prepared::parameter_schema(&description, request.metadata())?,
            prepared_statement_handle: PreparedStatements::create(query.query),
        })
    }

    async fn do_action_close_prepared_statement(
        &self,
        query: ActionClosePreparedStatementRequest,
        _: Request<Action>,
    ) -> Result<(), Status> {
        self.0.prepared.close(&query.prepared_statement_handle);
        Ok(())
    }

    async fn do_put_prepared_statement_query(
        &self,
        query: CommandPreparedStatementQuery,
        request: Request<PeekableFlightDataStream>,
    ) -> Result<DoPutPreparedStatementResult, Status> {
        let parameters = put::parameters(request.into_inner()).await?;
        let handle = self.0.prepared.bind(&query.prepared_statement_handle, parameters)?;
        Ok(DoPutPreparedStatementResult { prepared_statement_handle: Some(handle) })
    }

    async fn do_action_cancel_query(
        &self,
        query: ActionCancelQueryRequest,
        _: Request<Action>,
    ) -> Result<ActionCancelQueryResult, Status> {
        let info =
            FlightInfo::decode(query.info).map_err(|error| QueryError::Field("info", error.to_string()))?;
        let result = action::cancel(&info, self.0.statements.running())?;
        // Both enumerations have the same numbers.
        Ok(ActionCancelQueryResult { result: result.into() })
    }

    async fn do_action_fallback(
        &self,
        request: Request<Action>,
    ) -> Reply<<Self as FlightService>::DoActionStream> {
        let body = action::answer(request.get_ref(), self.0.statements.running())?;
        Ok(Response::new(stream::iter([Ok(arrow_flight::Result { body: body.into() })]).boxed()))
    }

    async fn get_flight_info_catalogs(
        &self,
        query: CommandGetCatalogs,
        request: Request<FlightDescriptor>,
    ) -> Reply<FlightInfo> {
        Ok(Response::new(metadata::info(&query, &metadata::catalogs(query)?, request.into_inner())?))
    }

    async fn do_get_catalogs(
        &self,
        query: CommandGetCatalogs,
        _: Request<Ticket>,
    ) -> Reply<Flow<FlightData>> {
        answer::one(metadata::catalogs(query)?)
    }

    async fn get_flight_info_schemas(
        &self,
        query: CommandGetDbSchemas,
        request: Request<FlightDescriptor>,
    ) -> Reply<FlightInfo> {
        let batch = metadata::schemas(query.clone())?;
        Ok(Response::new(metadata::info(&query, &batch, request.into_inner())?))
    }

    async fn do_get_schemas(
        &self,
        query: CommandGetDbSchemas,
        _: Request<Ticket>,
    ) -> Reply<Flow<FlightData>> {
        answer::one(metadata::schemas(query)?)
    }

    async fn get_flight_info_tables(
        &self,
        query: CommandGetTables,
        request: Request<FlightDescriptor>,
    ) -> Reply<FlightInfo> {
        let schema = query.clone().into_builder().schema();
        let empty = arrow_array::RecordBatch::new_empty(schema);
        Ok(Response::new(metadata::info(&query, &empty, request.into_inner())?))
    }

    async fn do_get_tables(
        &self,
        query: CommandGetTables,
        request: Request<Ticket>,
    ) -> Reply<Flow<FlightData>> {
        answer::one(metadata::tables(query, self, &caller::of(&request)).await?)
    }

    async fn get_flight_info_table_types(
        &self,
        query: CommandGetTableTypes,
        request: Request<FlightDescriptor>,
    ) -> Reply<FlightInfo> {
        Ok(Response::new(metadata::info(&query, &metadata::table_types(query)?, request.into_inner())?))
    }

    async fn do_get_table_types(
        &self,
        query: CommandGetTableTypes,
        _: Request<Ticket>,
    ) -> Reply<Flow<FlightData>> {
        answer::one(metadata::table_types(query)?)
    }

    async fn get_flight_info_sql_info(
        &self,
        query: CommandGetSqlInfo,
        request: Request<FlightDescriptor>,
    ) -> Reply<FlightInfo> {
        let batch = metadata::sql_info(query.clone(), self)?;
        Ok(Response::new(metadata::info(&query, &batch, request.into_inner())?))
    }

    async fn do_get_sql_info(&self, query: CommandGetSqlInfo, _: Request<Ticket>) -> Reply<Flow<FlightData>> {
        answer::one(metadata::sql_info(query, self)?)
    }

    async fn get_flight_info_xdbc_type_info(
        &self,
        query: CommandGetXdbcTypeInfo,
        request: Request<FlightDescriptor>,
    ) -> Reply<FlightInfo> {
        Ok(Response::new(metadata::info(&query, &metadata::type_info(query, self)?, request.into_inner())?))
    }

    async fn do_get_xdbc_type_info(
        &self,
        query: CommandGetXdbcTypeInfo,
        _: Request<Ticket>,
    ) -> Reply<Flow<FlightData>> {
        answer::one(metadata::type_info(query, self)?)
    }

    async fn get_flight_info_primary_keys(
        &self,
        query: CommandGetPrimaryKeys,
        request: Request<FlightDescriptor>,
    ) -> Reply<FlightInfo> {
        Ok(Response::new(metadata::info(&query, &metadata::primary_keys(), request.into_inner())?))
    }

    async fn do_get_primary_keys(
        &self,
        _: CommandGetPrimaryKeys,
        _: Request<Ticket>,
    ) -> Reply<Flow<FlightData>> {
        answer::one(metadata::primary_keys())
    }

    async fn get_flight_info_exported_keys(
        &self,
        query: CommandGetExportedKeys,
        request: Request<FlightDescriptor>,
    ) -> Reply<FlightInfo> {
        Ok(Response::new(metadata::info(&query, &metadata::foreign_keys(), request.into_inner())?))
    }

    async fn do_get_exported_keys(
        &self,
        _: CommandGetExportedKeys,
        _: Request<Ticket>,
    ) -> Reply<Flow<FlightData>> {
        answer::one(metadata::foreign_keys())
    }

    async fn get_flight_info_imported_keys(
        &self,
        query: CommandGetImportedKeys,
        request: Request<FlightDescriptor>,
    ) -> Reply<FlightInfo> {
        Ok(Response::new(metadata::info(&query, &metadata::foreign_keys(), request.into_inner())?))
    }

    async fn do_get_imported_keys(
        &self,
        _: CommandGetImportedKeys,
        _: Request<Ticket>,
    ) -> Reply<Flow<FlightData>> {
        answer::one(metadata::foreign_keys())
    }

    async fn get_flight_info_cross_reference(
        &self,
        query: CommandGetCrossReference,
        request: Request<FlightDescriptor>,
    ) -> Reply<FlightInfo> {
        Ok(Response::new(metadata::info(&query, &metadata::foreign_keys(), request.into_inner())?))
    }

    async fn do_get_cross_reference(
        &self,
        _: CommandGetCrossReference,
        _: Request<Ticket>,
    ) -> Reply<Flow<FlightData>> {
        answer::one(metadata::foreign_keys())
    }

    async fn do_put_statement_update(
        &self,
        _: CommandStatementUpdate,
        _: Request<PeekableFlightDataStream>,
    ) -> Result<i64, Status> {
        Err(QueryError::NotAllowed(READ_ONLY.to_owned()).into())
    }

    async fn do_put_prepared_statement_update(
        &self,
        _: CommandPreparedStatementUpdate,
        _: Request<PeekableFlightDataStream>,
    ) -> Result<i64, Status> {
        Err(QueryError::NotAllowed(READ_ONLY.to_owned()).into())
    }

    async fn do_put_statement_ingest(
        &self,
        _: CommandStatementIngest,
        _: Request<PeekableFlightDataStream>,
    ) -> Result<i64, Status> {
        Err(QueryError::NotAllowed(READ_ONLY.to_owned()).into())
    }

    async fn do_put_error_callback(
        &self,
        _: Request<PeekableFlightDataStream>,
        error: DoPutError,
    ) -> Reply<<Self as FlightService>::DoPutStream> {
        Err(QueryError::Field("flight_descriptor", error.to_string()).into())
    }

    async fn register_sql_info(&self, _: i32, _: &SqlInfo) {}
}

// The bearer for a client's further calls. Where no token is wanted, any will do.
fn bearer(metadata: &MetadataMap) -> MetadataValue<Ascii> {
    let token = tokens::presented(metadata.as_ref()).ok().flatten().filter(|token| !token.is_empty());
    let value = token.and_then(|token| format!("Bearer {token}").parse().ok());
    value.unwrap_or(MetadataValue::from_static("Bearer anonymous"))
}
