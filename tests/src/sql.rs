//! SQL through Flight SQL, rows as text.

use std::time::{Duration, Instant};

use arrow::util::display::{ArrayFormatter, FormatOptions};
use arrow_array::RecordBatch;
use arrow_flight::{error::FlightError, sql::client::FlightSqlServiceClient};
use futures::TryStreamExt as _;
use tonic::{Status, transport::Channel};

use crate::{Platform, Role, wait};

/// Bytes of one message; query makes batches of about 1 MB.
const MAX_MESSAGE_BYTES: usize = 32 << 20;

impl Platform {
    /// A Flight SQL client.
    pub fn flight_sql(&self) -> FlightSqlServiceClient<Channel> {
        let inner = arrow_flight::flight_service_client::FlightServiceClient::new(self.channel(Role::Query))
            .max_decoding_message_size(MAX_MESSAGE_BYTES);
        FlightSqlServiceClient::new_from_inner(inner)
    }

    /// The batches of a query.
    ///
    /// # Errors
    /// As the platform has it.
    pub async fn query(&self, sql: &str) -> Result<Vec<RecordBatch>, Status> {
        let mut client = self.flight_sql();
        let info = client.execute(sql.to_owned(), None).await.map_err(status)?;
        let mut batches = Vec::new();
        for endpoint in info.endpoint {
            let ticket = endpoint.ticket.ok_or_else(|| Status::internal("an endpoint without ticket"))?;
            let stream = client.do_get(ticket).await.map_err(status)?;
            batches.extend(stream.try_collect::<Vec<_>>().await.map_err(status)?);
        }
        Ok(batches)
    }

    /// The rows of a query that is expected to succeed: values joined by `|`, nulls as `NULL`.
    ///
    /// # Panics
    /// If the query fails.
    pub async fn sql(&self, sql: &str) -> Vec<String> {
        let batches = self.query(sql).await.unwrap_or_else(|status| panic!("{sql}: {status}"));
        batches.iter().flat_map(rows).collect()
    }

    /// The one value of a query.
    ///
    /// # Panics
    /// If it has not one row.
    pub async fn value(&self, sql: &str) -> String {
        let rows = self.sql(sql).await;
        assert_eq!(rows.len(), 1, "{sql}: {rows:?}");
        rows.into_iter().next().expect("there is one row")
    }

    /// The error of a query that is expected to fail.
    ///
    /// # Panics
    /// If it succeeds.
    pub async fn refused(&self, sql: &str) -> Status {
        match self.query(sql).await {
            Ok(batches) => panic!("{sql} answered {:?}", batches.iter().flat_map(rows).collect::<Vec<_>>()),
            Err(status) => status,
        }
    }

    /// Waits until a query has these rows. An error counts as none yet: columns come with the first rows.
    ///
    /// # Panics
    /// If it does not have them in time.
    pub async fn shows(&self, sql: &str, expected: &[&str]) {
        let begun = Instant::now();
        loop {
            let seen = match self.query(sql).await {
                Ok(batches) => batches.iter().flat_map(rows).collect(),
                Err(status) => vec![status.to_string()],
            };
            if seen == expected {
                return;
            }
            assert!(begun.elapsed() < wait::PATIENCE, "{sql}\nshows {seen:?}\ninstead of {expected:?}");
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
    }

    /// Names and SQL types of a relation's columns, as `name TYPE`.
    pub async fn columns(&self, relation: &str) -> Vec<String> {
        let described =
            self.sql(&format!("SELECT column_name, column_type FROM (DESCRIBE {relation})")).await;
        described.iter().map(|row| row.replace('|', " ")).collect()
    }
}

/// The rows of a batch as text.
///
/// # Panics
/// If a column can't be shown.
pub fn rows(batch: &RecordBatch) -> Vec<String> {
    let options = FormatOptions::default().with_null("NULL");
    let formatters: Vec<_> = batch
        .columns()
        .iter()
        .map(|column| ArrayFormatter::try_new(column, &options).expect("a column can be shown"))
        .collect();
    let row = |at| formatters.iter().map(|column| column.value(at).to_string()).collect::<Vec<_>>().join("|");
    (0..batch.num_rows()).map(row).collect()
}

/// The status inside a Flight error.
pub fn status(error: FlightError) -> Status {
    match error {
        FlightError::Tonic(status) => *status,
        other => Status::unknown(other.to_string()),
    }
}
