//! Flight SQL.

mod metadata;
mod prepared;
mod service;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use arrow_flight::{
    FlightData, FlightDescriptor, FlightInfo,
    sql::{
        Any, ProstMessageExt as _, TicketStatementQuery,
        metadata::{SqlInfoData, XdbcTypeInfoData},
    },
};
use bytes::Bytes;
use futures::StreamExt as _;
use prometheus_client::metrics::{counter::Counter, gauge::Gauge, histogram::Histogram};
use prost::Message as _;
use rfe_mesh::{Caller, Metrics, metrics::InFlight};

use super::{Flow, Reply, answer};
use crate::{
    config::Config, error::QueryError, prepared::PreparedStatements, statements::Statements, ticket::Pinned,
};

/// The Flight SQL service.
#[derive(Clone)]
pub struct Sql(Arc<Parts>);

struct Parts {
    statements: Statements,
    prepared: PreparedStatements,
    info: SqlInfoData,
    types: XdbcTypeInfoData,
    queries: Counter,
    failed: Counter,
    rows: Counter,
    seconds: Histogram,
    running: Gauge,
}

/// A statement that runs: counted and timed until its stream ends or is dropped.
struct Run {
    begun: Instant,
    seconds: Histogram,
    _running: InFlight,
}

impl Drop for Run {
    fn drop(&mut self) {
        self.seconds.observe(self.begun.elapsed().as_secs_f64());
    }
}

impl std::fmt::Debug for Sql {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sql").field("statements", &self.0.statements).finish_non_exhaustive()
    }
}

impl Sql {
    /// The service over these statements.
    pub fn new(statements: Statements, config: &Config, metrics: &Metrics) -> Result<Self, QueryError> {
        let constant = |error| QueryError::Internal(format!("what Flight SQL says of itself: {error}"));
        Ok(Self(Arc::new(Parts {
            statements,
            prepared: PreparedStatements::new(config.max_statements, config.statement_idle),
            info: super::sql_info::data(config).map_err(constant)?,
            types: super::type_info::data().map_err(constant)?,
            queries: metrics.counter("rfe_queries", "Queries run"),
            failed: metrics.counter("rfe_queries_failed", "Queries that ended with an error"),
            rows: metrics.counter("rfe_query_rows", "Rows sent to clients"),
            seconds: metrics.seconds("rfe_query_seconds", "Time from a query's begin to its last row"),
            running: metrics.gauge("rfe_queries_running", "Queries that run"),
        })))
    }

    /// A statement's FlightInfo, pinned to the newest snapshot.
    pub async fn info(
        &self,
        sql: &str,
        parameters: Bytes,
        descriptor: FlightDescriptor,
        caller: &Caller,
    ) -> Result<FlightInfo, QueryError> {
        let (description, snapshot) = self.0.statements.describe(sql, caller).await?;
        let pinned = Pinned::new(sql.to_owned(), snapshot, parameters);
        let ticket = TicketStatementQuery { statement_handle: pinned.encode_to_vec().into() };
        // With parameters the columns' types are certain only once they are bound; the stream then tells them.
        let schema = description.schema.filter(|_| description.parameters.is_empty());
        answer::info(schema.as_ref(), ticket.as_any().encode_to_vec(), descriptor)
    }

    /// Every dataset that a caller may see as a flight.
    pub async fn flights(&self, caller: &Caller) -> Result<Vec<FlightInfo>, QueryError> {
        let datasets = self.0.statements.catalog().all().await?;
        let flight = |name: String| {
            let ticket = format!("SELECT * FROM {}", crate::engine::identifier(&name)).into_bytes();
            answer::info(None, ticket, FlightDescriptor::new_path(vec![name]))
        };
        let reach = crate::reach::of(caller);
        let names = datasets.into_iter().filter_map(|dataset| Some(dataset.dataset?.name));
        names.filter(|name| reach.has(name)).map(flight).collect()
    }

    /// A statement's rows.
    pub async fn rows(
        &self,
        pinned: Pinned,
        limit: Option<Duration>,
        caller: &Caller,
    ) -> Reply<Flow<FlightData>> {
        self.0.queries.inc();
        let run = Run {
            begun: Instant::now(),
            seconds: self.0.seconds.clone(),
            _running: InFlight::new(&self.0.running),
        };
        let batches = self.0.statements.run(pinned, limit, caller).await.inspect_err(|_| {
            self.0.failed.inc();
        })?;
        let (failed, rows) = (self.0.failed.clone(), self.0.rows.clone());
        let schema = Arc::clone(&batches.schema);
        let counted = batches.inspect(move |batch| {
            // It lives as long as the stream does.
            let _run = &run;
            match batch {
                Ok(batch) => rows.inc_by(batch.num_rows() as u64),
                Err(_) => failed.inc(),
            };
        });
        answer::rows(schema, counted)
    }
}

/// The statement that a ticket's bytes pin.
pub fn pinned_of(ticket: &[u8]) -> Result<Pinned, QueryError> {
    let any = Any::decode(ticket).map_err(|error| QueryError::Field("ticket", error.to_string()))?;
    let query = any
        .unpack::<TicketStatementQuery>()
        .map_err(|error| QueryError::Field("ticket", error.to_string()))?;
    let query = query.ok_or_else(|| QueryError::Field("ticket", "is of no statement".to_owned()))?;
    Pinned::read(&query.statement_handle)
}
