//! What does not fit.

use std::time::Duration;

use rfe_model::{ErrorCode, Fault, fault::reason};

/// Why a statement's data files find no room. Sizes are bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoRoom {
    /// They would not fit into an empty cache.
    #[error(
        "the statement reads {needed} bytes of data files, and the query node's file cache holds {capacity} bytes; \
         raise RFE_QUERY_CACHE_BYTES, or compare columns by whose bounds files can be left out"
    )]
    TooLarge {
        /// What the statement reads.
        needed: u64,
        /// What the cache may hold.
        capacity: u64,
    },
    /// They do not fit beside the files that running statements read.
    #[error(
        "the statement reads {needed} bytes of data files, and {available} bytes of the query node's file cache are not \
         in use by running statements; try again, or raise RFE_QUERY_CACHE_BYTES (now {capacity})"
    )]
    InUse {
        /// What the statement reads.
        needed: u64,
        /// What the cache may hold besides.
        available: u64,
        /// What the cache may hold.
        capacity: u64,
    },
    /// The disk is full before the cache is.
    #[error(
        "the disk of the query node's file cache is full: a data file of {needed} bytes did not fit; free space there, \
         or lower RFE_QUERY_CACHE_BYTES (now {capacity})"
    )]
    Disk {
        /// What the file needs.
        needed: u64,
        /// What the cache may hold.
        capacity: u64,
    },
}

impl NoRoom {
    /// As clients see it.
    pub fn fault(self, text: String) -> Fault {
        let exhausted = |reason| Fault::new(ErrorCode::ResourceExhausted, reason, text);
        let (fault, needed, available) = match self {
            Self::TooLarge { needed, capacity } => (exhausted(reason::QUERY_TOO_LARGE), needed, capacity),
            Self::InUse { needed, available, .. } => {
                (exhausted(reason::CACHE_FULL).retry_after(Duration::from_secs(1)), needed, available)
            }
            Self::Disk { needed, .. } => (exhausted(reason::CACHE_FULL), needed, 0),
        };
        fault.with("needed_bytes", needed.to_string()).with("available_bytes", available.to_string())
    }
}
