//! That the queue may have lost what it had: noticed by whoever watches it, acted upon by the reconciler.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use rfe_model::time::now_micros;
use tokio::sync::Notify;

/// The latest loss. Clones are the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Loss(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    // In µs since the Unix epoch; 0: none.
    at: AtomicI64,
    noticed: Notify,
}

// === impl Loss ===

impl Loss {
    /// Another incarnation of the queue was met.
    pub(crate) fn happened(&self) {
        self.0.at.store(now_micros(), Ordering::Relaxed);
        self.0.noticed.notify_one();
    }

    /// Resolves when one happens.
    pub(crate) async fn noticed(&self) {
        self.0.noticed.notified().await;
    }

    /// When the latest one was noticed, in µs since the Unix epoch.
    pub(crate) fn latest(&self) -> Option<i64> {
        Some(self.0.at.load(Ordering::Relaxed)).filter(|at| *at > 0)
    }
}
