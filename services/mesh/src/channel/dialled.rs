//! What is counted of calls to other processes.

use prometheus_client::metrics::counter::Counter;

use crate::Metrics;

/// Counters of the channels of one process. Clones are the same counters.
#[derive(Debug, Clone, Default)]
pub struct Dialled {
    pub(super) repeated: Counter,
    pub(super) connected: Counter,
    pub(super) disconnected: Counter,
}

impl Dialled {
    /// Counts these from now on.
    pub(crate) fn register(&self, metrics: &Metrics) {
        let counters = [
            ("rfe_rpc_client_retries", "Calls to other processes that were made again", &self.repeated),
            ("rfe_rpc_client_connections", "Connections made to other processes", &self.connected),
            (
                "rfe_rpc_client_disconnections",
                "Connections to other processes that ended",
                &self.disconnected,
            ),
        ];
        for (name, help, counter) in counters {
            metrics.add(name, help, counter.clone());
        }
    }
}
