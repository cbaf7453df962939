//! What the role does by itself to keep datasets and lake tidy.

mod collector;
mod planner;
mod retention;
mod turn;

use std::{sync::Arc, time::Duration};

use rfe_lake::Lake;
use rfe_mesh::{Metrics, Shutdown};
use rfe_registry::{CompactionLimits, UpkeepStore};

use crate::Config;
use collector::Collector;
use planner::Planner;
use retention::Retention;
use turn::Turn;

/// One compaction reads at most so many files: they travel in one message.
const INPUTS: u32 = 2_000;
/// A run that is silent for less than this is alive, however short the grace is: it reports about once a second, but not while a
/// backend is down.
const SILENCE: Duration = Duration::from_secs(600);

/// What the tasks stand on.
#[derive(Debug, Clone)]
pub(crate) struct Upkeep {
    pub(crate) store: Arc<dyn UpkeepStore>,
    pub(crate) lake: Arc<dyn Lake>,
    pub(crate) metrics: Metrics,
    pub(crate) shutdown: Shutdown,
}

impl Upkeep {
    /// Plans compactions, until shutdown.
    pub(crate) async fn compact(self, config: Config) {
        if config.compact_files == 0 {
            return self.shutdown.begun().await;
        }
        let planner = Planner {
            store: self.store.clone(),
            limits: CompactionLimits {
                files: config.compact_files,
                small_bytes: config.compact_small_bytes,
                target_bytes: config.compact_target_bytes,
                inputs: INPUTS,
            },
            planned: self.metrics.counter("rfe_compactions_planned", "Compactions planned"),
            inputs: self.metrics.counter("rfe_compaction_inputs", "Files that planned compactions read"),
        };
        self.turn("compact", config.compact_every).run(planner).await;
    }

    /// Ends and deletes what has had its time, until shutdown.
    pub(crate) async fn retain(self, config: Config) {
        let retention = Retention {
            store: self.store.clone(),
            lake: self.lake.clone(),
            keep: config.snapshot_grace,
            ended: self.metrics.counter("rfe_raw_files_expired", "Files of raw ended by retention"),
            retired: self.metrics.counter("rfe_files_retired", "Files that no snapshot shows any more"),
            deleted: self.metrics.counter("rfe_objects_deleted", "Objects deleted from the lake"),
            shutdown: self.shutdown.clone(),
        };
        self.turn("retain", config.collect_every).run(retention).await;
    }

    /// Finds objects that nothing names, until shutdown.
    pub(crate) async fn collect(self, config: Config) {
        let collector = Collector {
            store: self.store.clone(),
            lake: self.lake.clone(),
            grace: config.orphan_grace,
            silence: config.orphan_grace.max(SILENCE),
            found: self.metrics.counter("rfe_orphans_found", "Objects found that nothing names"),
            doomed: self
                .metrics
                .counter("rfe_orphans_doomed", "Objects that nothing named for the whole grace"),
            swept: self.metrics.counter("rfe_lake_swept", "Unfinished uploads and temporary files removed"),
            shutdown: self.shutdown.clone(),
        };
        // The whole lake is listed, which need not happen more often than there can be something to delete.
        let every = config.collect_every.max(config.orphan_grace / 4);
        self.turn("collect", every).run(collector).await;
    }

    fn turn(&self, task: &'static str, every: Duration) -> Turn {
        Turn::new(task, self.store.clone(), every, self.shutdown.clone())
    }
}
