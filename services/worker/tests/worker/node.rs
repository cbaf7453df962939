//! A queue, a registry behind its role, a lake and a worker.

use std::{path::PathBuf, sync::Arc, time::Duration};

use polars::prelude::*;
use rfe_lake::{Bucket, Lake, LocalLake};
use rfe_mesh::{MeshChannel, Metrics, Shutdown, channel::LocalRoutes, secret::ProcessSecrets};
use rfe_model::{SourceSpec, id, time};
use rfe_proto::{
    dlq::{DeadLetter, DeadLetterFilter},
    ingest::{Event, JobKind},
    metadata as pb,
};
use rfe_queue::{NewEvents, NewJob, Queue, QueueControl, SqliteQueue, SqliteQueueConfig};
use rfe_registry::{
    CatalogStore, CompactionLimits, CompactionStore, LetterStore, Page, RunStore, SourceStore, SqliteRegistry,
};
use rfe_sources::SourceKinds;
use rfe_worker::Config;
use serde_json::{Value, json};
use tonic::service::RoutesBuilder;

use crate::{
    flaky::{Flaky, FlakyLake, FlakyRuns},
    pages::{Api, Pages},
};

const PATIENCE: Duration = Duration::from_secs(30);

/// One process of everything that a worker needs, and the worker.
pub struct Node {
    pub queue: Arc<SqliteQueue>,
    pub registry: Arc<SqliteRegistry>,
    pub lake: Arc<LocalLake>,
    pub flaky: Flaky,
    pub api: Arc<Api>,
    pub metrics: Metrics,
    pub folder: tempfile::TempDir,
    shutdown: Shutdown,
}

impl Node {
    pub async fn start() -> Self {
        Self::start_with(|config| config).await
    }

    pub async fn start_with(settings: impl FnOnce(Config) -> Config) -> Self {
        let folder = tempfile::tempdir().expect("folder");
        std::fs::create_dir(folder.path().join("data")).expect("data");
        let registry =
            Arc::new(SqliteRegistry::open(&folder.path().join("registry.db")).await.expect("registry"));
        let queue = SqliteQueueConfig {
            dedupe_window: Duration::ZERO,
            ..SqliteQueueConfig::new(folder.path().join("queue.db"))
        };
        let queue = Arc::new(SqliteQueue::open(queue).await.expect("queue"));
        let lake = Arc::new(LocalLake::open(&folder.path().join("lake")).expect("lake"));
        let (metrics, shutdown, flaky) = (Metrics::default(), Shutdown::new(), Flaky::default());
        let config = settings(Config {
            batch_max_age: Duration::from_millis(20),
            progress_every: Duration::from_millis(50),
            roots: vec![folder.path().join("data")],
            scratch: folder.path().join("scratch"),
            ..Config::default()
        });
        let api = Arc::new(Api::default());
        let mut node = Self { queue, registry, lake, flaky, api, metrics, folder, shutdown };
        node.run(config);
        node
    }

    fn run(&mut self, config: Config) {
        let kinds = SourceKinds::default().with(Arc::new(Pages(self.api.clone())));
        let metadata = rfe_metadata::Deps {
            sources: self.registry.clone(),
            runs: Arc::new(FlakyRuns { runs: self.registry.clone(), flaky: self.flaky.clone() }),
            memory: self.registry.clone(),
            catalog: self.registry.clone(),
            letters: self.registry.clone(),
            upkeep: self.registry.clone(),
            kinds: Arc::new(kinds.clone()),
            lake: self.lake.clone(),
            shutdown: self.shutdown.clone(),
            metrics: self.metrics.clone(),
        };
        let local = LocalRoutes::default();
        let worker = rfe_worker::Deps {
            queue: self.queue.clone(),
            lake: Arc::new(FlakyLake { lake: self.lake.clone(), flaky: self.flaky.clone() }),
            kinds,
            metadata: MeshChannel::Local(local.clone()),
            secrets: Arc::new(ProcessSecrets),
            shutdown: self.shutdown.clone(),
            metrics: self.metrics.clone(),
        };
        let mut routes = RoutesBuilder::default();
        let mut tasks = rfe_metadata::build(rfe_metadata::Config::default(), metadata).register(&mut routes);
        tasks.extend(rfe_worker::build(config, worker).register(&mut routes));
        local.set(routes.routes());
        for (_, task) in tasks {
            self.shutdown.spawn(task);
        }
    }

    pub async fn stop(self) {
        self.shutdown.begin();
        assert!(self.shutdown.drained(PATIENCE).await, "tasks end with the shutdown");
    }

    /// Declares a source as `sources.yaml` writes it.
    pub async fn declare(&self, written: Value) -> SourceSpec {
        let spec = SourceSpec::from_written(&written).expect("a spec");
        self.registry.apply(std::slice::from_ref(&spec), false).await.expect("apply");
        spec
    }

    /// Writes a file of the sources' folder; the location to declare is returned.
    pub fn file(&self, name: &str, text: impl AsRef<[u8]>) -> String {
        let path = self.folder.path().join("data").join(name);
        std::fs::write(&path, text).expect("write");
        path.display().to_string()
    }

    pub async fn pull(&self, source: &str) -> String {
        self.submit(source, pb::RunKind::Pull, None, None).await
    }

    pub async fn replay(&self, letter: &DeadLetter, edited: Option<&[u8]>) -> String {
        self.submit(&letter.source, pb::RunKind::Replay, Some(letter.id.clone()), edited).await
    }

    pub async fn submit(
        &self,
        source: &str,
        kind: pb::RunKind,
        letter_id: Option<String>,
        raw: Option<&[u8]>,
    ) -> String {
        let run = rfe_registry::NewRun {
            run_id: id::new(),
            source: source.to_owned(),
            kind,
            letter_id,
            replay_raw: raw.map(<[u8]>::to_vec),
            scheduled_micros: None,
        };
        let (run, _) = self.registry.create_run(&run).await.expect("create");
        let kind = JobKind::try_from(i32::from(kind)).expect("a kind of job");
        let job = NewJob {
            id: run.run_id.clone(),
            source: source.to_owned(),
            kind,
            reads_source: run.reads_source,
            trace: String::new(),
        };
        self.queue.enqueue(job).await.expect("enqueue");
        run.run_id
    }

    /// Plans a compaction of each layer that has two files or more.
    pub async fn plan_compactions(&self) -> Vec<pb::Run> {
        let limits = CompactionLimits { files: 2, small_bytes: 1 << 30, target_bytes: 1 << 30, inputs: 1000 };
        let planned = self.registry.plan_compactions(&limits).await.expect("plan");
        planned.into_iter().map(|planned| planned.run).collect()
    }

    /// Queues a compaction, as the reconciler does.
    pub async fn compact(&self, run: &pb::Run) {
        let (id, source) = (run.run_id.clone(), run.source.clone());
        let job = NewJob { id, source, kind: JobKind::Compaction, reads_source: false, trace: String::new() };
        self.queue.enqueue(job).await.expect("enqueue");
    }

    /// Queues events, each `(id, payload)`.
    pub async fn send(&self, source: &str, events: &[(&str, String)]) {
        let events = events.iter().map(|(id, payload)| Event {
            event_id: (*id).to_owned(),
            payload: payload.clone().into_bytes(),
            received_time: Some(time::now_proto()),
            ..Event::default()
        });
        let events = NewEvents {
            id: id::new(),
            source: source.to_owned(),
            events: events.collect(),
            trace: String::new(),
        };
        self.queue.enqueue_events(events).await.expect("enqueue");
    }

    pub async fn cancel(&self, run_id: &str) {
        self.registry.cancel(run_id).await.expect("cancel in the registry");
        self.queue.cancel(run_id).await.expect("cancel in the queue");
    }

    pub async fn run_record(&self, run_id: &str) -> pb::Run {
        self.registry.run(run_id).await.expect("runs").expect("the run")
    }

    /// Waits until the run is in a state.
    pub async fn reaches(&self, run_id: &str, state: pb::RunState) -> pb::Run {
        self.until(&format!("run {run_id} is {state:?}"), async || {
            let run = self.run_record(run_id).await;
            (run.state() == state).then_some(run)
        })
        .await
    }

    /// Waits until nothing waits or runs.
    pub async fn idle(&self) {
        self.until("the queue is empty", async || {
            let stats = self.queue.stats().await.expect("stats");
            stats
                .iter()
                .all(|source| source.queued_jobs + source.running_jobs + source.delayed_jobs == 0)
                .then_some(())
        })
        .await;
    }

    /// Waits until the metrics hold a line.
    pub async fn metric(&self, line: &str) {
        self.until(line, async || self.metrics.render().lines().any(|shown| shown == line).then_some(()))
            .await;
    }

    pub async fn until<T>(&self, what: &str, ask: impl AsyncFn() -> Option<T>) -> T {
        let asked = async {
            loop {
                match ask().await {
                    Some(answer) => return answer,
                    None => tokio::time::sleep(Duration::from_millis(5)).await,
                }
            }
        };
        match tokio::time::timeout(PATIENCE, asked).await {
            Ok(answer) => answer,
            Err(_) => panic!("never: {what}\n{}", self.metrics.render()),
        }
    }

    pub async fn resolve(&self, dataset: &str) -> rfe_registry::Resolved {
        self.registry.resolve(0, &[dataset.to_owned()], false).await.expect("resolve")
    }

    pub async fn files(&self, dataset: &str, layer: pb::Layer) -> Vec<(pb::DataFile, PathBuf)> {
        let page = Page { after: None, limit: 1000 };
        let (files, _) = self.registry.files(dataset, 0, layer, &page).await.expect("files");
        let bucket = if layer == pb::Layer::Raw { Bucket::Raw } else { Bucket::Processed };
        files
            .into_iter()
            .map(|file| {
                let path = self.lake.local_path(bucket, &file.key).expect("a local lake");
                (file, path)
            })
            .collect()
    }

    /// All visible rows of a layer, columns of all files.
    pub async fn rows(&self, dataset: &str, layer: pb::Layer) -> DataFrame {
        let mut all = DataFrame::default();
        for (_, path) in self.files(dataset, layer).await {
            let frame = ParquetReader::new(std::fs::File::open(path).expect("open")).finish().expect("read");
            all = if all.width() == 0 { frame } else { all.vstack(&frame).expect("the same columns") };
        }
        all
    }

    pub async fn letters(&self, source: &str) -> Vec<DeadLetter> {
        let filter = DeadLetterFilter { source: source.to_owned(), ..DeadLetterFilter::default() };
        let mut letters = Vec::new();
        for letter in
            self.registry.letters(&filter, &Page { after: None, limit: 1000 }).await.expect("letters")
        {
            letters.push(self.registry.letter(&letter.id).await.expect("letters").expect("the letter"));
        }
        letters
    }

    /// The runs of a source, newest first.
    pub async fn runs(&self, source: &str) -> Vec<pb::Run> {
        let filter = rfe_registry::RunFilter { source: Some(source.to_owned()), ..Default::default() };
        self.registry.runs(&filter, &Page { after: None, limit: 1000 }).await.expect("runs")
    }
}

/// The texts of a column, NULL as `-`.
pub fn texts(frame: &DataFrame, column: &str) -> Vec<String> {
    let column = frame.column(column).expect("the column").as_materialized_series().clone();
    column
        .iter()
        .map(|value| if value.is_null() { "-".to_owned() } else { value.str_value().into_owned() })
        .collect()
}

pub fn csv(name: &str, location: &str) -> Value {
    json!({"name": name, "kind": "csv", "config": {"location": location}})
}

pub fn webhook(name: &str) -> Value {
    json!({"name": name, "kind": "webhook"})
}
