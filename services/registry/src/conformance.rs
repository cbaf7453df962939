//! The suite that every registry passes.

mod catalog;
mod claim;
mod commit;
mod declare;
mod fixture;
mod letter;
mod meta;
mod replace;
mod schedule;
mod schema;

use crate::{CatalogStore, LetterStore, RunStore, ScheduleStore, SourceStore};

/// The stores of one empty registry.
#[derive(Debug, Clone, Copy)]
pub struct Stores<'a> {
    /// Sources.
    pub sources: &'a dyn SourceStore,
    /// Runs.
    pub runs: &'a dyn RunStore,
    /// The catalog.
    pub catalog: &'a dyn CatalogStore,
    /// Letters.
    pub letters: &'a dyn LetterStore,
    /// Schedules.
    pub schedules: &'a dyn ScheduleStore,
}

impl<'a> Stores<'a> {
    /// All stores of one registry.
    pub fn of<R>(registry: &'a R) -> Self
    where
        R: SourceStore + RunStore + CatalogStore + LetterStore + ScheduleStore,
    {
        Self { sources: registry, runs: registry, catalog: registry, letters: registry, schedules: registry }
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
    letter::suite(stores).await;
    catalog::suite(stores).await;
    schedule::suite(stores).await;
    meta::suite(stores).await;
}
