//! What the role needs and what it hands to the node.

use std::sync::Arc;

use rfe_mesh::{MAX_MESSAGE_BYTES, MeshChannel, Metrics, Role, Shutdown};
use rfe_proto::ingest::ingest_service_server::IngestServiceServer;
use rfe_queue::{Queue, QueueControl};

use crate::{
    Config, SpoolError,
    control::Control,
    grpc::Ingest,
    jobs::Jobs,
    loss::Loss,
    preview::Previews,
    reconcile::Reconciler,
    registry::Registry,
    sources::Sources,
    spool::{Acceptance, Drain, Spool, Watch},
    submit_events::EventDoor,
    submit_job::JobDoor,
    watch_job::Watches,
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

/// Builds the role. Looks through the spool, if there is one; that blocks for as long as reading it takes.
///
/// # Errors
/// If the spool can't be opened.
pub fn build(config: Config, deps: Deps) -> Result<Role, SpoolError> {
    let spool = config.spool.clone().map(|spool| Spool::open(spool, &deps.metrics)).transpose()?;
    let loss = Loss::default();
    let registry = Registry::new(deps.metadata);
    let sources = Arc::new(Sources::new(registry.clone(), &config));
    let reconciler =
        Reconciler::new(deps.queue.clone(), deps.control.clone(), registry.clone(), &deps.metrics, &config);
    let jobs = Jobs::new(deps.control.clone(), registry.clone(), spool.clone());
    let acceptance = Acceptance::new(deps.queue.clone(), spool.clone());
    let service = Ingest {
        events: EventDoor::new(acceptance, sources.clone(), &deps.metrics),
        jobs_in: JobDoor::new(deps.queue.clone(), sources.clone(), registry),
        watches: Watches::new(jobs.clone(), deps.shutdown.clone()),
        jobs,
        control: Control::new(deps.control.clone(), sources, spool.clone()),
        previews: Previews::new(deps.worker),
        shutdown: deps.shutdown.clone(),
    };
    let server = IngestServiceServer::new(service)
        .max_decoding_message_size(MAX_MESSAGE_BYTES)
        .max_encoding_message_size(MAX_MESSAGE_BYTES);
    let mut role = Role::new("ingest").service(server);
    role = role.task("reconciler", reconciler.run(loss.clone(), deps.shutdown.clone()));
    if let Some(spool) = spool {
        let watch = Watch::new(spool.clone(), deps.control, loss);
        let drain = Drain::new(spool, deps.queue);
        role = role
            .task("incarnation", watch.run(deps.shutdown.clone()))
            .task("spool", drain.run(deps.shutdown));
    }
    Ok(role)
}
