//! Work is leased.

use std::{sync::Arc, time::Duration};

use rfe_model::id;
use rfe_proto::ingest::{Event, JobKind};
use tokio::{sync::mpsc, task::AbortHandle};

use super::{Shared, reply};
use crate::{Lease, LeaseRequest, Leased, QueueError, payload};

const KINDS: [JobKind; 5] =
    [JobKind::Pull, JobKind::Events, JobKind::Replay, JobKind::Backfill, JobKind::Compaction];
/// How long work rests whose worker went away between asking and receiving.
const ABANDONED: Duration = Duration::from_millis(100);
const AGAIN: Duration = Duration::from_secs(1);
/// Bodies asked for at once.
const BODIES: usize = 500;

/// What there was.
#[derive(Debug)]
pub enum Offer {
    /// Work.
    Work(Box<Leased>),
    /// Nothing; the clock alone makes something ready after this.
    Nothing {
        /// How long that takes.
        due: Option<Duration>,
    },
}

/// Gives leases back that nobody received; it ends with this.
#[derive(Debug)]
pub struct Returns {
    tokens: mpsc::UnboundedSender<String>,
    task: AbortHandle,
}

/// Gives a lease back if whoever asked for it goes away before it has it, or its reply is lost; otherwise nobody would work on it until it
/// expires.
struct Delivery {
    token: String,
    returns: Option<mpsc::UnboundedSender<String>>,
}

impl Returns {
    /// Starts giving back.
    pub fn start(shared: Arc<Shared>) -> Self {
        let (tokens, inbox) = mpsc::unbounded_channel();
        let task = tokio::spawn(give_back(shared, inbox)).abort_handle();
        Self { tokens, task }
    }
}

impl Drop for Returns {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        if let Some(returns) = self.returns.take() {
            let _queue_may_be_closed = returns.send(std::mem::take(&mut self.token));
        }
    }
}

async fn give_back(shared: Arc<Shared>, mut tokens: mpsc::UnboundedReceiver<String>) {
    while let Some(token) = tokens.recv().await {
        loop {
            let mut call = shared.link.prepare(&shared.scripts.abandon);
            call.arg(&token).arg(ABANDONED.as_micros() as u64);
            match shared.link.call::<i64>(&call).await {
                Ok(_) => break,
                Err(error) => {
                    tracing::debug!(%error, "a lease that nobody received could not be given back; trying on");
                    tokio::time::sleep(AGAIN).await;
                }
            }
        }
    }
}

/// Leases what is ready now.
///
/// # Errors
/// If Redis does not answer; what it may have leased is given back.
pub async fn take(shared: &Shared, returns: &Returns, request: &LeaseRequest) -> Result<Offer, QueueError> {
    let mut delivery = Delivery { token: id::new(), returns: Some(returns.tokens.clone()) };
    let micros = |duration: Duration| i64::try_from(duration.as_micros()).unwrap_or(i64::MAX >> 8);
    let mut call = shared.link.prepare(&shared.scripts.lease);
    call.arg(&delivery.token).arg(&request.worker).arg(micros(request.lease));
    call.arg(request.batch_max_rows.max(1)).arg(micros(request.batch_max_age)).arg(id::new());
    for kind in if request.kinds.is_empty() { &KINDS[..] } else { &request.kinds } {
        call.arg(*kind as i32);
    }
    let answer: Vec<String> = shared.link.call(&call).await?;
    let work = match answer.as_slice() {
        [word, due] if word == "nothing" => {
            delivery.returns = None;
            return Ok(Offer::Nothing { due: due.parse().ok().map(Duration::from_micros) });
        }
        [word, rest @ ..] if word == "work" => rest,
        _ => return Err(QueueError::Corrupt("a lease that is none".to_owned())),
    };
    let leased = read(shared, request, work).await?;
    delivery.returns = None;
    Ok(Offer::Work(Box::new(leased)))
}

async fn read(shared: &Shared, request: &LeaseRequest, work: &[String]) -> Result<Leased, QueueError> {
    let [id, epoch, source, kind, attempts, expired, trace, items] = work else {
        return Err(QueueError::Corrupt(format!("a lease of {} fields", work.len())));
    };
    let kind = reply::kind(id, kind)?;
    let events = match kind {
        JobKind::Events => events(shared, items).await?,
        _ => Vec::new(),
    };
    Ok(Leased {
        lease: Lease { id: id.clone(), epoch: reply::number(epoch), period: request.lease },
        source: source.clone(),
        kind,
        events,
        attempts: reply::number(attempts),
        expired: reply::number(expired),
        trace: trace.clone(),
    })
}

struct Item<'a> {
    job: &'a str,
    first: usize,
    count: usize,
}

async fn events(shared: &Shared, items: &str) -> Result<Vec<Event>, QueueError> {
    let items = items.split(';').map(item).collect::<Result<Vec<_>, _>>()?;
    let mut events = Vec::new();
    for some in items.chunks(BODIES) {
        let mut pipeline = redis::pipe();
        for item in some {
            pipeline.hget(shared.link.key(&format!("job:{}", item.job)), "body");
        }
        let bodies: Vec<Option<Vec<u8>>> = shared.link.send(&pipeline).await?;
        for (item, body) in some.iter().zip(bodies) {
            let body = body.ok_or_else(|| QueueError::Corrupt(format!("job {} has no payload", item.job)))?;
            events.extend(payload::decode(item.job, &body, item.first, item.count)?);
        }
    }
    Ok(events)
}

fn item(text: &str) -> Result<Item<'_>, QueueError> {
    let parts: Vec<&str> = text.split(',').collect();
    let parsed = match parts.as_slice() {
        [job, first, count] => first.parse().ok().zip(count.parse().ok()).map(|of| (*job, of)),
        _ => None,
    };
    let (job, (first, count)) =
        parsed.ok_or_else(|| QueueError::Corrupt(format!("`{text}` is no part of a batch")))?;
    Ok(Item { job, first, count })
}
