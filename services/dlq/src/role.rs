//! What the role needs and what it hands to the node.

use rfe_mesh::{MAX_MESSAGE_BYTES, MeshChannel, Metrics, Role, Shutdown};
use rfe_proto::dlq::dlq_service_server::DlqServiceServer;

use crate::{Config, grpc::Dlq, letters::Letters, replay::Replayer};

/// What the role needs.
#[derive(Debug, Clone)]
pub struct Deps {
    /// The way to the metadata role.
    pub metadata: MeshChannel,
    /// The way to ingest.
    pub ingest: MeshChannel,
    /// The process's shutdown.
    pub shutdown: Shutdown,
    /// The process's metrics.
    pub metrics: Metrics,
}

/// Builds the role. It has no tasks of its own.
pub fn build(config: Config, deps: Deps) -> Role {
    let letters = Letters::new(deps.metadata, config.call_timeout);
    let replays = deps.metrics.counter("rfe_letter_replays", "Replay jobs asked for");
    let replayer = Replayer::new(letters.clone(), deps.ingest, config.call_timeout, replays);
    let service = Dlq::new(letters, replayer, config.bulk_concurrency, deps.shutdown);
    Role::new("dlq").service(
        DlqServiceServer::new(service)
            .max_decoding_message_size(MAX_MESSAGE_BYTES)
            .max_encoding_message_size(MAX_MESSAGE_BYTES),
    )
}
