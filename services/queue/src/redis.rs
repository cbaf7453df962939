//! The queue in Redis: hashes are the jobs, sorted sets their indexes, and each transition is one Lua script, so that it happens whole
//! or not at all. See the README for its keys.

mod accept;
mod link;
mod reply;
mod scripts;
mod take;
mod upkeep;
mod wake;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use ::redis::ScriptInvocation;
use async_trait::async_trait;
use tokio::task::AbortHandle;

use self::{
    accept::Acceptance,
    link::Link,
    scripts::Scripts,
    take::{Offer, Returns},
    wake::Wakes,
};
use crate::{
    EnqueuedEvents, JobStatus, Lease, LeaseRequest, Leased, NewEvents, NewJob, Queue, QueueControl,
    QueueError, Renewed, Repaired, SourceStats,
};

/// Those who wait for work look again no more often than this.
const LOOK_AGAIN: Duration = Duration::from_millis(5);
/// And no less often, in case that a wake-up got lost.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Where the queue is and how much it holds.
#[derive(Clone)]
pub struct RedisQueueConfig {
    /// `redis://` or, with TLS, `rediss://`.
    pub url: String,
    /// What its keys begin with, so that several queues fit into one Redis: letters, digits, `_`, `-` and `.`.
    pub name: String,
    /// Jobs that have not left.
    pub max_jobs: u64,
    /// Bytes of payload in jobs that have not left.
    pub max_bytes: u64,
    /// Jobs of one source that have not left.
    pub max_source_jobs: u64,
    /// Bytes of payload in them.
    pub max_source_bytes: u64,
    /// How long an event id is remembered.
    pub dedupe_window: Duration,
    /// How many ids of a source are remembered.
    pub dedupe_max_ids: usize,
}

impl std::fmt::Debug for RedisQueueConfig {
    // The URL may hold a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedisQueueConfig").field("name", &self.name).finish_non_exhaustive()
    }
}

impl RedisQueueConfig {
    /// The defaults of CONTRACT §11 on this server.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            name: "ingestion".to_owned(),
            max_jobs: 1_000_000,
            max_bytes: 1 << 30,
            max_source_jobs: u64::MAX,
            max_source_bytes: u64::MAX,
            dedupe_window: Duration::from_secs(600),
            dedupe_max_ids: 1_000_000,
        }
    }
}

/// The queue in Redis. Any number of processes may share it.
#[derive(Debug)]
pub struct RedisQueue {
    shared: Arc<Shared>,
    acceptance: Acceptance,
    returns: Returns,
    wakes: Wakes,
    prune: AbortHandle,
}

#[derive(Debug)]
struct Shared {
    link: Link,
    scripts: Scripts,
    config: RedisQueueConfig,
}

impl Shared {
    // The four bounds, which scripts take in this order. Beyond 2^53 a script could not count.
    fn bounds(&self, call: &mut ScriptInvocation<'_>) {
        let RedisQueueConfig { max_jobs, max_bytes, max_source_jobs, max_source_bytes, .. } = self.config;
        for bound in [max_jobs, max_bytes, max_source_jobs, max_source_bytes] {
            call.arg(bound.min(1 << 53));
        }
    }
}

// === impl RedisQueue ===

impl RedisQueue {
    /// A queue on this server, also while it is down: it is connected when it is used.
    ///
    /// # Errors
    /// If the URL or the name is none.
    pub async fn open(config: RedisQueueConfig) -> Result<Self, QueueError> {
        let is_fine = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
        if config.name.is_empty() || !config.name.bytes().all(is_fine) {
            let text =
                format!("the queue's name `{}` may have letters, digits, `_`, `-` and `.` only", config.name);
            return Err(QueueError::Store(text.into()));
        }
        let link = Link::new(&config.url, &config.name)?;
        let shared = Arc::new(Shared { link, scripts: Scripts::default(), config });
        Ok(Self {
            acceptance: Acceptance::start(shared.clone()),
            returns: Returns::start(shared.clone()),
            wakes: Wakes::start(&shared.link),
            prune: tokio::spawn(upkeep::prune(shared.clone())).abort_handle(),
            shared,
        })
    }

    /// What is unsafe about how the server is set up.
    ///
    /// # Errors
    /// If it does not answer.
    pub async fn warnings(&self) -> Result<Vec<String>, QueueError> {
        upkeep::warnings(&self.shared).await
    }

    /// Ends every lease; each counts as expired. For tests, and for an operator who knows that no worker is left.
    ///
    /// # Errors
    /// If Redis does not answer.
    pub async fn expire_all_leases(&self) -> Result<u64, QueueError> {
        let Shared { link, scripts, .. } = &*self.shared;
        link.call(&link.prepare(&scripts.expire_all)).await
    }

    async fn give_back(&self, lease: &Lease, delay: Duration, error: Option<&str>) -> Result<(), QueueError> {
        let Shared { link, scripts, .. } = &*self.shared;
        let mut call = link.prepare(&scripts.give_back);
        call.arg(&lease.id).arg(lease.epoch).arg(rfe_model::id::new()).arg(micros(delay));
        call.arg(i32::from(error.is_some())).arg(error.unwrap_or_default());
        done(link.call(&call).await?, lease)
    }
}

impl Drop for RedisQueue {
    fn drop(&mut self) {
        self.prune.abort();
    }
}

fn micros(duration: Duration) -> i64 {
    // Far beyond any life, and so small that a script can add it to the time.
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX).min(1 << 52)
}

fn done(answer: String, lease: &Lease) -> Result<(), QueueError> {
    match answer.as_str() {
        "ok" => Ok(()),
        "stale" => Err(QueueError::Stale(lease.id.clone())),
        "indivisible" => Err(QueueError::Indivisible(lease.id.clone())),
        other => Err(QueueError::Corrupt(format!("a script answered `{other}`"))),
    }
}

#[async_trait]
impl Queue for RedisQueue {
    async fn enqueue(&self, job: NewJob) -> Result<(), QueueError> {
        let Shared { link, scripts, .. } = &*self.shared;
        let mut call = link.prepare(&scripts.enqueue);
        call.arg(&job.id)
            .arg(&job.source)
            .arg(job.kind as i32)
            .arg(i32::from(job.reads_source))
            .arg(&job.trace);
        self.shared.bounds(&mut call);
        let answer: Vec<::redis::Value> = link.call(&call).await?;
        if answer.len() == 1 { Ok(()) } else { Err(reply::full(&answer, &job.source)) }
    }

    async fn enqueue_events(&self, events: NewEvents) -> Result<EnqueuedEvents, QueueError> {
        self.acceptance.accept(&events).await
    }

    async fn lease(&self, request: LeaseRequest) -> Result<Option<Leased>, QueueError> {
        let deadline = Instant::now() + request.wait.min(Duration::from_secs(86_400));
        let mut changes = self.wakes.changes();
        loop {
            changes.mark_unchanged();
            let due = match take::take(&self.shared, &self.returns, &request).await? {
                Offer::Work(leased) => return Ok(Some(*leased)),
                Offer::Nothing { due } => due,
            };
            let now = Instant::now();
            if now >= deadline {
                return Ok(None);
            }
            let pause = due.unwrap_or(LONGEST_PAUSE).clamp(LOOK_AGAIN, LONGEST_PAUSE).min(deadline - now);
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                changed = changes.changed() => {
                    changed.map_err(|_| QueueError::Store("the queue is closed".into()))?;
                    tokio::time::sleep(LOOK_AGAIN.min(deadline - now)).await;
                }
            }
        }
    }

    async fn heartbeat(&self, lease: &Lease) -> Result<Renewed, QueueError> {
        let Shared { link, scripts, .. } = &*self.shared;
        let mut call = link.prepare(&scripts.heartbeat);
        call.arg(&lease.id).arg(lease.epoch).arg(micros(lease.period));
        match link.call::<String>(&call).await?.as_str() {
            "held" => Ok(Renewed::Held),
            "cancelled" => Ok(Renewed::Cancelled),
            _ => Err(QueueError::Stale(lease.id.clone())),
        }
    }

    async fn complete(&self, lease: &Lease) -> Result<(), QueueError> {
        let Shared { link, scripts, .. } = &*self.shared;
        let mut call = link.prepare(&scripts.complete);
        call.arg(&lease.id).arg(lease.epoch).arg(rfe_model::id::new());
        done(link.call(&call).await?, lease)
    }

    async fn retry(&self, lease: &Lease, delay: Duration, error: &str) -> Result<(), QueueError> {
        self.give_back(lease, delay, Some(error)).await
    }

    async fn release(&self, lease: &Lease, delay: Duration) -> Result<(), QueueError> {
        self.give_back(lease, delay, None).await
    }

    async fn bisect(&self, lease: &Lease) -> Result<(), QueueError> {
        let Shared { link, scripts, .. } = &*self.shared;
        let mut call = link.prepare(&scripts.bisect);
        call.arg(&lease.id).arg(lease.epoch);
        call.arg(rfe_model::id::half(&lease.id, 0)).arg(rfe_model::id::half(&lease.id, 1));
        done(link.call(&call).await?, lease)
    }
}

#[async_trait]
impl QueueControl for RedisQueue {
    async fn cancel(&self, job_id: &str) -> Result<(), QueueError> {
        let Shared { link, scripts, .. } = &*self.shared;
        let mut call = link.prepare(&scripts.cancel);
        match link.call::<String>(call.arg(job_id)).await?.as_str() {
            "events" => Err(QueueError::NotCancellable(job_id.to_owned())),
            _ => Ok(()),
        }
    }

    async fn pause(&self, source: &str) -> Result<(), QueueError> {
        let Shared { link, scripts, .. } = &*self.shared;
        link.call::<String>(link.prepare(&scripts.pause).arg(source).arg(1)).await.map(drop)
    }

    async fn resume(&self, source: &str) -> Result<(), QueueError> {
        let Shared { link, scripts, .. } = &*self.shared;
        link.call::<String>(link.prepare(&scripts.pause).arg(source).arg(0)).await.map(drop)
    }

    async fn job(&self, job_id: &str) -> Result<Option<JobStatus>, QueueError> {
        let Shared { link, scripts, .. } = &*self.shared;
        let mut call = link.prepare(&scripts.jobs);
        let (now, rows): (i64, Vec<Vec<String>>) = link.call(call.arg("one").arg(job_id)).await?;
        Ok(reply::jobs(now, &rows)?.pop())
    }

    async fn jobs(
        &self,
        source: Option<&str>,
        before: Option<&str>,
        limit: u32,
    ) -> Result<Vec<JobStatus>, QueueError> {
        let Shared { link, scripts, .. } = &*self.shared;
        let mut call = link.prepare(&scripts.jobs);
        call.arg("list").arg(source.unwrap_or_default()).arg(before.unwrap_or_default()).arg(limit);
        let (now, rows): (i64, Vec<Vec<String>>) = link.call(&call).await?;
        reply::jobs(now, &rows)
    }

    async fn stats(&self) -> Result<Vec<SourceStats>, QueueError> {
        let Shared { link, scripts, .. } = &*self.shared;
        reply::stats(link.call(&link.prepare(&scripts.stats)).await?)
    }

    async fn incarnation(&self) -> Result<String, QueueError> {
        upkeep::incarnation(&self.shared).await
    }

    async fn repair(&self) -> Result<Repaired, QueueError> {
        upkeep::repair(&self.shared).await
    }

    async fn ping(&self) -> Result<(), QueueError> {
        let mut pipeline = ::redis::pipe();
        pipeline.cmd("PING");
        self.shared.link.send::<Vec<String>>(&pipeline).await.map(drop)
    }
}
