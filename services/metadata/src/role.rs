//! The role, built.

use std::sync::Arc;

use rfe_lake::Lake;
use rfe_mesh::{MAX_MESSAGE_BYTES, Metrics, Role, Shutdown};
use rfe_model::kind::Kinds;
use rfe_proto::metadata::{
    catalog_service_server::CatalogServiceServer, letter_service_server::LetterServiceServer,
    metadata_service_server::MetadataServiceServer, run_service_server::RunServiceServer,
};
use rfe_registry::{CatalogStore, LetterStore, MemoryStore, RunStore, SourceStore, UpkeepStore};

use crate::{
    Config,
    grpc::{Catalog, Letters, Metadata, Runs},
    ledger::Purge,
    raw::RawBytes,
    upkeep::Upkeep,
};

/// What the role stands on.
#[derive(Debug, Clone)]
pub struct Deps {
    /// Sources.
    pub sources: Arc<dyn SourceStore>,
    /// Runs.
    pub runs: Arc<dyn RunStore>,
    /// What runs and sources remember.
    pub memory: Arc<dyn MemoryStore>,
    /// Datasets, files and schema versions.
    pub catalog: Arc<dyn CatalogStore>,
    /// Letters.
    pub letters: Arc<dyn LetterStore>,
    /// Compaction, retention, orphans and tasks.
    pub upkeep: Arc<dyn UpkeepStore>,
    /// The kinds of source that this build can read.
    pub kinds: Arc<dyn Kinds>,
    /// For bytes of letters that are too large for the registry, and to delete what nothing names any more.
    pub lake: Arc<dyn Lake>,
    /// Ends the role's tasks.
    pub shutdown: Shutdown,
    /// The process's metrics.
    pub metrics: Metrics,
}

/// Builds the role: four services, and the tasks that forget, compact and delete.
pub fn build(config: Config, deps: Deps) -> Role {
    let raw = RawBytes::new(deps.lake.clone());
    let purge = Purge {
        runs: deps.runs.clone(),
        keep: config.keep_ledger,
        every: config.purge_every,
        forgotten: deps.metrics.counter("rfe_ledger_forgotten", "Ids of events forgotten by the ledger"),
        shutdown: deps.shutdown.clone(),
    };
    let upkeep = Upkeep {
        store: deps.upkeep.clone(),
        lake: deps.lake,
        metrics: deps.metrics.clone(),
        shutdown: deps.shutdown,
    };
    let runs = Runs {
        runs: deps.runs.clone(),
        memory: deps.memory,
        raw: raw.clone(),
        committed: deps.metrics.counter("rfe_runs_committed", "Commits answered with a run"),
        commit_seconds: deps
            .metrics
            .seconds("rfe_commit_seconds", "Time that the registry takes for a commit, also a refused one"),
        duplicates: deps
            .metrics
            .counter("rfe_duplicate_events", "Events of refused commits that landed before"),
        stale: deps
            .metrics
            .counter("rfe_stale_commits_refused", "Commits refused because their run had passed on"),
    };
    let metadata = Metadata {
        sources: deps.sources,
        runs: deps.runs,
        catalog: deps.catalog.clone(),
        upkeep: deps.upkeep.clone(),
        kinds: deps.kinds,
        max_auto_created: config.max_auto_created,
    };
    Role::new("metadata")
        .service(
            MetadataServiceServer::new(metadata)
                .max_decoding_message_size(MAX_MESSAGE_BYTES)
                .max_encoding_message_size(MAX_MESSAGE_BYTES),
        )
        .service(
            RunServiceServer::new(runs)
                .max_decoding_message_size(MAX_MESSAGE_BYTES)
                .max_encoding_message_size(MAX_MESSAGE_BYTES),
        )
        .service(
            CatalogServiceServer::new(Catalog { catalog: deps.catalog, upkeep: deps.upkeep })
                .max_decoding_message_size(MAX_MESSAGE_BYTES)
                .max_encoding_message_size(MAX_MESSAGE_BYTES),
        )
        .service(
            LetterServiceServer::new(Letters { letters: deps.letters, raw })
                .max_decoding_message_size(MAX_MESSAGE_BYTES)
                .max_encoding_message_size(MAX_MESSAGE_BYTES),
        )
        .task("ledger", purge.run())
        .task("compact", upkeep.clone().compact(config.clone()))
        .task("retain", upkeep.clone().retain(config.clone()))
        .task("collect", upkeep.collect(config))
}
