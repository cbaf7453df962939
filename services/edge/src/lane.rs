//! One source's way to ingest. At rest an event is sent at once; while a call is under way, events gather for the next, which goes
//! when a call returns, when the oldest has waited long enough, or when the group is full.

use std::{collections::VecDeque, time::Duration};

use rfe_mesh::{MeshChannel, Shutdown, fault_from_status, telemetry::trace};
use rfe_model::{ErrorCode, Fault, fault::reason};
use rfe_proto::ingest::{
    Event, EventResult, SubmitEventsRequest, ingest_service_client::IngestServiceClient,
};
use tokio::{
    sync::{OwnedSemaphorePermit, mpsc, oneshot},
    task::JoinSet,
    time::Instant,
};
use tracing::{Instrument as _, Span};

// A lane without work for so long ends.
const IDLE: Duration = Duration::from_secs(30);

const MAX_LINKS: usize = 32;

/// An event that waits for its answer.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) event: Event,
    /// The trace of the request that brought it.
    pub(crate) trace: String,
    pub(crate) reply: oneshot::Sender<Result<EventResult, Fault>>,
    /// Its bytes in the budget, held until it is answered.
    pub(crate) share: OwnedSemaphorePermit,
}

/// How events are grouped.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) age: Duration,
    pub(crate) events: usize,
    pub(crate) bytes: usize,
    pub(crate) calls: usize,
    pub(crate) call_timeout: Duration,
}

/// One source's lane.
#[derive(Debug)]
pub(crate) struct Lane {
    source: String,
    client: IngestServiceClient<MeshChannel>,
    limits: Limits,
    inbox: mpsc::UnboundedReceiver<Pending>,
    waiting: VecDeque<Pending>,
    waiting_bytes: usize,
    oldest: Instant,
    calls: JoinSet<()>,
    shutdown: Shutdown,
}

// === impl Lane ===

impl Lane {
    pub(crate) fn new(
        source: String,
        client: IngestServiceClient<MeshChannel>,
        limits: Limits,
        inbox: mpsc::UnboundedReceiver<Pending>,
        shutdown: Shutdown,
    ) -> Self {
        Self {
            source,
            client,
            limits,
            inbox,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            oldest: Instant::now(),
            calls: JoinSet::new(),
            shutdown,
        }
    }

    /// Runs until nobody can send any more, or nobody did for a while, or the process ends.
    pub(crate) async fn run(mut self) {
        let mut arrived = Vec::new();
        loop {
            while self.is_due() {
                self.send();
            }
            let at_rest = self.waiting.is_empty() && self.calls.is_empty();
            let may_send = !self.waiting.is_empty() && self.calls.len() < self.limits.calls;
            tokio::select! {
                count = self.inbox.recv_many(&mut arrived, self.limits.events) => {
                    if count == 0 && at_rest {
                        return;
                    }
                    if count == 0 {
                        self.finish().await;
                        return;
                    }
                    self.gather(&mut arrived);
                }
                Some(_) = self.calls.join_next() => {}
                () = tokio::time::sleep_until(self.oldest + self.limits.age), if may_send => {}
                // Whoever sends from now on is told that the lane is closed, and makes another; what is in it already is received.
                _ = self.shutdown.sleep(IDLE), if at_rest => self.inbox.close(),
            }
        }
    }

    fn gather(&mut self, arrived: &mut Vec<Pending>) {
        if self.waiting.is_empty() {
            self.oldest = Instant::now();
        }
        self.waiting_bytes += arrived.iter().map(|pending| pending.event.payload.len()).sum::<usize>();
        self.waiting.extend(arrived.drain(..));
    }

    fn is_due(&self) -> bool {
        if self.waiting.is_empty() || self.calls.len() >= self.limits.calls {
            return false;
        }
        self.calls.is_empty()
            || self.waiting.len() >= self.limits.events
            || self.waiting_bytes >= self.limits.bytes
            || self.oldest.elapsed() >= self.limits.age
    }

    fn send(&mut self) {
        let group = self.take();
        if group.is_empty() {
            return;
        }
        let span = span_of(&group);
        let call = call(self.client.clone(), self.source.clone(), group, self.limits.call_timeout);
        self.calls.spawn(call.instrument(span));
    }

    // Events whose sender went away are left out: nobody was promised anything.
    fn take(&mut self) -> Vec<Pending> {
        let mut group = Vec::new();
        let mut bytes = 0;
        while let Some(pending) = self.waiting.pop_front() {
            let size = pending.event.payload.len();
            if !group.is_empty() && (group.len() >= self.limits.events || bytes + size > self.limits.bytes) {
                self.waiting.push_front(pending);
                break;
            }
            self.waiting_bytes -= size;
            if !pending.reply.is_closed() {
                bytes += size;
                group.push(pending);
            }
        }
        // What is left came later than what was taken, so its age counts from now at the earliest.
        self.oldest = Instant::now();
        group
    }

    async fn finish(mut self) {
        while !self.waiting.is_empty() {
            while !self.waiting.is_empty() && self.calls.len() < self.limits.calls {
                self.send();
            }
            self.calls.join_next().await;
        }
        while self.calls.join_next().await.is_some() {}
    }
}

// A group goes on with one trace, one that somebody looks at if there is one, and knows the others.
fn span_of(group: &[Pending]) -> Span {
    let sampled = group.iter().position(|pending| trace::is_sampled(&pending.trace));
    let first = sampled.unwrap_or_default();
    let span = trace::span_from(group.get(first).map_or("", |pending| &pending.trace), "group");
    trace::attribute(&span, "rfe.events", i64::try_from(group.len()).unwrap_or(i64::MAX));
    if sampled.is_some() {
        let others = group.iter().enumerate().filter(|(at, _)| *at != first);
        others.take(MAX_LINKS).for_each(|(_, pending)| trace::link(&span, &pending.trace));
    }
    span
}

async fn call(
    mut client: IngestServiceClient<MeshChannel>,
    source: String,
    group: Vec<Pending>,
    timeout: Duration,
) {
    let mut events = Vec::with_capacity(group.len());
    let mut replies = Vec::with_capacity(group.len());
    for Pending { event, trace: _, reply, share } in group {
        events.push(event);
        replies.push((reply, share));
    }
    let mut request = tonic::Request::new(SubmitEventsRequest { source, events });
    request.set_timeout(timeout);
    let answer = match tokio::time::timeout(timeout, client.submit_events(request)).await {
        Ok(Ok(reply)) => Ok(reply.into_inner().results),
        Ok(Err(status)) => Err(fault_from_status(&status)),
        Err(_) => Err(Fault::new(
            ErrorCode::DeadlineExceeded,
            reason::DEADLINE_EXCEEDED,
            "ingest took too long to answer",
        )),
    };
    answer_all(replies, answer);
}

type Reply = (oneshot::Sender<Result<EventResult, Fault>>, OwnedSemaphorePermit);

fn answer_all(replies: Vec<Reply>, answer: Result<Vec<EventResult>, Fault>) {
    let answer = answer.and_then(|results| match results.len() == replies.len() {
        true => Ok(results),
        false => Err(Fault::internal(format!(
            "{} events were answered by {} results",
            replies.len(),
            results.len()
        ))),
    });
    // A sender that went away meanwhile needs no answer.
    match answer {
        Ok(results) => {
            for ((reply, _share), result) in replies.into_iter().zip(results) {
                let _gone = reply.send(Ok(result));
            }
        }
        Err(fault) => {
            for (reply, _share) in replies {
                let _gone = reply.send(Err(fault.clone()));
            }
        }
    }
}
