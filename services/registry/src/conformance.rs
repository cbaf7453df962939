//! The suite that every registry passes.

mod at_once;
mod catalog;
mod changes;
mod checkpoint;
mod claim;
mod commit;
mod compaction;
mod declare;
mod drop;
mod fixture;
mod letter;
mod memory;
mod meta;
mod orphan;
mod orphan_race;
mod replace;
mod retention;
mod schedule;
mod schema;
mod task;
mod text;

use crate::{CatalogStore, LetterStore, MemoryStore, RunStore, ScheduleStore, SourceStore, UpkeepStore};

/// The stores of one empty registry.
#[derive(Debug, Clone, Copy)]
pub struct Stores<'a> {
    /// Sources.
    pub sources: &'a dyn SourceStore,
    /// Runs.
    pub runs: &'a dyn RunStore,
    /// What runs and sources remember.
    pub memory: &'a dyn MemoryStore,
    /// The catalog.
    pub catalog: &'a dyn CatalogStore,
    /// Letters.
    pub letters: &'a dyn LetterStore,
    /// Schedules.
    pub schedules: &'a dyn ScheduleStore,
    /// Compaction, retention, orphans and tasks.
    pub upkeep: &'a dyn UpkeepStore,
}

impl<'a> Stores<'a> {
    /// All stores of one registry.
    pub fn of<R>(registry: &'a R) -> Self
    where
        R: SourceStore + RunStore + MemoryStore + CatalogStore + LetterStore + ScheduleStore + UpkeepStore,
    {
        Self {
            sources: registry,
            runs: registry,
            memory: registry,
            catalog: registry,
            letters: registry,
            schedules: registry,
            upkeep: registry,
        }
    }
}

/// Runs the whole suite on an empty registry.
///
/// # Panics
/// Where the registry does not conform.
pub async fn run(stores: Stores<'_>) {
    declare::suite(stores).await;
    claim::suite(stores).await;
    schema::suite(stores).await;
    commit::suite(stores).await;
    replace::suite(stores).await;
    checkpoint::suite(stores).await;
    memory::suite(stores).await;
    letter::suite(stores).await;
    catalog::suite(stores).await;
    schedule::suite(stores).await;
    meta::suite(stores).await;
    task::suite(stores).await;
    changes::suite(stores).await;
    compaction::suite(stores).await;
    drop::suite(stores).await;
    retention::suite(stores).await;
    orphan::suite(stores).await;
    orphan_race::suite(stores).await;
    at_once::suite(stores).await;
    text::suite(stores).await;
}
