//! A metadata role with clients.

use std::{io::Cursor, path::Path, sync::Arc};

use arrow_array::RecordBatch;
use arrow_ipc::reader::StreamReader;
use bytes::Bytes;
use futures::TryStreamExt;
use rfe_lake::{Bucket, Lake, LakeError, LocalLake};
use rfe_mesh::{MAX_MESSAGE_BYTES, MeshChannel, Metrics, Shutdown, channel::LocalRoutes};
use rfe_model::{SourceSpec, Violation, id, kind::Kinds};
use rfe_proto::{dlq::DeadLetter, metadata as pb};
use rfe_registry::SqliteRegistry;
use tonic::service::RoutesBuilder;

/// Kinds that look at one key only.
#[derive(Debug)]
struct TestKinds;

impl Kinds for TestKinds {
    fn names(&self) -> Vec<&'static str> {
        vec!["csv", "webhook"]
    }

    fn check(&self, spec: &SourceSpec) -> Result<(), Vec<Violation>> {
        match spec.config.get("bad") {
            Some(_) => Err(vec![Violation::new("config.bad", "unknown key `bad`")]),
            None => Ok(()),
        }
    }
}

/// The role and a client of each of its services.
pub struct Mesh {
    pub metadata: pb::metadata_service_client::MetadataServiceClient<MeshChannel>,
    pub runs: pb::run_service_client::RunServiceClient<MeshChannel>,
    pub catalog: pb::catalog_service_client::CatalogServiceClient<MeshChannel>,
    pub letters: pb::letter_service_client::LetterServiceClient<MeshChannel>,
    lake: Arc<dyn Lake>,
    registry: Arc<SqliteRegistry>,
    metrics: Metrics,
    shutdown: Shutdown,
    _folder: Option<tempfile::TempDir>,
}

impl Mesh {
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().expect("folder");
        let mesh = Self::start_in(folder.path(), rfe_metadata::Config::default()).await;
        Self { _folder: Some(folder), ..mesh }
    }

    pub async fn start_in(folder: &Path, config: rfe_metadata::Config) -> Self {
        let registry = Arc::new(SqliteRegistry::open(&folder.join("registry.db")).await.expect("registry"));
        let lake: Arc<dyn Lake> = Arc::new(LocalLake::open(&folder.join("lake")).expect("lake"));
        let (metrics, shutdown) = (Metrics::default(), Shutdown::new());
        let deps = rfe_metadata::Deps {
            sources: registry.clone(),
            runs: registry.clone(),
            memory: registry.clone(),
            catalog: registry.clone(),
            letters: registry.clone(),
            upkeep: registry.clone(),
            kinds: Arc::new(TestKinds),
            lake: lake.clone(),
            shutdown: shutdown.clone(),
            metrics: metrics.clone(),
        };
        let mut routes = RoutesBuilder::default();
        for (_, task) in rfe_metadata::build(config, deps).register(&mut routes) {
            shutdown.spawn(task);
        }
        let local = LocalRoutes::default();
        local.set(routes.routes());
        let channel = MeshChannel::Local(local);
        let largest = MAX_MESSAGE_BYTES;
        Self {
            metadata: pb::metadata_service_client::MetadataServiceClient::new(channel.clone()),
            runs: pb::run_service_client::RunServiceClient::new(channel.clone())
                .max_decoding_message_size(largest)
                .max_encoding_message_size(largest),
            catalog: pb::catalog_service_client::CatalogServiceClient::new(channel.clone()),
            letters: pb::letter_service_client::LetterServiceClient::new(channel),
            lake,
            registry,
            metrics,
            shutdown,
            _folder: None,
        }
    }

    pub async fn stop(self) {
        self.shutdown.begin();
        assert!(
            self.shutdown.drained(std::time::Duration::from_secs(10)).await,
            "tasks end with the shutdown"
        );
        self.registry.close().await;
    }

    pub async fn declare(&mut self, source: pb::Source) {
        let request = pb::ApplySourcesRequest { sources: vec![source], ..Default::default() };
        self.metadata.apply_sources(request).await.expect("declare");
    }

    pub async fn claim(&mut self, source: &str, kind: pb::RunKind, run_id: &str) -> pb::ClaimRunResponse {
        let request = pb::ClaimRunRequest {
            run_id: run_id.to_owned(),
            source: source.to_owned(),
            kind: kind.into(),
            worker: "w1".to_owned(),
        };
        self.runs.claim_run(request).await.expect("claim").into_inner()
    }

    pub async fn register(&mut self, run: &pb::Run) -> pb::SchemaVersion {
        let column =
            pb::ObservedColumn { name: "id".into(), r#type: "VARCHAR".into(), exceeds_double: false };
        let request =
            pb::RegisterSchemaRequest { run_id: run.run_id.clone(), epoch: run.epoch, columns: vec![column] };
        self.runs.register_schema(request).await.expect("register").into_inner().schema.expect("schema")
    }

    /// A batch, claimed, its columns registered.
    pub async fn batch(&mut self, source: &str) -> pb::Run {
        let run = self.claim(source, pb::RunKind::Events, &id::new()).await.run.expect("run");
        self.register(&run).await;
        run
    }

    /// A pull run, claimed, its columns registered.
    pub async fn pull(&mut self, source: &str) -> pb::Run {
        let request = pb::CreateRunRequest {
            run_id: id::new(),
            source: source.to_owned(),
            kind: pb::RunKind::Pull.into(),
            ..Default::default()
        };
        let run_id =
            self.runs.create_run(request).await.expect("create").into_inner().run.expect("run").run_id;
        let run = self.claim(source, pb::RunKind::Pull, &run_id).await.run.expect("run");
        self.register(&run).await;
        run
    }

    /// A batch that failed for good.
    pub async fn failed(&mut self, source: &str) -> pb::Run {
        let run = self.batch(source).await;
        self.runs.fail_run(failure(&run)).await.expect("fail").into_inner().run.expect("run")
    }

    pub async fn replay(&mut self, source: &str, letter: &str) -> pb::ClaimRunResponse {
        let request = replay_request(source, letter);
        let run_id = request.run_id.clone();
        self.runs.create_run(request).await.expect("create");
        self.claim(source, pb::RunKind::Replay, &run_id).await
    }

    pub async fn resolve(&mut self, dataset: &str) -> pb::ResolvedDataset {
        let request = pb::ResolveDatasetsRequest { datasets: vec![dataset.to_owned()], ..Default::default() };
        let resolved = self.catalog.resolve_datasets(request).await.expect("resolve").into_inner();
        resolved.datasets.into_iter().next().expect("the dataset exists")
    }

    pub async fn letter(&mut self, id: &str) -> DeadLetter {
        let request = pb::GetLetterRequest { id: id.to_owned() };
        self.letters.get_letter(request).await.expect("get").into_inner().letter.expect("letter")
    }

    pub async fn put_raw(&self, key: &str, bytes: &'static [u8]) {
        self.lake.put(Bucket::DeadLetter, key, Bytes::from_static(bytes)).await.expect("put");
    }

    pub async fn put(&self, bucket: Bucket, key: &str) {
        self.lake.put(bucket, key, Bytes::from_static(b"rows")).await.expect("put");
    }

    pub async fn has(&self, bucket: Bucket, key: &str) -> bool {
        match self.lake.head(bucket, key).await {
            Ok(_) => true,
            Err(LakeError::NotFound { .. }) => false,
            Err(error) => panic!("{bucket:?} {key}: {error}"),
        }
    }

    /// Waits until an object is deleted.
    pub async fn gone(&self, bucket: Bucket, key: &str) {
        let gone = async {
            while self.has(bucket, key).await {
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(20), gone).await.expect("the object is deleted");
    }

    pub async fn scan_messages(&mut self, table: &str) -> Vec<Vec<u8>> {
        let request = pb::ScanTableRequest { table: table.to_owned() };
        let stream = self.catalog.scan_table(request).await.expect("scan").into_inner();
        stream.map_ok(|message| message.arrow_ipc).try_collect().await.expect("stream")
    }

    pub async fn scan(&mut self, table: &str) -> Vec<RecordBatch> {
        decode(&self.scan_messages(table).await.concat())
    }

    /// Waits until the metrics hold a line.
    pub async fn metric(&self, line: &str) {
        let shown = async {
            while !self.metrics.render().lines().any(|shown| shown == line) {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(10), shown).await.expect("the metric is shown");
    }
}

pub fn decode(stream: &[u8]) -> Vec<RecordBatch> {
    let reader = StreamReader::try_new(Cursor::new(stream), None).expect("a stream begins with its schema");
    reader.collect::<Result<_, _>>().expect("batches")
}

pub fn replay_request(source: &str, letter: &str) -> pb::CreateRunRequest {
    pb::CreateRunRequest {
        run_id: id::new(),
        source: source.to_owned(),
        kind: pb::RunKind::Replay.into(),
        letter_id: letter.to_owned(),
        ..Default::default()
    }
}

/// A commit of one row a name; the names go into the ledger if they are events.
pub fn commit(run: &pb::Run, names: &[&str], events: bool) -> pb::CommitRunRequest {
    let rows = i64::try_from(names.len()).expect("few");
    let file = |layer: pb::Layer| pb::DataFile {
        key: format!("{}/{}-{}.parquet", run.source, run.run_id, layer as i32),
        layer: layer.into(),
        rows,
        schema_version: 1,
        ..Default::default()
    };
    pb::CommitRunRequest {
        run_id: run.run_id.clone(),
        epoch: run.epoch,
        schema_version: 1,
        files: vec![file(pb::Layer::Raw), file(pb::Layer::Processed)],
        event_ids: if events { names.iter().map(|name| (*name).to_owned()).collect() } else { Vec::new() },
        letters: Vec::new(),
        counters: Some(pb::RunCounters { read: rows, landed: rows, ..Default::default() }),
        ..Default::default()
    }
}

pub fn failure(run: &pb::Run) -> pb::FailRunRequest {
    pb::FailRunRequest {
        run_id: run.run_id.clone(),
        epoch: run.epoch,
        stage: "decode".to_owned(),
        code: "NOT_JSON".to_owned(),
        message: "expected a value".to_owned(),
        ..Default::default()
    }
}
