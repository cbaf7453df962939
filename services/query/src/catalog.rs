//! The metadata role, asked for what a snapshot shows.

use arrow_array::RecordBatch;
use arrow_ipc::reader::StreamDecoder;
use arrow_schema::SchemaRef;
use rfe_mesh::{MAX_MESSAGE_BYTES, MeshChannel, fault_from_status};
use rfe_proto::metadata::{
    ResolveDatasetsRequest, ResolveDatasetsResponse, ScanTableRequest, ScanTableResponse,
    catalog_service_client::CatalogServiceClient,
};
use tonic::{Status, Streaming};

use crate::error::QueryError;

/// Tables of `meta` (CONTRACT section 7).
pub const META: [&str; 8] = [
    "ingestion_runs",
    "ingestion_schemas",
    "ingestion_failures",
    "ingestion_run_summary",
    "freshness",
    "sources",
    "schedules",
    "data_files",
];

/// The catalog.
#[derive(Debug, Clone)]
pub struct Catalog(CatalogServiceClient<MeshChannel>);

impl Catalog {
    /// Asks over this channel.
    pub fn new(channel: MeshChannel) -> Self {
        let client = CatalogServiceClient::new(channel);
        Self(client.max_decoding_message_size(MAX_MESSAGE_BYTES).max_encoding_message_size(MAX_MESSAGE_BYTES))
    }

    /// Resolves datasets; none named means all of them, and snapshot 0 the newest.
    pub async fn resolve(
        &self,
        snapshot: u64,
        datasets: Vec<String>,
        columns_only: bool,
    ) -> Result<ResolveDatasetsResponse, QueryError> {
        let request = ResolveDatasetsRequest { snapshot, datasets, columns_only };
        let answer = self.0.clone().resolve_datasets(request).await;
        answer.map(tonic::Response::into_inner).map_err(|status| refused(&status))
    }

    /// Reads a table of `meta`.
    pub async fn scan(&self, table: &str) -> Result<Scan, QueryError> {
        let request = ScanTableRequest { table: table.to_owned() };
        let stream =
            self.0.clone().scan_table(request).await.map_err(|status| refused(&status))?.into_inner();
        let mut scan = Scan {
            stream,
            decoder: StreamDecoder::new(),
            ready: None,
            buffer: arrow::buffer::Buffer::from(&[0_u8; 0]),
        };
        // The schema is known once the first batch is, or the end.
        scan.ready = scan.advance().await?;
        Ok(scan)
    }
}

/// A table of `meta` on its way.
pub struct Scan {
    stream: Streaming<ScanTableResponse>,
    decoder: StreamDecoder,
    ready: Option<RecordBatch>,
    buffer: arrow::buffer::Buffer,
}

impl Scan {
    /// Its columns.
    pub fn schema(&self) -> Result<SchemaRef, QueryError> {
        let schema = self.ready.as_ref().map(RecordBatch::schema).or_else(|| self.decoder.schema());
        schema.ok_or_else(|| QueryError::Internal("the metadata role sent no Arrow schema".to_owned()))
    }

    /// The next rows.
    pub async fn next(&mut self) -> Result<Option<RecordBatch>, QueryError> {
        match self.ready.take() {
            Some(batch) => Ok(Some(batch)),
            None => self.advance().await,
        }
    }

    async fn advance(&mut self) -> Result<Option<RecordBatch>, QueryError> {
        loop {
            if !self.buffer.is_empty() {
                let decoded = self.decoder.decode(&mut self.buffer);
                if let Some(batch) = decoded
                    .map_err(|error| QueryError::Internal(format!("Arrow from the metadata role: {error}")))?
                {
                    return Ok(Some(batch));
                }
                continue;
            }
            match self.stream.message().await.map_err(|status| refused(&status))? {
                Some(piece) => self.buffer = arrow::buffer::Buffer::from(piece.arrow_ipc.as_slice()),
                None => return Ok(None),
            }
        }
    }
}

fn refused(status: &Status) -> QueryError {
    QueryError::Catalog(fault_from_status(status))
}
