//! A replica of a service: its process, which may die and be started again, and its log over all its lives.

use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    net::Ipv4Addr,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use crate::{MeshError, launch::Launch, places::Folders, ready::Ready};

const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(15);
const LOG_TAIL_BYTES: usize = 6_000;
/// The only variables that a process has from ours.
const INHERITED: [&str; 3] = ["PATH", "HOME", "TMPDIR"];

/// A replica.
#[derive(Debug)]
pub(crate) struct Replica {
    /// `<service>-<number>`.
    pub(crate) name: String,
    pub(crate) own: Ipv4Addr,
    pub(crate) launch: Launch,
    pub(crate) folders: Folders,
    pub(crate) log: PathBuf,
    child: Option<Child>,
}

// === impl Replica ===

impl Replica {
    pub(crate) fn new(name: String, own: Ipv4Addr, launch: Launch, folders: Folders, below: &Path) -> Self {
        let log = below.join(format!("{name}.log"));
        Self { name, own, launch, folders, log, child: None }
    }

    /// The number of its process, if it runs.
    pub(crate) fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Starts its process; the answer is its number.
    pub(crate) fn spawn(&mut self, environment: &BTreeMap<String, String>) -> Result<u32, MeshError> {
        if self.child.is_some() {
            return Err(self.state("runs already"));
        }
        for path in self.folders.paths() {
            made(path)?;
        }
        if let Some(cluster) = &self.launch.cluster {
            cluster.make()?;
        }
        let log = self.open_log()?;
        let other = log.try_clone().map_err(|source| MeshError::Folder { path: self.log.clone(), source })?;
        let mut command = Command::new(&self.launch.program);
        command.args(&self.launch.arguments).env_clear();
        // Not of our group: a Ctrl-C is ours to pass on, in order.
        command.process_group(0);
        command.envs(INHERITED.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
        command.envs(environment).stdin(Stdio::null()).stdout(log).stderr(other);
        let failed = |source| MeshError::Program { program: self.launch.program.clone(), source };
        let child = command.spawn().map_err(failed)?;
        let pid = child.id();
        self.child = Some(child);
        Ok(pid)
    }

    /// Waits until it says that it is ready.
    pub(crate) async fn ready(&mut self) -> Result<(), MeshError> {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.ended() {
                if status.success() && matches!(self.launch.ready, Ready::Done) {
                    self.child = None;
                    return Ok(());
                }
                return Err(MeshError::Ended { name: self.name.clone(), status, log: self.log_tail() });
            }
            match self.launch.ready.ask(self.own).await {
                Ok(()) => return Ok(()),
                Err(answer) if begun.elapsed() > PATIENCE => {
                    let (name, log) = (self.name.clone(), self.log_tail());
                    return Err(MeshError::NotReady { name, patience: PATIENCE, answer, log });
                }
                Err(_) => tokio::time::sleep(PAUSE).await,
            }
        }
    }

    /// How its process ended, if it has.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        // A child that can't be asked is none of ours any more.
        self.child.as_mut()?.try_wait().ok().flatten()
    }

    /// Waits for the end of its process; afterwards it can be started again.
    pub(crate) async fn end(&mut self) -> Result<ExitStatus, MeshError> {
        if self.child.is_none() {
            return Err(self.state("does not run"));
        }
        let begun = Instant::now();
        loop {
            if let Some(status) = self.ended() {
                self.child = None;
                return Ok(status);
            }
            if begun.elapsed() > PATIENCE {
                let (name, log) = (self.name.clone(), self.log_tail());
                return Err(MeshError::DoesNotEnd { name, patience: PATIENCE, log });
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Kills its process, if it runs.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _already_gone = child.kill();
            let _reaped = child.wait();
        }
    }

    /// Asks its process to end.
    pub(crate) fn terminate(&self) -> Result<(), MeshError> {
        self.signal(self.launch.stop_signal)
    }

    /// Sends a signal to its process, such as `TERM`.
    pub(crate) fn signal(&self, name: &str) -> Result<(), MeshError> {
        let pid = self.pid().ok_or_else(|| self.state("does not run"))?.to_string();
        let sent = Command::new("kill").args(["-s", name, &pid]).stderr(Stdio::null()).status();
        // One that has just ended by itself needs none.
        sent.map(drop).map_err(|source| MeshError::Program { program: "kill".into(), source })
    }

    /// All that it has written.
    pub(crate) fn log(&self) -> String {
        fs::read(&self.log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    fn log_tail(&self) -> String {
        let log = self.log();
        let from = log.char_indices().rev().nth(LOG_TAIL_BYTES).map_or(0, |(at, _)| at);
        log[from..].to_owned()
    }

    fn open_log(&self) -> Result<File, MeshError> {
        let opened = OpenOptions::new().create(true).append(true).open(&self.log);
        opened.map_err(|source| MeshError::Folder { path: self.log.clone(), source })
    }

    fn state(&self, state: &'static str) -> MeshError {
        MeshError::State { name: self.name.clone(), state }
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Makes a folder, unless it is there.
pub(crate) fn made(path: &Path) -> Result<(), MeshError> {
    fs::create_dir_all(path).map_err(|source| MeshError::Folder { path: path.to_owned(), source })
}
