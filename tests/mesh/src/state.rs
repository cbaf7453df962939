//! What a mesh tells others of itself, in a file.

use std::{
    collections::BTreeMap,
    fs,
    net::Ipv4Addr,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::MeshError;

const FILE: &str = "state.json";

/// A mesh that runs.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct State {
    /// The process that runs it.
    pub pid: u32,
    /// Its replicas.
    pub replicas: Vec<ReplicaState>,
}

/// A replica of a service.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ReplicaState {
    /// `<service>-<number>`.
    pub name: String,
    /// The service.
    pub service: String,
    /// From 0 on.
    pub number: usize,
    /// Its loopback address.
    pub address: Ipv4Addr,
    /// Where it listens, if it does.
    pub port: Option<u16>,
    /// Its process; none if it has ended.
    pub pid: Option<u32>,
    /// What it has written.
    pub log: PathBuf,
    /// Its variables.
    pub environment: BTreeMap<String, String>,
    /// Paths that it would see in its container, and what they are here.
    pub folders: Vec<(String, PathBuf)>,
}

// === impl State ===

impl State {
    /// Writes it into a mesh's folder.
    ///
    /// # Errors
    /// If it can't be written.
    pub fn save(&self, folder: &Path) -> Result<(), MeshError> {
        let path = folder.join(FILE);
        let failed = |source| MeshError::Folder { path: path.clone(), source };
        // Whole or not at all: others read it.
        let new = path.with_extension("new");
        fs::write(&new, serde_json::to_vec_pretty(self)?).map_err(failed)?;
        fs::rename(&new, &path).map_err(failed)
    }

    /// Reads it; none if no mesh runs on the folder.
    pub fn load(folder: &Path) -> Option<Self> {
        let state: Self = serde_json::from_slice(&fs::read(folder.join(FILE)).ok()?).ok()?;
        is_alive(state.pid).then_some(state)
    }

    /// The replica of a service with this number.
    pub fn of(&self, service: &str, number: usize) -> Option<&ReplicaState> {
        self.replicas.iter().find(|replica| replica.service == service && replica.number == number)
    }
}

// === impl ReplicaState ===

impl ReplicaState {
    /// True while its process lives.
    pub fn is_alive(&self) -> bool {
        self.pid.is_some_and(is_alive)
    }
}

fn is_alive(pid: u32) -> bool {
    let sent = std::process::Command::new("kill").args(["-s", "0", &pid.to_string()]).output();
    sent.is_ok_and(|output| output.status.success())
}
