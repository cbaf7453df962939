//! How the processes of a platform are started.

use std::collections::BTreeMap;

use crate::{Platform, Role};

/// How the processes are started. In the mesh each of them gets the same environment, but for addresses.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Environment variables on top of those that every journey has.
    pub environment: Vec<(String, String)>,
    /// Flags after `rfe up --data DIR`.
    pub flags: Vec<String>,
    /// Of which roles the mesh has another number of processes than one.
    pub scale: BTreeMap<Role, usize>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { environment: Vec::new(), flags: Vec::new(), scale: BTreeMap::new() }
            .with("RFE_HTTP_ADDR", "127.0.0.1:0")
            .with("RFE_GRPC_ADDR", "127.0.0.1:0")
            // Short, so that journeys are.
            .with("RFE_BATCH_MAX_AGE_MS", "50")
            .with("RFE_LEASE_SECONDS", "2")
            .with("BACKOFF_BASE_SECONDS", "1")
    }
}

// === impl Settings ===

impl Settings {
    /// Sets an environment variable.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.retain(|(known, _)| known != name);
        self.environment.push((name.to_owned(), value.into()));
        self
    }

    /// Removes an environment variable.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.environment.retain(|(known, _)| known != name);
        self
    }

    /// Adds a flag.
    #[must_use]
    pub fn flag(mut self, flag: &str) -> Self {
        self.flags.push(flag.to_owned());
        self
    }

    /// Plays a role by so many processes, where the platform is a mesh.
    #[must_use]
    pub fn scaled(mut self, role: Role, processes: usize) -> Self {
        self.scale.insert(role, processes);
        self
    }

    /// True if the variable is set.
    pub fn sets(&self, name: &str) -> bool {
        self.environment.iter().any(|(known, _)| known == name)
    }

    /// Starts the platform on a new folder.
    pub async fn start(self) -> Platform {
        let mut platform = Platform::prepare(self);
        platform.restart().await;
        platform
    }
}
