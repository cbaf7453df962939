//! Heartbeats: they end when the lease is not ours any more, or could soon not be.

use std::time::Duration;

use rfe_queue::{Lease, Queue, QueueError, Renewed};

use crate::steps::Steps;

/// Why work must stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lost {
    /// The job was cancelled.
    Cancelled,
    /// The lease passed on, or two heartbeats failed: somebody else may hold it soon.
    Lease,
}

/// Keeps a lease; returns when that fails. A heartbeat that takes half its interval has failed, so that two failed ones leave
/// a sixth of the period to stop in. Work that is frozen has none.
pub(crate) async fn keep(queue: &dyn Queue, lease: &Lease, steps: &Steps) -> Lost {
    let every = lease.period / 3;
    let mut ticks = tokio::time::interval_at(tokio::time::Instant::now() + every, every);
    let mut failed = 0;
    loop {
        ticks.tick().await;
        if steps.thawed().await {
            ticks.reset();
            continue;
        }
        match beat(queue, lease, every / 2).await {
            Ok(Renewed::Held) => failed = 0,
            Ok(Renewed::Cancelled) => return Lost::Cancelled,
            Err(Beat::Stale) => return Lost::Lease,
            Err(Beat::Failed) if failed == 1 => return Lost::Lease,
            Err(Beat::Failed) => failed += 1,
        }
    }
}

enum Beat {
    Stale,
    Failed,
}

async fn beat(queue: &dyn Queue, lease: &Lease, limit: Duration) -> Result<Renewed, Beat> {
    match tokio::time::timeout(limit, queue.heartbeat(lease)).await {
        Ok(Ok(renewed)) => Ok(renewed),
        Ok(Err(QueueError::Stale(_))) => Err(Beat::Stale),
        Ok(Err(error)) => {
            tracing::warn!(lease = lease.id, %error, "a heartbeat failed");
            Err(Beat::Failed)
        }
        Err(_) => {
            tracing::warn!(lease = lease.id, "a heartbeat was not answered in time");
            Err(Beat::Failed)
        }
    }
}
