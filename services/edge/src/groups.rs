//! Events of one source, grouped into calls: one lane a source, made when it is needed and gone when it is not.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use rfe_mesh::{MAX_MESSAGE_BYTES, MeshChannel, Shutdown, telemetry::trace};
use rfe_model::{ErrorCode, Fault, fault::reason};
use rfe_proto::ingest::{Event, EventResult, ingest_service_client::IngestServiceClient};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

use crate::{
    Config,
    lane::{Lane, Limits, Pending},
};

/// The lanes.
#[derive(Debug)]
pub(crate) struct Groups {
    client: IngestServiceClient<MeshChannel>,
    limits: Limits,
    shutdown: Shutdown,
    lanes: Mutex<HashMap<String, mpsc::UnboundedSender<Pending>>>,
}

// === impl Groups ===

impl Groups {
    pub(crate) fn new(config: &Config, ingest: MeshChannel, shutdown: Shutdown) -> Self {
        let client = IngestServiceClient::new(ingest)
            .max_decoding_message_size(MAX_MESSAGE_BYTES)
            .max_encoding_message_size(MAX_MESSAGE_BYTES);
        let limits = Limits {
            age: config.group_max_age,
            events: config.group_max_events,
            bytes: config.group_max_bytes,
            calls: config.calls_per_source.max(1),
            call_timeout: config.deadline,
        };
        Self { client, limits, shutdown, lanes: Mutex::default() }
    }

    /// Sends an event with others of its source; returns once ingest has answered for it. What waits is bounded by the budget
    /// that `share` is part of.
    pub(crate) async fn submit(
        &self,
        source: &str,
        event: Event,
        share: OwnedSemaphorePermit,
    ) -> Result<EventResult, Fault> {
        let (reply, answer) = oneshot::channel();
        self.push(source, Pending { event, trace: trace::current_traceparent(), reply, share });
        answer.await.unwrap_or_else(|_| {
            Err(Fault::new(
                ErrorCode::Unavailable,
                reason::SHUTTING_DOWN,
                "the process ends; send the webhook again",
            ))
        })
    }

    fn push(&self, source: &str, pending: Pending) {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        let pending = match lanes.get(source) {
            None => pending,
            Some(lane) => match lane.send(pending) {
                Ok(()) => return,
                Err(mpsc::error::SendError(back)) => back,
            },
        };
        // No lane, or one that went idle. Those of other sources that went idle are cleared on the way.
        lanes.retain(|_, lane| !lane.is_closed());
        let (sender, inbox) = mpsc::unbounded_channel();
        sender.send(pending).expect("the inbox is held here");
        let lane =
            Lane::new(source.to_owned(), self.client.clone(), self.limits, inbox, self.shutdown.clone());
        self.shutdown.spawn(lane.run());
        lanes.insert(source.to_owned(), sender);
    }
}
