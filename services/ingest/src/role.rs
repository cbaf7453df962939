//! What the role needs and what it hands to the node.

use std::sync::Arc;

use rfe_mesh::{MAX_MESSAGE_BYTES, MeshChannel, Metrics, Role, Shutdown};
use rfe_proto::ingest::ingest_service_server::IngestServiceServer;
use rfe_queue::{Queue, QueueControl};

use crate::{
    Config, control::Control, grpc::Ingest, jobs::Jobs, preview::Previews, reconcile::Reconciler,
    registry::Registry, sources::Sources, submit_events::EventDoor, submit_job::JobDoor, watch_job::Watches,
};

/// What the role needs.
#[derive(Debug, Clone)]
pub struct Deps {
    /// The queue, to bring work.
    pub queue: Arc<dyn Queue>,
    /// The queue, to look after it.
    pub control: Arc<dyn QueueControl>,
    /// The way to the metadata role.
    pub metadata: MeshChannel,
    /// The way to the worker role, for previews.
    pub worker: MeshChannel,
    /// The process's shutdown.
    pub shutdown: Shutdown,
    /// The process's metrics.
    pub metrics: Metrics,
}

/// Builds the role.
pub fn build(config: Config, deps: Deps) -> Role {
    let registry = Registry::new(deps.metadata);
    let sources = Arc::new(Sources::new(registry.clone(), &config));
    let reconciler = Reconciler::new(
        deps.queue.clone(),
        deps.control.clone(),
        registry.clone(),
        &deps.metrics,
        config.reconcile_every,
    );
    let jobs = Jobs::new(deps.control.clone(), registry.clone());
    let service = Ingest {
        events: EventDoor::new(deps.queue.clone(), sources.clone(), &deps.metrics),
        jobs_in: JobDoor::new(deps.queue, sources.clone(), registry),
        watches: Watches::new(jobs.clone(), deps.shutdown.clone()),
        jobs,
        control: Control::new(deps.control, sources),
        previews: Previews::new(deps.worker),
        shutdown: deps.shutdown.clone(),
    };
    let server = IngestServiceServer::new(service)
        .max_decoding_message_size(MAX_MESSAGE_BYTES)
        .max_encoding_message_size(MAX_MESSAGE_BYTES);
    Role::new("ingest").service(server).task("reconciler", reconciler.run(deps.shutdown))
}
