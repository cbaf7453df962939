//! SQL in, Arrow record batches out, through Arrow Flight SQL.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use arrow_array::RecordBatch;
use arrow_flight::{
    FlightInfo, Ticket, decode::FlightRecordBatchStream, flight_service_client::FlightServiceClient,
    sql::client::FlightSqlServiceClient,
};
use arrow_schema::SchemaRef;
use futures::{Stream, StreamExt as _, TryStreamExt as _};

use crate::{
    Client, Error, Result,
    stub::{Stub, Wire},
};

/// A result that streams. Dropping it ends the query.
#[derive(Debug)]
pub struct Rows {
    schema: SchemaRef,
    first: Option<RecordBatch>,
    rest: FlightRecordBatchStream,
    url: Arc<str>,
}

impl Rows {
    /// The columns; known also where there is no row.
    pub fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    /// All of it, in memory.
    ///
    /// # Errors
    /// If the query fails midway.
    pub async fn all(self) -> Result<Vec<RecordBatch>> {
        self.try_collect().await
    }
}

impl Stream for Rows {
    type Item = Result<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(batch) = self.first.take() {
            return Poll::Ready(Some(Ok(batch)));
        }
        let next = std::task::ready!(self.rest.poll_next_unpin(context));
        Poll::Ready(next.map(|batch| batch.map_err(|error| Error::from_flight(&self.url, error))))
    }
}

impl Client {
    /// Runs a query over one snapshot of the datasets.
    ///
    /// # Errors
    /// If the SQL is wrong or not allowed, or needs more than it may use.
    pub async fn query(&self, sql: &str) -> Result<Rows> {
        let info = self.query.safe(sql.to_owned(), plan).await?;
        self.rows(info).await
    }

    /// Runs a query with a value for each `?` in it, in their order: one row of `parameters`, whose columns' names do not matter.
    ///
    /// # Errors
    /// As [`Self::query`], or if the values do not fit.
    pub async fn query_with(&self, sql: &str, parameters: RecordBatch) -> Result<Rows> {
        let info = self.query.safe((sql.to_owned(), parameters), plan_with).await?;
        self.rows(info).await
    }

    async fn rows(&self, info: FlightInfo) -> Result<Rows> {
        let stub = &self.query;
        let ticket = only_ticket(stub, info)?;
        let mut rest = stub.safe(ticket, open).await?;
        let first = rest.next().await.transpose().map_err(|error| Error::from_flight(&stub.url, error))?;
        let schema = stub.filled(rest.schema().cloned(), "schema")?;
        Ok(Rows { schema, first, rest, url: stub.url.clone() })
    }
}

async fn plan(client: FlightServiceClient<Wire>, sql: String) -> Result<FlightInfo, tonic::Status> {
    Ok(FlightSqlServiceClient::new_from_inner(client).execute(sql, None).await?)
}

async fn plan_with(
    client: FlightServiceClient<Wire>,
    (sql, parameters): (String, RecordBatch),
) -> Result<FlightInfo, tonic::Status> {
    let mut prepared = FlightSqlServiceClient::new_from_inner(client).prepare(sql, None).await?;
    prepared.set_parameters(parameters)?;
    let info = prepared.execute().await?;
    // The ticket holds statement and values.
    prepared.close().await?;
    Ok(info)
}

async fn open(
    client: FlightServiceClient<Wire>,
    ticket: Ticket,
) -> Result<FlightRecordBatchStream, tonic::Status> {
    Ok(FlightSqlServiceClient::new_from_inner(client).do_get(ticket).await?)
}

// The query service pins the snapshot in one ticket; several would each see their own.
fn only_ticket(stub: &Stub<FlightServiceClient<Wire>>, info: FlightInfo) -> Result<Ticket> {
    let [endpoint] = <[_; 1]>::try_from(info.endpoint)
        .map_err(|several| stub.broken(format!("{} endpoints for one query", several.len())))?;
    stub.filled(endpoint.ticket, "ticket")
}
