//! The metadata role, asked for what a snapshot shows.

use std::{
    collections::HashSet,
    sync::Arc,
    time::{Duration, Instant},
};

use arrow_array::RecordBatch;
use arrow_ipc::reader::StreamDecoder;
use arrow_schema::SchemaRef;
use rfe_mesh::{MAX_MESSAGE_BYTES, MeshChannel, fault_from_status};
use rfe_proto::metadata::{
    GetSnapshotRequest, HoldTaskRequest, Layer, ListChangesRequest, ListChangesResponse,
    ResolveDatasetsRequest, ResolveDatasetsResponse, ResolvedDataset, ScanFilesRequest, ScanTableRequest,
    ScanTableResponse, catalog_service_client::CatalogServiceClient,
};
use tonic::{Status, Streaming};

use crate::{error::QueryError, files::Files, recent::Recent};

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

/// Datasets kept, of any snapshot.
const DATASETS: usize = 1024;
/// What the definitions of a snapshot's datasets may lag behind: its rows can't change, but how they are shown can, by `merge`.
const FRESH: Duration = Duration::from_secs(1);
/// About how many bytes of files are kept.
const FILES_BYTES: usize = 64 << 20;

// A dataset and since when it is known.
type Defined = (Instant, Arc<ResolvedDataset>);

/// The catalog.
#[derive(Debug, Clone)]
pub struct Catalog {
    client: CatalogServiceClient<MeshChannel>,
    // By name and snapshot.
    datasets: Arc<Recent<(String, u64), Defined>>,
    // By name, the last snapshot that changed the dataset, and layer.
    files: Arc<Recent<(String, u64, i32), Arc<Files>>>,
    // The newest of these snapshots, by name and layer.
    newest_files: Arc<Recent<(String, i32), u64>>,
}

impl Catalog {
    /// Asks over this channel.
    pub fn new(channel: MeshChannel) -> Self {
        let client = CatalogServiceClient::new(channel);
        let client =
            client.max_decoding_message_size(MAX_MESSAGE_BYTES).max_encoding_message_size(MAX_MESSAGE_BYTES);
        Self {
            client,
            datasets: Arc::new(Recent::new(DATASETS)),
            files: Arc::new(Recent::new(FILES_BYTES)),
            newest_files: Arc::new(Recent::new(DATASETS)),
        }
    }

    /// The newest snapshot.
    pub async fn newest(&self) -> Result<u64, QueryError> {
        let answer = self.client.clone().get_snapshot(GetSnapshotRequest {}).await;
        answer.map(|answer| answer.into_inner().snapshot).map_err(|status| refused(&status))
    }

    /// All datasets at the newest snapshot, without their files.
    pub async fn all(&self) -> Result<Vec<ResolvedDataset>, QueryError> {
        Ok(self.newest_all().await?.datasets)
    }

    /// All datasets without their files, and the snapshot that shows them so: the newest.
    pub async fn newest_all(&self) -> Result<ResolveDatasetsResponse, QueryError> {
        self.resolve(0, Vec::new()).await
    }

    /// Datasets at a snapshot, without their files. A name that is none's is left out.
    pub async fn datasets(
        &self,
        snapshot: u64,
        names: &[String],
    ) -> Result<Vec<Arc<ResolvedDataset>>, QueryError> {
        let fresh = |name: &String| {
            let (since, known) = self.datasets.get(&(name.clone(), snapshot))?;
            (since.elapsed() < FRESH).then_some(known)
        };
        let mut found = names.iter().filter_map(fresh).collect::<Vec<_>>();
        let is_found = |name: &String| found.iter().any(|known| name_of(known) == name);
        let asked = names.iter().filter(|name| !is_found(name)).cloned().collect::<Vec<_>>();
        // No name at all would ask for every dataset.
        if asked.is_empty() {
            return Ok(found);
        }
        for dataset in self.resolve(snapshot, asked).await?.datasets.into_iter().map(Arc::new) {
            // Before its first commit a dataset's columns are those of its source, which change without a snapshot.
            if changed(&dataset).is_some() {
                let key = (name_of(&dataset).to_owned(), snapshot);
                self.datasets.put(key, (Instant::now(), Arc::clone(&dataset)), 1);
            }
            found.push(dataset);
        }
        Ok(found)
    }

    /// The files of a dataset at a snapshot.
    pub async fn files(
        &self,
        dataset: &ResolvedDataset,
        snapshot: u64,
        layer: Layer,
    ) -> Result<Arc<Files>, QueryError> {
        let name = name_of(dataset);
        let Some(changed) = changed(dataset) else {
            return Ok(Arc::new(self.scan_files(request(name, snapshot, layer)).await?.0));
        };
        let key = (name.to_owned(), changed, layer.into());
        if let Some(known) = self.files.get(&key) {
            return Ok(known);
        }
        let files = match self.gone_on(name, changed, layer).await {
            Some(files) => files,
            None => self.scan_files(request(name, snapshot, layer)).await?.0,
        };
        let files = Arc::new(files);
        self.files.put(key, Arc::clone(&files), files.weight().max(1));
        let newest = (name.to_owned(), layer.into());
        if self.newest_files.get(&newest).is_none_or(|known| known < changed) {
            self.newest_files.put(newest, changed, 1);
        }
        Ok(files)
    }

    // The list of an older snapshot, with what began and ended since; a commit changes a few files of thousands. `None` if no older
    // list is known or it can't be gone on from, as where its files are deleted by now.
    async fn gone_on(&self, name: &str, changed: u64, layer: Layer) -> Option<Files> {
        let older =
            self.newest_files.get(&(name.to_owned(), layer.into())).filter(|older| *older < changed)?;
        let known = self.files.get(&(name.to_owned(), older, layer.into()))?;
        let since =
            ScanFilesRequest { begun_after: older, with_ended: true, ..request(name, changed, layer) };
        match self.scan_files(since).await {
            Ok((begun, ended)) => Some(known.gone_on(begun, &ended)),
            Err(error) => {
                tracing::debug!(dataset = name, older, %error, "the list of files is asked for whole");
                None
            }
        }
    }

    /// The processed files of a dataset that a snapshot shows and an earlier one did not.
    pub async fn files_since(&self, dataset: &str, snapshot: u64, earlier: u64) -> Result<Files, QueryError> {
        let since = ScanFilesRequest { begun_after: earlier, ..request(dataset, snapshot, Layer::Processed) };
        Ok(self.scan_files(since).await?.0)
    }

    // The files, and the keys of those that ended where these are asked for.
    async fn scan_files(&self, request: ScanFilesRequest) -> Result<(Files, HashSet<String>), QueryError> {
        let answer = self.client.clone().scan_files(request).await.map_err(|status| refused(&status))?;
        let mut pieces = answer.into_inner();
        let (mut files, mut ended) = (Files::default(), HashSet::new());
        while let Some(piece) = pieces.message().await.map_err(|status| refused(&status))? {
            files.extend(piece.data_files);
            ended.extend(piece.ended_keys);
        }
        files.sort();
        Ok((files, ended))
    }

    /// The newest snapshot, and the datasets whose files changed after the given one.
    pub async fn changes(&self, after_snapshot: u64) -> Result<ListChangesResponse, QueryError> {
        let answer = self.client.clone().list_changes(ListChangesRequest { after_snapshot }).await;
        answer.map(tonic::Response::into_inner).map_err(|status| refused(&status))
    }

    /// True if the holder holds the task from now on for so long.
    pub async fn hold_task(&self, task: &str, holder: &str, time: Duration) -> Result<bool, QueryError> {
        let request =
            HoldTaskRequest { task: task.to_owned(), holder: holder.to_owned(), seconds: time.as_secs_f64() };
        let answer = self.client.clone().hold_task(request).await;
        answer.map(|answer| answer.into_inner().held).map_err(|status| refused(&status))
    }

    async fn resolve(
        &self,
        snapshot: u64,
        datasets: Vec<String>,
    ) -> Result<ResolveDatasetsResponse, QueryError> {
        let request = ResolveDatasetsRequest { snapshot, datasets, columns_only: true };
        let answer = self.client.clone().resolve_datasets(request).await;
        answer.map(tonic::Response::into_inner).map_err(|status| refused(&status))
    }

    /// Reads a table of `meta`.
    pub async fn scan(&self, table: &str) -> Result<Scan, QueryError> {
        let request = ScanTableRequest { table: table.to_owned() };
        let stream =
            self.client.clone().scan_table(request).await.map_err(|status| refused(&status))?.into_inner();
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

/// A dataset's name.
pub fn name_of(dataset: &ResolvedDataset) -> &str {
    dataset.dataset.as_ref().map_or("", |dataset| &dataset.name)
}

fn request(dataset: &str, snapshot: u64, layer: Layer) -> ScanFilesRequest {
    ScanFilesRequest { dataset: dataset.to_owned(), snapshot, layer: layer.into(), ..Default::default() }
}

// The last snapshot that changed it.
fn changed(dataset: &ResolvedDataset) -> Option<u64> {
    dataset.dataset.as_ref().map(|dataset| dataset.snapshot).filter(|changed| *changed > 0)
}

fn refused(status: &Status) -> QueryError {
    QueryError::Catalog(fault_from_status(status))
}
