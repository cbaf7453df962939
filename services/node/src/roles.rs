//! The roles by name, and what each needs.

use std::{fmt, str::FromStr};

/// A role of the mesh.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RoleName {
    /// Webhooks over HTTP.
    Edge,
    /// Jobs and events.
    Ingest,
    /// Runs.
    Worker,
    /// Schedules.
    Scheduler,
    /// The registry.
    Metadata,
    /// Dead letters.
    Dlq,
    /// SQL.
    Query,
}

/// A word that is no role's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no role; the roles are edge, ingest, worker, scheduler, metadata, dlq, query")]
pub struct UnknownRole(String);

// === impl RoleName ===

impl RoleName {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Edge, Self::Ingest, Self::Worker, Self::Scheduler, Self::Metadata, Self::Dlq, Self::Query];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Edge => "edge",
            Self::Ingest => "ingest",
            Self::Worker => "worker",
            Self::Scheduler => "scheduler",
            Self::Metadata => "metadata",
            Self::Dlq => "dlq",
            Self::Query => "query",
        }
    }

    /// True if it opens the registry.
    pub fn needs_registry(self) -> bool {
        matches!(self, Self::Metadata | Self::Scheduler)
    }

    /// True if it opens the queue.
    pub fn needs_queue(self) -> bool {
        matches!(self, Self::Ingest | Self::Worker)
    }

    /// True if it opens the lake.
    pub fn needs_lake(self) -> bool {
        matches!(self, Self::Metadata | Self::Worker | Self::Query)
    }

    /// The roles that it calls.
    pub fn calls(self) -> &'static [Self] {
        match self {
            Self::Edge => &[Self::Metadata, Self::Ingest, Self::Dlq],
            Self::Ingest => &[Self::Metadata, Self::Worker],
            Self::Worker | Self::Query => &[Self::Metadata],
            Self::Scheduler | Self::Dlq => &[Self::Metadata, Self::Ingest],
            Self::Metadata => &[],
        }
    }
}

impl fmt::Display for RoleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for RoleName {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        let named = Self::ALL.into_iter().find(|role| role.as_str() == text.trim());
        named.ok_or_else(|| UnknownRole(text.to_owned()))
    }
}
