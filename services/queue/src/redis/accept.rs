//! Events come in. Calls that arrive while a script is under way share the next one, its round trip and its fsync.

use std::sync::Arc;

use redis::Value;
use rfe_model::id;
use tokio::{
    sync::{mpsc, oneshot},
    task::AbortHandle,
};

use super::{Shared, reply};
use crate::{
    Accepted, EnqueuedEvents, NewEvents, QueueError,
    payload::{self, MAX_JOB_BYTES, MAX_JOB_EVENTS},
};

/// Calls and bytes of one script.
const MAX_CALLS: usize = 128;
const MAX_BYTES: usize = 8 << 20;

type Answer = Result<EnqueuedEvents, QueueError>;

/// Where calls wait for their script; it ends with this.
#[derive(Debug)]
pub struct Acceptance {
    calls: mpsc::UnboundedSender<Call>,
    task: AbortHandle,
}

#[derive(Debug)]
struct Call {
    prepared: Prepared,
    answer: oneshot::Sender<Answer>,
}

/// A call, encoded before its turn comes.
#[derive(Debug)]
struct Prepared {
    source: String,
    trace: String,
    // Of its jobs: so many as there could be.
    ids: Vec<String>,
    events: Vec<([u8; 16], Vec<u8>)>,
    bytes: usize,
}

impl Acceptance {
    /// Starts taking calls.
    pub fn start(shared: Arc<Shared>) -> Self {
        // Unbounded: every call waits for its answer, so there are no more of them than callers.
        let (calls, inbox) = mpsc::unbounded_channel();
        let task = tokio::spawn(run(shared, inbox)).abort_handle();
        Self { calls, task }
    }

    /// Makes the events of a call durable.
    pub async fn accept(&self, call: &NewEvents) -> Answer {
        let (answer, answered) = oneshot::channel();
        let closed = || QueueError::Store("the queue is closed".into());
        self.calls.send(Call { prepared: Prepared::new(call), answer }).map_err(|_| closed())?;
        answered.await.map_err(|_| closed())?
    }
}

impl Drop for Acceptance {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Prepared {
    fn new(call: &NewEvents) -> Self {
        let events: Vec<_> = call
            .events
            .iter()
            .map(|event| (payload::digest(&event.event_id), payload::encode(event)))
            .collect();
        let (mut jobs, mut in_job, mut job_bytes) = (1, 0, 0);
        for (_, body) in &events {
            if in_job > 0 && (in_job == MAX_JOB_EVENTS || job_bytes + body.len() > MAX_JOB_BYTES) {
                (jobs, in_job, job_bytes) = (jobs + 1, 0, 0);
            }
            (in_job, job_bytes) = (in_job + 1, job_bytes + body.len());
        }
        Self {
            source: call.source.clone(),
            trace: call.trace.clone(),
            ids: (0..jobs).map(|n| id::nth(&call.id, n)).collect(),
            bytes: events.iter().map(|(_, body)| body.len()).sum(),
            events,
        }
    }
}

async fn run(shared: Arc<Shared>, mut inbox: mpsc::UnboundedReceiver<Call>) {
    let mut next = None;
    loop {
        let first = match next.take() {
            Some(call) => call,
            None => match inbox.recv().await {
                Some(call) => call,
                None => return,
            },
        };
        let mut bytes = first.prepared.bytes;
        let mut calls = vec![first];
        while calls.len() < MAX_CALLS
            && let Ok(call) = inbox.try_recv()
        {
            if bytes + call.prepared.bytes > MAX_BYTES {
                next = Some(call);
                break;
            }
            bytes += call.prepared.bytes;
            calls.push(call);
        }
        serve(&shared, calls).await;
    }
}

async fn serve(shared: &Shared, calls: Vec<Call>) {
    let (prepared, answers): (Vec<_>, Vec<_>) =
        calls.into_iter().map(|call| (call.prepared, call.answer)).unzip();
    let outcomes = match store(shared, &prepared).await {
        Ok(outcomes) => outcomes,
        Err(error) => {
            let told = Arc::new(error);
            prepared.iter().map(|_| Err(again(&told))).collect()
        }
    };
    for (answer, outcome) in answers.into_iter().zip(outcomes) {
        let _caller_may_be_gone = answer.send(outcome);
    }
}

// The error of a script, for each of its calls.
fn again(error: &Arc<QueueError>) -> QueueError {
    match &**error {
        QueueError::OutOfMemory => QueueError::OutOfMemory,
        QueueError::Corrupt(what) => QueueError::Corrupt(what.clone()),
        _ => QueueError::Store(Box::new(Shares(error.clone()))),
    }
}

#[derive(Debug, thiserror::Error)]
#[error("{}", source_of(.0))]
struct Shares(Arc<QueueError>);

fn source_of(error: &QueueError) -> String {
    std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string)
}

async fn store(shared: &Shared, calls: &[Prepared]) -> Result<Vec<Answer>, QueueError> {
    let mut call = shared.link.prepare(&shared.scripts.enqueue_events);
    shared.bounds(&mut call);
    let window = i64::try_from(shared.config.dedupe_window.as_micros()).unwrap_or(i64::MAX);
    call.arg(window).arg(shared.config.dedupe_max_ids);
    call.arg(MAX_JOB_EVENTS).arg(MAX_JOB_BYTES).arg(calls.len());
    for prepared in calls {
        call.arg(&prepared.source).arg(&prepared.trace).arg(prepared.ids.len());
        for id in &prepared.ids {
            call.arg(id);
        }
        call.arg(prepared.events.len());
        for (digest, body) in &prepared.events {
            call.arg(digest.as_slice()).arg(body.as_slice());
        }
    }
    let answers: Vec<Value> = shared.link.call(&call).await?;
    if answers.len() != calls.len() {
        return Err(QueueError::Corrupt("a script answered fewer calls than it was given".to_owned()));
    }
    Ok(answers.into_iter().zip(calls).map(|(answer, call)| outcome(answer, call)).collect())
}

fn outcome(answer: Value, call: &Prepared) -> Answer {
    if let Value::Array(bound) = answer {
        return Err(reply::full(&bound, &call.source));
    }
    let places: String = redis::from_redis_value(answer).map_err(reply::unreadable)?;
    let outcomes: Vec<Accepted> = places
        .split(',')
        .map(|place| match place.parse::<usize>() {
            Ok(0) => Ok(Accepted::Duplicate),
            Ok(place) if place <= call.ids.len() => Ok(Accepted::New { job_id: call.ids[place - 1].clone() }),
            _ => Err(QueueError::Corrupt(format!("`{place}` is no job of the call"))),
        })
        .collect::<Result<_, _>>()?;
    Ok(EnqueuedEvents { outcomes })
}
