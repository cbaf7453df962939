//! What can go wrong in the spool.

use std::{io, path::PathBuf, sync::Arc, time::Duration};

use rfe_model::{ErrorCode, Fault, fault::reason};

/// Why the spool could not keep what it was given.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// Its folder or what stands in it can't be used.
    #[error("the spool `{folder}` can't be opened")]
    Open {
        /// The folder.
        folder: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// What the queue does not have yet takes all the room.
    #[error("the spool is full: {0} bytes of events wait for the queue")]
    Full(u64),
    /// A call is larger than a frame may be.
    #[error("a call of {0} bytes is too large for the spool")]
    TooLarge(u64),
    /// A frame could not be written.
    #[error("the spool could not be written")]
    Write(#[source] io::Error),
    /// What was written may not be on disk.
    #[error("the spool could not be synced to disk")]
    Sync(#[source] Arc<io::Error>),
    /// A frame could not be read.
    #[error("the spool could not be read")]
    Read(#[source] io::Error),
    /// A frame's bytes are not those that were written.
    #[error("frame {0} of the spool is damaged")]
    Damaged(u64),
    /// The thread that writes has ended.
    #[error("the spool is closed")]
    Closed,
}

impl From<SpoolError> for Fault {
    fn from(error: SpoolError) -> Self {
        let message = error.to_string();
        let (code, reason) = match error {
            SpoolError::Full(_) => (ErrorCode::ResourceExhausted, reason::QUEUE_FULL),
            SpoolError::TooLarge(_) => return Self::invalid("events", message),
            _ => {
                let source = std::error::Error::source(&error).map(ToString::to_string);
                tracing::error!(error = %message, source, "the spool failed");
                (ErrorCode::Unavailable, reason::BACKEND_UNAVAILABLE)
            }
        };
        Self::new(code, reason, message).retry_after(Duration::from_secs(1))
    }
}
