//! Events come in as a stream. The next messages are taken off the connection once those before are durable: that is the flow control.

use futures::FutureExt as _;
use rfe_mesh::{Caller, Scope, Shutdown};
use rfe_model::Fault;
use rfe_proto::ingest::{Event, EventOutcome, EventResult, StreamEventsRequest, StreamEventsResponse};
use tonic::Streaming;

use crate::{
    submit_events::{EventDoor, MAX_EVENTS},
    watch_job::shutting_down,
};

/// A group becomes durable with so many bytes of payload, or with the one event that has more.
const GROUP_BYTES: usize = 1 << 20;
/// So many rejected events are named in the answer.
const MAX_NAMED: usize = 1000;

/// One stream of events.
#[derive(Debug)]
pub(crate) struct EventStream<'a> {
    door: &'a EventDoor,
    caller: Caller,
    source: String,
    group: Vec<Event>,
    group_bytes: usize,
    done: StreamEventsResponse,
}

/// What comes next on a stream.
enum Came {
    Message(StreamEventsRequest),
    Nothing,
    End,
}

// === impl EventStream ===

impl<'a> EventStream<'a> {
    pub(crate) fn new(door: &'a EventDoor, caller: Caller) -> Self {
        Self {
            door,
            caller,
            source: String::new(),
            group: Vec::new(),
            group_bytes: 0,
            done: StreamEventsResponse::default(),
        }
    }

    /// Accepts events until the stream ends. An error says how far it got.
    pub(crate) async fn accept(
        mut self,
        mut messages: Streaming<StreamEventsRequest>,
        shutdown: &Shutdown,
    ) -> Result<StreamEventsResponse, Fault> {
        match self.take_all(&mut messages, shutdown).await {
            Ok(()) => Ok(self.done),
            Err(fault) => Err(self.with_progress(fault)),
        }
    }

    async fn take_all(
        &mut self,
        messages: &mut Streaming<StreamEventsRequest>,
        shutdown: &Shutdown,
    ) -> Result<(), Fault> {
        loop {
            if shutdown.has_begun() {
                self.flush().await?;
                return Err(shutting_down());
            }
            // What came together becomes durable together; nobody waits for what has not come.
            let came = match next(messages).now_or_never() {
                Some(came) => came?,
                None if self.group.is_empty() => tokio::select! {
                    came = next(messages) => came?,
                    () = shutdown.begun() => return Err(shutting_down()),
                },
                None => Came::Nothing,
            };
            match came {
                Came::Message(message) => self.take(message).await?,
                Came::Nothing => self.flush().await?,
                Came::End => return self.flush().await,
            }
        }
    }

    async fn take(&mut self, message: StreamEventsRequest) -> Result<(), Fault> {
        if self.source.is_empty() {
            self.source = message.source;
            self.caller.may(Scope::Ingest, Some(&self.source))?;
            self.door.check(&self.source).await?;
        } else if !message.source.is_empty() && message.source != self.source {
            let reason =
                format!("`{}` is another than `{}`, for which the stream is", message.source, self.source);
            return Err(Fault::invalid("source", reason));
        }
        for event in message.events {
            let bytes = event.payload.len();
            if !self.group.is_empty() && self.group_bytes + bytes > GROUP_BYTES {
                self.flush().await?;
            }
            self.group_bytes += bytes;
            self.group.push(event);
            if self.group.len() >= MAX_EVENTS {
                self.flush().await?;
            }
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), Fault> {
        if self.group.is_empty() {
            return Ok(());
        }
        self.group_bytes = 0;
        let group = std::mem::take(&mut self.group);
        let results = self.door.accept(self.source.clone(), group).await?;
        results.into_iter().for_each(|result| self.count(result));
        Ok(())
    }

    fn count(&mut self, result: EventResult) {
        match result.outcome() {
            EventOutcome::Accepted => self.done.accepted += 1,
            EventOutcome::Duplicate => self.done.duplicates += 1,
            EventOutcome::Rejected | EventOutcome::Unspecified => {
                self.done.rejected_count += 1;
                if self.done.rejected.len() < MAX_NAMED {
                    self.done.rejected.push(result);
                }
            }
        }
    }

    fn with_progress(&self, fault: Fault) -> Fault {
        let StreamEventsResponse { accepted, duplicates, rejected_count, .. } = &self.done;
        fault
            .with("processed", (accepted + duplicates + rejected_count).to_string())
            .with("accepted", accepted.to_string())
            .with("duplicates", duplicates.to_string())
            .with("rejected", rejected_count.to_string())
    }
}

async fn next(messages: &mut Streaming<StreamEventsRequest>) -> Result<Came, Fault> {
    match messages.message().await {
        Ok(Some(message)) => Ok(Came::Message(message)),
        Ok(None) => Ok(Came::End),
        Err(status) => Err(rfe_mesh::fault_from_status(&status)),
    }
}
