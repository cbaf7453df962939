//! What can go wrong in the queue.

use std::time::Duration;

use rfe_model::{ErrorCode, Fault, fault::reason};

/// Why a transition did not happen.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// The lease passed to somebody else, or its work is gone.
    #[error("the lease of `{0}` has passed on")]
    Stale(String),
    /// A bound is reached.
    #[error("the queue is full{}: {what} of {limit} reached", of(.source_name))]
    Full {
        /// `jobs` or `bytes`.
        what: &'static str,
        /// The bound.
        limit: u64,
        /// The source whose bound it is; `None`: that of the whole queue.
        source_name: Option<String>,
    },
    /// The store has no memory left.
    #[error("the queue is full: its Redis has reached its maxmemory")]
    OutOfMemory,
    /// The store can't be reached or refuses; the same call may succeed later.
    #[error("the queue's store could not be used")]
    Store(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Jobs of events can't be cancelled.
    #[error("job `{0}` carries events; those can't be cancelled")]
    NotCancellable(String),
    /// There is nothing to split.
    #[error("`{0}` is no batch of two events or more; it can't be split")]
    Indivisible(String),
    /// What the store holds can't be read.
    #[error("the queue holds something unreadable: {0}")]
    Corrupt(String),
}

fn of(source: &Option<String>) -> String {
    source.as_ref().map(|source| format!(" for source `{source}`")).unwrap_or_default()
}

impl From<QueueError> for Fault {
    fn from(error: QueueError) -> Self {
        match error {
            QueueError::Stale(_) => Self::new(ErrorCode::Aborted, reason::STALE_LEASE, error.to_string()),
            QueueError::Full { .. } | QueueError::OutOfMemory => {
                Self::new(ErrorCode::ResourceExhausted, reason::QUEUE_FULL, error.to_string())
                    .retry_after(Duration::from_secs(1))
            }
            QueueError::Store(ref source) => {
                tracing::warn!(error = %source, "the queue's store could not be used");
                Self::new(ErrorCode::Unavailable, reason::BACKEND_UNAVAILABLE, error.to_string())
                    .retry_after(Duration::from_secs(1))
            }
            QueueError::NotCancellable(_) => {
                Self::new(ErrorCode::FailedPrecondition, reason::JOB_NOT_CANCELLABLE, error.to_string())
            }
            QueueError::Indivisible(_) | QueueError::Corrupt(_) => Self::internal(error.to_string()),
        }
    }
}
