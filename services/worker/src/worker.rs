//! What all runs of one worker share.

use std::sync::Arc;

use rfe_lake::Lake;
use rfe_mesh::{MAX_MESSAGE_BYTES, MeshChannel};
use rfe_model::secret::SecretStore;
use rfe_proto::metadata::{
    metadata_service_client::MetadataServiceClient, run_service_client::RunServiceClient,
};
use rfe_queue::Queue;
use rfe_sources::SourceKinds;

use crate::{config::Config, crash::CrashPoint, freeze::FreezePoint, metrics::WorkerMetrics};

/// What all runs of one worker share.
#[derive(Debug)]
pub(crate) struct Worker {
    /// Unique per process start.
    pub id: String,
    pub config: Config,
    pub queue: Arc<dyn Queue>,
    pub lake: Arc<dyn Lake>,
    pub kinds: SourceKinds,
    pub metadata: MeshChannel,
    pub secrets: Arc<dyn SecretStore>,
    pub metrics: WorkerMetrics,
    pub crash: CrashPoint,
    pub freeze: FreezePoint,
}

impl Worker {
    /// The registry's half for workers.
    pub fn runs(&self) -> RunServiceClient<MeshChannel> {
        RunServiceClient::new(self.metadata.clone())
            .max_decoding_message_size(MAX_MESSAGE_BYTES)
            .max_encoding_message_size(MAX_MESSAGE_BYTES)
    }

    /// The registry's half for everybody.
    pub fn registry(&self) -> MetadataServiceClient<MeshChannel> {
        MetadataServiceClient::new(self.metadata.clone()).max_decoding_message_size(MAX_MESSAGE_BYTES)
    }
}
