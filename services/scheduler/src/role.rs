//! What the role needs and what it hands to the node.

use std::sync::Arc;

use rfe_mesh::{MAX_MESSAGE_BYTES, MeshChannel, Metrics, Role, Shutdown};
use rfe_proto::scheduler::scheduler_service_server::SchedulerServiceServer;
use rfe_registry::ScheduleStore;

use crate::{
    Config, book::Book, clock::Clock, declared::Declared, firing::Firer, grpc::Scheduler, misfire::Watch,
    schedules::Schedules, sources::Sources,
};

/// What the role needs.
#[derive(Debug, Clone)]
pub struct Deps {
    /// Where schedules and firings are kept.
    pub store: Arc<dyn ScheduleStore>,
    /// The way to the metadata role.
    pub metadata: MeshChannel,
    /// The way to ingest.
    pub ingest: MeshChannel,
    /// The process's shutdown.
    pub shutdown: Shutdown,
    /// The process's metrics.
    pub metrics: Metrics,
}

/// Builds the role: its service, and the clock.
pub fn build(config: Config, deps: Deps) -> Role {
    let sources = Sources::new(deps.metadata, deps.ingest, config.call_timeout);
    let book = Book::new(deps.store);
    let clock = Clock {
        firer: Firer::new(sources.clone(), &deps.metrics),
        declared: Declared::new(sources.clone(), book.clone()),
        book: book.clone(),
        config,
        watch: Watch::new(jiff::Timestamp::now()),
    };
    let service = SchedulerServiceServer::new(Scheduler(Schedules::new(book, sources)))
        .max_decoding_message_size(MAX_MESSAGE_BYTES)
        .max_encoding_message_size(MAX_MESSAGE_BYTES);
    Role::new("scheduler").service(service).task("clock", clock.run(deps.shutdown))
}
