//! Random operations against the queue, on SQLite and on Redis, and against a simple model of it. A failure prints its seed;
//! `QUEUE_SEEDS` runs more of them.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::Duration,
};

use rfe_proto::ingest::{Event, JobKind};
use rfe_queue::{
    Accepted, LeaseRequest, Leased, NewEvents, NewJob, Queue, QueueControl, QueueError, RedisQueue,
    RedisQueueConfig, SqliteQueue, SqliteQueueConfig,
};
use rfe_test_servers::Redis;

const SOURCES: [&str; 3] = ["a", "b", "c"];
const SEEDS: u64 = 12;
const STEPS: usize = 250;

/// What an observer knows of the queue from the answers it gave.
#[derive(Default)]
struct Model {
    /// Accepted and not done, by source.
    open: BTreeMap<&'static str, BTreeSet<String>>,
    /// Accepted ever.
    known: BTreeSet<(&'static str, String)>,
    /// Pull, replay and compaction jobs not done.
    jobs: HashMap<String, NewJob>,
    /// Leases held.
    held: Vec<Leased>,
    /// Leases that passed on.
    stale: Vec<Leased>,
    /// What each batch holds.
    batches: HashMap<String, Vec<String>>,
    paused: BTreeSet<&'static str>,
}

impl Model {
    /// True if a job that reads the source is leased.
    fn reads(&self, source: &str) -> bool {
        let reads = |leased: &Leased| self.jobs.get(&leased.lease.id).is_some_and(|job| job.reads_source);
        self.held.iter().any(|leased| leased.source == source && reads(leased))
    }
}

/// A queue whose store outlives it.
trait Store {
    type Of: Queue + QueueControl;

    async fn open(&self) -> Self::Of;
    async fn close(&self, queue: Self::Of);
    async fn expire_all(&self, queue: &Self::Of) -> u64;
}

struct InAFile(tempfile::TempDir);

impl Store for InAFile {
    type Of = SqliteQueue;

    async fn open(&self) -> SqliteQueue {
        SqliteQueue::open(SqliteQueueConfig::new(self.0.path().join("queue.db"))).await.expect("open")
    }

    async fn close(&self, queue: SqliteQueue) {
        queue.close().await;
    }

    async fn expire_all(&self, queue: &SqliteQueue) -> u64 {
        queue.expire_all_leases().await.expect("expire")
    }
}

struct InRedis {
    redis: &'static Redis,
    name: String,
}

impl Store for InRedis {
    type Of = RedisQueue;

    async fn open(&self) -> RedisQueue {
        let config = RedisQueueConfig { name: self.name.clone(), ..RedisQueueConfig::new(self.redis.url()) };
        RedisQueue::open(config).await.expect("open")
    }

    async fn close(&self, queue: RedisQueue) {
        assert_eq!(queue.repair().await.expect("repair").mended, 0, "indexes agree with the jobs");
    }

    async fn expire_all(&self, queue: &RedisQueue) -> u64 {
        queue.expire_all_leases().await.expect("expire")
    }
}

struct World<S: Store> {
    store: S,
    queue: S::Of,
    model: Model,
    random: fastrand::Rng,
}

#[tokio::test(flavor = "multi_thread")]
async fn the_queue_in_a_file_does_what_its_model_does() {
    run(|| InAFile(tempfile::tempdir().expect("folder"))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_queue_in_redis_does_what_its_model_does() {
    let redis = tokio::task::spawn_blocking(Redis::shared).await.expect("it starts");
    run(|| InRedis { redis, name: redis.queue_name() }).await;
}

async fn run<S: Store>(store: impl Fn() -> S) {
    let seeds = std::env::var("QUEUE_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(SEEDS);
    for seed in 0..seeds {
        eprintln!("seed {seed}");
        let store = store();
        let queue = store.open().await;
        let mut world =
            World { store, queue, model: Model::default(), random: fastrand::Rng::with_seed(seed) };
        for _ in 0..STEPS {
            world.step().await;
        }
        world.drain().await;
    }
}

impl<S: Store> World<S> {
    async fn step(&mut self) {
        let source = SOURCES[self.random.usize(..SOURCES.len())];
        match self.random.u32(..100) {
            0..25 => self.send(source).await,
            25..30 => self.submit(source).await,
            30..60 => self.lease().await,
            60..72 => self.finish().await,
            72..80 => self.give_back().await,
            80..86 => self.bisect().await,
            86..89 => self.pause(source).await,
            89..92 => self.cancel().await,
            92..96 => self.use_a_stale_lease().await,
            96..98 => self.expire().await,
            _ => self.restart().await,
        }
    }

    async fn send(&mut self, source: &'static str) {
        let ids: Vec<String> =
            (0..self.random.usize(1..8)).map(|_| self.random.u32(..400).to_string()).collect();
        let event =
            |id: &String| Event { event_id: id.clone(), payload: id.as_bytes().to_vec(), ..Event::default() };
        let call = NewEvents {
            id: rfe_model::id::new(),
            source: source.to_owned(),
            events: ids.iter().map(event).collect(),
            trace: String::new(),
        };
        let outcomes = self.queue.enqueue_events(call).await.expect("enqueue").outcomes;
        for (id, outcome) in ids.into_iter().zip(outcomes) {
            let new = self.model.known.insert((source, id.clone()));
            assert_eq!(matches!(outcome, Accepted::New { .. }), new, "event {id} of {source}");
            if new {
                self.model.open.entry(source).or_default().insert(id);
            }
        }
    }

    async fn submit(&mut self, source: &'static str) {
        let kind = [JobKind::Pull, JobKind::Replay, JobKind::Compaction][self.random.usize(..3)];
        // The replay of a job reads its source as a pull does.
        let reads_source = kind == JobKind::Pull || kind == JobKind::Replay && self.random.bool();
        let job = NewJob {
            id: rfe_model::id::new(),
            source: source.to_owned(),
            kind,
            reads_source,
            trace: String::new(),
        };
        self.queue.enqueue(job.clone()).await.expect("enqueue");
        self.model.jobs.insert(job.id.clone(), job);
    }

    async fn lease(&mut self) {
        let request = LeaseRequest {
            worker: "model".to_owned(),
            lease: Duration::from_secs(3600),
            wait: Duration::ZERO,
            batch_max_rows: self.random.u32(1..20),
            batch_max_age: Duration::ZERO,
            kinds: Vec::new(),
        };
        let Some(leased) = self.queue.lease(request).await.expect("lease") else {
            assert_eq!(self.ready(), 0, "something is ready");
            return;
        };
        self.check(&leased);
        self.model.held.push(leased);
    }

    /// How many events and jobs some lease could bring now.
    fn ready(&self) -> usize {
        let model = &self.model;
        let held: usize = model.held.iter().map(|leased| leased.events.len()).sum();
        let resting: usize = SOURCES
            .iter()
            .filter(|source| model.paused.contains(**source))
            .map(|source| {
                let held = model.held.iter().filter(|leased| leased.source == **source);
                model.open.get(source).map_or(0, BTreeSet::len)
                    - held.map(|leased| leased.events.len()).sum::<usize>()
            })
            .sum();
        let open: usize = model.open.values().map(BTreeSet::len).sum();
        let jobs = model.jobs.values().filter(|job| {
            let held = model.held.iter().any(|leased| leased.lease.id == job.id);
            let blocked = job.reads_source && model.reads(&job.source);
            !(held || blocked || model.paused.contains(job.source.as_str()))
        });
        open - held - resting + jobs.count()
    }

    fn check(&mut self, leased: &Leased) {
        let model = &mut self.model;
        assert!(!model.paused.contains(leased.source.as_str()), "{} is paused", leased.source);
        assert!(model.held.iter().all(|held| held.lease.id != leased.lease.id), "leased twice");
        if leased.kind != JobKind::Events {
            let job = &model.jobs[&leased.lease.id];
            assert_eq!((&job.source, job.kind), (&leased.source, leased.kind));
            assert!(!job.reads_source || !model.reads(&leased.source), "two read it at a time");
            return;
        }
        let ids: Vec<String> = leased.events.iter().map(|event| event.event_id.clone()).collect();
        for id in &ids {
            assert!(model.open[leased.source.as_str()].contains(id), "event {id} was done before");
            let elsewhere = |held: &Leased| {
                held.source == leased.source && held.events.iter().any(|other| other.event_id == *id)
            };
            assert!(!model.held.iter().any(elsewhere), "event {id} is leased twice");
        }
        let before = model.batches.entry(leased.lease.id.clone()).or_insert_with(|| ids.clone());
        assert_eq!(before, &ids, "a batch is redelivered whole");
    }

    fn pick(&mut self) -> Option<Leased> {
        let held = self.model.held.len();
        (held > 0).then(|| self.model.held.swap_remove(self.random.usize(..held)))
    }

    async fn finish(&mut self) {
        let Some(leased) = self.pick() else { return };
        self.queue.complete(&leased.lease).await.expect("complete");
        self.done(&leased);
        self.model.stale.push(leased);
    }

    fn done(&mut self, leased: &Leased) {
        self.model.jobs.remove(&leased.lease.id);
        if let Some(open) = self.model.open.get_mut(leased.source.as_str()) {
            for event in &leased.events {
                assert!(open.remove(&event.event_id), "done twice");
            }
        }
    }

    async fn give_back(&mut self) {
        let Some(leased) = self.pick() else { return };
        if self.random.bool() {
            self.queue.retry(&leased.lease, Duration::ZERO, "no answer").await.expect("retry");
        } else {
            self.queue.release(&leased.lease, Duration::ZERO).await.expect("release");
        }
        self.model.stale.push(leased);
    }

    async fn bisect(&mut self) {
        let Some(leased) = self.pick() else { return };
        match self.queue.bisect(&leased.lease).await {
            Ok(()) => {
                assert!(leased.events.len() > 1);
                let ids: Vec<String> = leased.events.iter().map(|event| event.event_id.clone()).collect();
                let (first, second) = ids.split_at(ids.len() / 2);
                self.model.batches.insert(rfe_model::id::half(&leased.lease.id, 0), first.to_vec());
                self.model.batches.insert(rfe_model::id::half(&leased.lease.id, 1), second.to_vec());
            }
            Err(QueueError::Indivisible(_)) => {
                assert!(leased.events.len() < 2);
                self.model.held.push(leased);
            }
            Err(error) => panic!("{error}"),
        }
    }

    async fn pause(&mut self, source: &'static str) {
        if self.model.paused.remove(source) {
            self.queue.resume(source).await.expect("resume");
        } else {
            self.queue.pause(source).await.expect("pause");
            self.model.paused.insert(source);
        }
    }

    async fn cancel(&mut self) {
        let Some(id) = self.model.jobs.keys().min().cloned() else { return };
        self.queue.cancel(&id).await.expect("cancel");
        self.model.jobs.remove(&id);
        let (gone, held) =
            std::mem::take(&mut self.model.held).into_iter().partition(|leased| leased.lease.id == id);
        self.model.held = held;
        self.model.stale.extend::<Vec<_>>(gone);
    }

    async fn use_a_stale_lease(&mut self) {
        let Some(leased) = self.model.stale.pop() else { return };
        let answer = self.queue.complete(&leased.lease).await;
        assert!(matches!(answer, Err(QueueError::Stale(_))), "{answer:?}");
        let answer = self.queue.release(&leased.lease, Duration::ZERO).await;
        assert!(matches!(answer, Err(QueueError::Stale(_))), "{answer:?}");
    }

    async fn expire(&mut self) {
        let expired = self.store.expire_all(&self.queue).await;
        assert_eq!(expired, self.model.held.len() as u64);
        self.model.stale.append(&mut self.model.held);
    }

    async fn restart(&mut self) {
        let other = self.store.open().await;
        let old = std::mem::replace(&mut self.queue, other);
        self.store.close(old).await;
    }

    async fn drain(&mut self) {
        for source in SOURCES {
            self.queue.resume(source).await.expect("resume");
        }
        self.model.paused.clear();
        self.expire().await;
        while self.ready() > 0 {
            self.lease().await;
            self.finish().await;
        }
        assert_eq!(self.queue.stats().await.expect("stats"), [], "nothing is left");
    }
}
