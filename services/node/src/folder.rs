//! The data folder: its lock and `ready.json`.

use std::{
    collections::BTreeMap,
    fs::{self, File, TryLockError},
    io::{self, Read as _, Write as _},
    net::SocketAddr,
    path::{Path, PathBuf},
};

use crate::RoleName;

/// The folder can't be used.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// Another process uses it.
    #[error("{path} is in use by pid {pid}")]
    InUse {
        /// The folder as given.
        path: String,
        /// That process.
        pid: String,
    },
    /// It can't be made or written.
    #[error("the data folder {path}: {source}")]
    Io {
        /// The folder as given.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// The data folder, locked for this process until dropped.
#[derive(Debug)]
pub struct DataFolder {
    path: PathBuf,
    _lock: File,
}

impl DataFolder {
    /// Makes the folder if it is missing, and locks it. The kernel frees the lock when the process dies, however it dies.
    ///
    /// # Errors
    /// If another process holds it, or the folder can't be written.
    pub fn open(path: &Path) -> Result<Self, FolderError> {
        let shown = path.display().to_string();
        let io = |source| FolderError::Io { path: shown.clone(), source };
        fs::create_dir_all(path).map_err(io)?;
        let mut lock = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path.join("lock"))
            .map_err(io)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut pid = String::new();
                lock.read_to_string(&mut pid).map_err(io)?;
                return Err(FolderError::InUse { path: shown, pid: pid.trim().to_owned() });
            }
            Err(TryLockError::Error(source)) => return Err(io(source)),
        }
        lock.set_len(0).map_err(io)?;
        write!(lock, "{}", std::process::id()).map_err(io)?;
        let folder = Self { path: path.canonicalize().map_err(io)?, _lock: lock };
        folder.remove_ready();
        Ok(folder)
    }

    /// A path below the folder, absolute.
    pub fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Says, atomically, where the process listens: the edge, the gRPC services, and each role.
    ///
    /// # Errors
    /// If the file can't be written.
    pub fn write_ready(
        &self,
        http: Option<SocketAddr>,
        grpc: Option<SocketAddr>,
        roles: &BTreeMap<RoleName, SocketAddr>,
    ) -> io::Result<()> {
        let roles: BTreeMap<&str, String> =
            roles.iter().map(|(role, address)| (role.as_str(), address.to_string())).collect();
        let ready = serde_json::json!({
            "http": http.map(|address| address.to_string()),
            "grpc": grpc.map(|address| address.to_string()),
            "roles": roles,
            "pid": std::process::id(),
        });
        let temporary = self.join("ready.json.part");
        fs::write(&temporary, format!("{ready}\n"))?;
        fs::rename(temporary, self.join("ready.json"))
    }

    /// Takes it back.
    pub fn remove_ready(&self) {
        match fs::remove_file(self.join("ready.json")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(%error, "could not remove ready.json");
            }
            _ => {}
        }
    }
}
