//! A catalog that shows the datasets it is given, and others once they are committed.

use std::{
    collections::BTreeMap,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, Instant},
};

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use futures::{Stream, stream};
use rfe_mesh::{MeshChannel, Shutdown, channel::Dial, status_from_fault};
use rfe_model::{ErrorCode, Fault};
use rfe_proto::metadata::{
    DataFile, GetSnapshotRequest, GetSnapshotResponse, HoldTaskRequest, HoldTaskResponse, Layer,
    ListChangesRequest, ListChangesResponse, ResolveDatasetsRequest, ResolveDatasetsResponse,
    ResolvedDataset, ScanFilesRequest, ScanFilesResponse, ScanTableRequest, ScanTableResponse,
    catalog_service_server::{CatalogService, CatalogServiceServer},
};
use tokio::net::TcpListener;
use tonic::{Request, Response, Status};

use crate::fixture::NEWEST;

/// What a catalog shows; clones are the same.
#[derive(Clone)]
pub struct Shown(Arc<Mutex<State>>);

struct State {
    newest: u64,
    // Older ones have expired.
    oldest: u64,
    all: Vec<ResolvedDataset>,
    // The snapshot of the last change, by dataset.
    changed: BTreeMap<String, u64>,
    held: Option<(String, Instant)>,
    // Datasets of which all files were asked for, each time.
    asked_whole: Vec<String>,
}

impl Shown {
    /// These datasets.
    pub fn new(all: Vec<ResolvedDataset>) -> Self {
        let changed = all.iter().map(|one| (name(one).to_owned(), NEWEST)).collect();
        Self(Arc::new(Mutex::new(State {
            newest: NEWEST,
            oldest: 0,
            all,
            changed,
            held: None,
            asked_whole: Vec::new(),
        })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no test panics while it holds this")
    }

    /// Serves it.
    pub async fn serve(&self, shutdown: &Shutdown) -> MeshChannel {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("port");
        let url = format!("http://{}", listener.local_addr().expect("address"));
        let token = shutdown.token();
        let server = tonic::transport::Server::builder()
            .add_service(CatalogServiceServer::new(self.clone()))
            .serve_with_incoming_shutdown(
                tonic::transport::server::TcpIncoming::from(listener).with_nodelay(Some(true)),
                async move { token.cancelled().await },
            );
        tokio::spawn(server);
        MeshChannel::remote(&url, &Dial::default()).expect("channel")
    }

    /// A new snapshot in which a dataset has one file more.
    pub fn commit(&self, dataset: &str, mut file: DataFile) -> u64 {
        self.change(dataset, |one, snapshot| {
            file.begin_snapshot = snapshot;
            one.processed.push(file);
        })
    }

    /// A new snapshot in which a dataset has this file alone.
    pub fn replace(&self, dataset: &str, mut file: DataFile) -> u64 {
        self.change(dataset, |one, snapshot| {
            for shown in one.processed.iter_mut().filter(|shown| shown.end_snapshot == 0) {
                shown.end_snapshot = snapshot;
            }
            file.begin_snapshot = snapshot;
            one.processed.push(file);
        })
    }

    /// A new snapshot without the dataset.
    pub fn drop_dataset(&self, dataset: &str) {
        self.change(dataset, |_, _| {});
        self.state().all.retain(|one| name(one) != dataset);
    }

    /// How often all files of a dataset were asked for.
    pub fn asked_whole(&self, dataset: &str) -> usize {
        self.state().asked_whole.iter().filter(|asked| *asked == dataset).count()
    }

    /// Who holds the task of publishing.
    pub fn holder(&self) -> Option<String> {
        self.state()
            .held
            .as_ref()
            .filter(|(_, until)| *until > Instant::now())
            .map(|(holder, _)| holder.clone())
    }

    /// Snapshots before this one have expired.
    pub fn expire_before(&self, snapshot: u64) {
        self.state().oldest = snapshot;
    }

    fn change(&self, dataset: &str, change: impl FnOnce(&mut ResolvedDataset, u64)) -> u64 {
        let mut state = self.state();
        state.newest += 1;
        let newest = state.newest;
        state.changed.insert(dataset.to_owned(), newest);
        let one = state.all.iter_mut().find(|one| name(one) == dataset).expect("a dataset");
        one.dataset.as_mut().expect("a dataset").snapshot = newest;
        change(one, newest);
        newest
    }
}

fn name(dataset: &ResolvedDataset) -> &str {
    dataset.dataset.as_ref().map_or("", |dataset| &dataset.name)
}

#[tonic::async_trait]
impl CatalogService for Shown {
    type ScanFilesStream = Pin<Box<dyn Stream<Item = Result<ScanFilesResponse, Status>> + Send>>;
    type ScanTableStream = Pin<Box<dyn Stream<Item = Result<ScanTableResponse, Status>> + Send>>;

    async fn get_snapshot(
        &self,
        _: Request<GetSnapshotRequest>,
    ) -> Result<Response<GetSnapshotResponse>, Status> {
        Ok(Response::new(GetSnapshotResponse { snapshot: self.state().newest }))
    }

    async fn resolve_datasets(
        &self,
        request: Request<ResolveDatasetsRequest>,
    ) -> Result<Response<ResolveDatasetsResponse>, Status> {
        let request = request.into_inner();
        let state = self.state();
        let snapshot = if request.snapshot == 0 { state.newest } else { request.snapshot };
        if snapshot < state.oldest {
            let text = format!("snapshot {snapshot} has expired; ask again without it");
            return Err(status_from_fault(Fault::new(
                ErrorCode::FailedPrecondition,
                "SNAPSHOT_EXPIRED",
                text,
            )));
        }
        assert!(request.columns_only, "files come as a stream");
        let wanted = |one: &&ResolvedDataset| {
            request.datasets.is_empty() || request.datasets.iter().any(|known| known == name(one))
        };
        let datasets = state.all.iter().filter(wanted).cloned().map(|one| ResolvedDataset {
            processed: Vec::new(),
            raw: Vec::new(),
            ..one
        });
        Ok(Response::new(ResolveDatasetsResponse { snapshot, datasets: datasets.collect() }))
    }

    async fn scan_files(
        &self,
        request: Request<ScanFilesRequest>,
    ) -> Result<Response<Self::ScanFilesStream>, Status> {
        let request = request.into_inner();
        let mut state = self.state();
        if request.begun_after == 0 {
            state.asked_whole.push(request.dataset.clone());
        }
        let dataset =
            state.all.iter().find(|one| name(one) == request.dataset).expect("a dataset that was resolved");
        let files = if request.layer() == Layer::Raw { &dataset.raw } else { &dataset.processed };
        let is_shown = |file: &&DataFile, snapshot: u64| {
            file.begin_snapshot <= snapshot && (file.end_snapshot == 0 || file.end_snapshot > snapshot)
        };
        let visible = files
            .iter()
            .filter(|file| is_shown(file, request.snapshot) && file.begin_snapshot > request.begun_after);
        let piece = |file| ScanFilesResponse { data_files: vec![file], ended_keys: Vec::new() };
        let mut pieces = visible.cloned().map(piece).collect::<Vec<_>>();
        if request.with_ended {
            let ended = files
                .iter()
                .filter(|file| is_shown(file, request.begun_after) && !is_shown(file, request.snapshot));
            let ended_keys = ended.map(|file| file.key.clone()).collect();
            pieces.push(ScanFilesResponse { data_files: Vec::new(), ended_keys });
        }
        Ok(Response::new(Box::pin(stream::iter(pieces.into_iter().map(Ok)))))
    }

    async fn list_changes(
        &self,
        request: Request<ListChangesRequest>,
    ) -> Result<Response<ListChangesResponse>, Status> {
        let after = request.into_inner().after_snapshot;
        let state = self.state();
        let changed = state.changed.iter().filter(|(_, changed)| **changed > after);
        let datasets = changed.map(|(name, _)| name.clone()).collect();
        Ok(Response::new(ListChangesResponse { snapshot: state.newest, datasets }))
    }

    async fn hold_task(
        &self,
        request: Request<HoldTaskRequest>,
    ) -> Result<Response<HoldTaskResponse>, Status> {
        let request = request.into_inner();
        let mut state = self.state();
        let now = Instant::now();
        let free =
            state.held.as_ref().is_none_or(|(holder, until)| *until <= now || *holder == request.holder);
        if free {
            state.held = Some((request.holder, now + Duration::from_secs_f64(request.seconds)));
        }
        Ok(Response::new(HoldTaskResponse { held: free }))
    }

    async fn scan_table(
        &self,
        request: Request<ScanTableRequest>,
    ) -> Result<Response<Self::ScanTableStream>, Status> {
        let rows = if request.into_inner().table == "ingestion_runs" { 5000 } else { 0 };
        let at = TimestampMicrosecondArray::from_iter_values(0..rows).with_timezone("UTC");
        let batch = batch(vec![
            ("id", Arc::new(StringArray::from_iter_values((0..rows).map(|row| format!("run-{row}"))))),
            ("rows", Arc::new(Int64Array::from_iter_values(0..rows))),
            ("created_at", Arc::new(at)),
        ]);
        let mut bytes = Vec::new();
        let mut writer =
            arrow_ipc::writer::StreamWriter::try_new(&mut bytes, &batch.schema()).expect("writer");
        writer.write(&batch).and_then(|()| writer.finish()).expect("write");
        drop(writer);
        // Pieces that end anywhere.
        let pieces = bytes
            .chunks(1000)
            .map(|piece| Ok(ScanTableResponse { arrow_ipc: piece.to_vec() }))
            .collect::<Vec<_>>();
        Ok(Response::new(Box::pin(stream::iter(pieces))))
    }
}

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true)))
        .expect("batch")
}
