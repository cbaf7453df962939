//! Plans compactions. Workers do them.

use std::sync::Arc;

use async_trait::async_trait;
use prometheus_client::metrics::counter::Counter;
use rfe_model::Fault;
use rfe_registry::{CompactionLimits, UpkeepStore};

use super::turn::Round;

/// Makes runs of compactions where there are too many small files.
#[derive(Debug)]
pub(crate) struct Planner {
    pub(crate) store: Arc<dyn UpkeepStore>,
    pub(crate) limits: CompactionLimits,
    pub(crate) planned: Counter,
    pub(crate) inputs: Counter,
}

#[async_trait]
impl Round for Planner {
    async fn round(&self) -> Result<(), Fault> {
        for planned in self.store.plan_compactions(&self.limits).await? {
            self.planned.inc();
            self.inputs.inc_by(u64::from(planned.inputs));
            tracing::info!(
                dataset = planned.run.source,
                run = planned.run.run_id,
                files = planned.inputs,
                "a compaction is planned"
            );
        }
        Ok(())
    }
}
