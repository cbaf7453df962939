//! The roles of the mesh, and where each of a platform's answers.

use rfe_client::Endpoints;

use crate::Platform;

/// A role, as one service of the mesh plays it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Webhooks, over HTTP.
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

// === impl Role ===

impl Role {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Edge, Self::Ingest, Self::Worker, Self::Scheduler, Self::Metadata, Self::Dlq, Self::Query];

    /// As `--roles` has it, and as its service is called.
    pub fn name(self) -> &'static str {
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
}

impl Platform {
    /// The address of a role as a URL.
    pub fn url(&self, role: Role) -> String {
        format!("http://{}", self.address(role))
    }

    /// The edge's address as a URL.
    pub fn http_url(&self) -> String {
        self.url(Role::Edge)
    }

    /// The address of jobs and events as a URL; in one process it is that of all gRPC services.
    pub fn grpc_url(&self) -> String {
        self.url(Role::Ingest)
    }

    /// Where a client finds each service.
    pub fn endpoints(&self) -> Endpoints {
        Endpoints {
            ingest: self.url(Role::Ingest),
            metadata: self.url(Role::Metadata),
            scheduler: self.url(Role::Scheduler),
            dlq: self.url(Role::Dlq),
            query: self.url(Role::Query),
            token: None,
            tls: Default::default(),
        }
    }
}
