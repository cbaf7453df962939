//! The spool over real files, with real queues: one that is closed stands for one that is away, a new one for one that lost all.

mod bounds;
mod damage;
mod outage;
mod redis;
mod resent;

use std::{path::PathBuf, sync::Arc, time::Duration};

use rfe_mesh::{Metrics, Shutdown};
use rfe_proto::ingest::{Event, JobKind};
use rfe_queue::{Accepted, LeaseRequest, NewEvents, Queue, QueueControl, SqliteQueue, SqliteQueueConfig};
use tempfile::TempDir;

use super::{Drain, Spool, SpoolConfig, Watch};
use crate::loss::Loss;

/// A folder, and what a process would have of it.
struct World {
    folder: TempDir,
    config: SpoolConfig,
    metrics: Metrics,
    spool: Spool,
}

impl World {
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut SpoolConfig)) -> Self {
        let folder = tempfile::tempdir().expect("folder");
        let mut config = SpoolConfig::new(folder.path().join("spool"));
        change(&mut config);
        let metrics = Metrics::default();
        let spool = Spool::open(config.clone(), &metrics).expect("spool");
        Self { folder, config, metrics, spool }
    }

    /// The process dies and another one begins.
    fn restart(self) -> Self {
        let Self { folder, config, spool, .. } = self;
        drop(spool);
        Self::open(folder, config)
    }

    fn open(folder: TempDir, config: SpoolConfig) -> Self {
        let metrics = Metrics::default();
        let spool = Spool::open(config.clone(), &metrics).expect("spool");
        Self { folder, config, metrics, spool }
    }

    async fn queue(&self, name: &str) -> Arc<SqliteQueue> {
        self.queue_of(name, |_| {}).await
    }

    async fn queue_of(&self, name: &str, change: impl FnOnce(&mut SqliteQueueConfig)) -> Arc<SqliteQueue> {
        let mut config = SqliteQueueConfig::new(self.folder.path().join(name));
        change(&mut config);
        Arc::new(SqliteQueue::open(config).await.expect("queue"))
    }

    /// A queue that is away.
    async fn away(&self) -> Arc<SqliteQueue> {
        let queue = self.queue("away.db").await;
        queue.close().await;
        queue
    }

    async fn accept<Q: Queue>(&self, queue: &Arc<Q>, call: NewEvents) -> Vec<Accepted> {
        self.spool.accept(&**queue, call).await.expect("accepted").outcomes
    }

    /// Sends what waits, until nothing does.
    async fn drain<Q: Queue + 'static>(&self, queue: &Arc<Q>) {
        let shutdown = Shutdown::new();
        let drain = Drain::new(self.spool.clone(), queue.clone());
        let task = tokio::spawn(drain.run(shutdown.clone()));
        until(|| !self.spool.shared.index().has_waiting()).await;
        shutdown.begin();
        task.await.expect("it ends");
    }

    /// What a process does with a queue, until that is known and has everything.
    async fn meet<Q: Queue + QueueControl + 'static>(&self, queue: &Arc<Q>) {
        let shutdown = Shutdown::new();
        let drain = tokio::spawn(Drain::new(self.spool.clone(), queue.clone()).run(shutdown.clone()));
        let control: Arc<dyn QueueControl> = queue.clone();
        let watch = Watch::new(self.spool.clone(), control, Loss::default());
        let watch = tokio::spawn(watch.run(shutdown.clone()));
        let incarnation = queue.incarnation().await.expect("incarnation");
        until(|| self.noted().as_ref() == Some(&incarnation)).await;
        shutdown.begin();
        drain.await.expect("it ends");
        watch.await.expect("it ends");
    }

    fn noted(&self) -> Option<String> {
        std::fs::read_to_string(self.config.folder.join("incarnation")).ok()
    }

    fn files(&self) -> Vec<PathBuf> {
        let folder = self.config.folder.read_dir().expect("folder");
        let paths = folder.map(|entry| entry.expect("entry").path());
        let mut frames: Vec<PathBuf> =
            paths.filter(|path| path.extension().is_some_and(|end| end == "frames")).collect();
        frames.sort();
        frames
    }

    fn metric(&self, name: &str) -> u64 {
        let text = self.metrics.render();
        let line = text.lines().find(|line| line.split(' ').next() == Some(name));
        line.and_then(|line| line.split(' ').nth(1)?.parse().ok()).unwrap_or_else(|| panic!("{name}: {text}"))
    }
}

fn call(source: &str, ids: &[&str]) -> NewEvents {
    heavy(source, ids, 10)
}

fn heavy(source: &str, ids: &[&str], payload: usize) -> NewEvents {
    let event = |id: &&str| Event {
        event_id: (*id).to_owned(),
        payload: vec![b'1'; payload],
        received_time: Some(rfe_model::time::now_proto()),
        ..Event::default()
    };
    NewEvents {
        id: rfe_model::id::new(),
        source: source.to_owned(),
        events: ids.iter().map(event).collect(),
        trace: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned(),
    }
}

fn job(outcome: &Accepted) -> &str {
    match outcome {
        Accepted::New { job_id } => job_id,
        Accepted::Duplicate => panic!("it is new"),
    }
}

/// Takes everything out of a queue: the ids of its events, in order.
async fn events_in<Q: Queue>(queue: &Arc<Q>) -> Vec<String> {
    let request = || LeaseRequest {
        worker: "w".to_owned(),
        lease: Duration::from_secs(600),
        wait: Duration::ZERO,
        batch_max_rows: 1,
        batch_max_age: Duration::ZERO,
        kinds: vec![JobKind::Events],
    };
    let mut ids = Vec::new();
    while let Some(leased) = queue.lease(request()).await.expect("lease") {
        ids.extend(leased.events.into_iter().map(|event| event.event_id));
    }
    ids
}

async fn until(mut condition: impl FnMut() -> bool) {
    let wait = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), wait).await.expect("it comes to pass within 30 s");
}
