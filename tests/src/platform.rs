//! The real binary as a process, on a folder of its own and free ports.

use std::{
    fs::{self, File, OpenOptions},
    path::{Path, PathBuf},
    process::{Child, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use serde::Deserialize;
use tempfile::TempDir;

use crate::{Ground, tool, wait};

const LOG_TAIL_BYTES: usize = 12_000;

/// How the process is started.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Environment variables on top of those that every journey has.
    pub environment: Vec<(String, String)>,
    /// Flags after `rfe up --data DIR`.
    pub flags: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { environment: Vec::new(), flags: Vec::new() }
            .with("RFE_HTTP_ADDR", "127.0.0.1:0")
            .with("RFE_GRPC_ADDR", "127.0.0.1:0")
            // Short, so that journeys are.
            .with("RFE_BATCH_MAX_AGE_MS", "50")
            .with("RFE_LEASE_SECONDS", "2")
            .with("BACKOFF_BASE_SECONDS", "1")
    }
}

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

    /// Starts the platform on a new folder.
    pub async fn start(self) -> Platform {
        let mut platform = Platform::prepare(self);
        platform.restart().await;
        platform
    }
}

/// What `ready.json` says.
#[derive(Debug, Clone, Deserialize)]
pub struct Ready {
    /// Address of the edge.
    pub http: String,
    /// Address of the gRPC services and of Flight.
    pub grpc: String,
    /// The process.
    pub pid: u32,
}

/// A platform under test. Its folder and its ground outlive its processes; dropping it ends all.
#[derive(Debug)]
pub struct Platform {
    home: TempDir,
    ground: Ground,
    /// How the next process is started.
    pub settings: Settings,
    running: Option<(Child, Ready)>,
}

// === impl Platform ===

impl Platform {
    /// Starts one with the settings of journeys.
    pub async fn start() -> Self {
        Settings::default().start().await
    }

    /// Makes the folder and new ground, without starting anything.
    ///
    /// # Panics
    /// If the folder or the ground can't be made.
    pub fn prepare(settings: Settings) -> Self {
        Self::prepare_on(Ground::default(), settings)
    }

    /// Makes a folder over ground that may have been used before, without starting anything.
    ///
    /// # Panics
    /// If the folder can't be made.
    pub fn prepare_on(ground: Ground, settings: Settings) -> Self {
        let home = tempfile::Builder::new()
            .prefix("rfe-journey-")
            .tempdir()
            .expect("a temporary folder can be made");
        fs::create_dir(home.path().join("work")).expect("a folder can be made");
        Self { home, ground, settings, running: None }
    }

    /// What its registry and its lake are.
    pub fn ground(&self) -> &Ground {
        &self.ground
    }

    /// Where the process runs: local files may be read below it.
    pub fn work(&self) -> PathBuf {
        self.home.path().join("work")
    }

    /// The data folder.
    pub fn data(&self) -> PathBuf {
        self.home.path().join("data")
    }

    /// Writes a file below the working folder.
    ///
    /// # Panics
    /// If it can't be written.
    pub fn write(&self, path: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.work().join(path);
        fs::create_dir_all(path.parent().expect("the path has a folder")).expect("a folder can be made");
        fs::write(&path, bytes).expect("a file can be written");
        path
    }

    /// What the running process said when it was ready.
    ///
    /// # Panics
    /// If none runs.
    pub fn ready(&self) -> &Ready {
        &self.running.as_ref().expect("the platform runs").1
    }

    /// The edge's address as a URL.
    pub fn http_url(&self) -> String {
        format!("http://{}", self.ready().http)
    }

    /// The gRPC address as a URL.
    pub fn grpc_url(&self) -> String {
        format!("http://{}", self.ready().grpc)
    }

    /// What all processes on this folder have written so far.
    pub fn log(&self) -> String {
        fs::read(self.log_path())
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }

    /// Starts a process on the folder and waits until it is ready.
    ///
    /// # Panics
    /// If it ends, or does not get ready in time.
    pub async fn restart(&mut self) {
        assert!(self.running.is_none(), "the platform runs already");
        let mut child = self.spawn();
        let ready_file = self.data().join("ready.json");
        let begun = Instant::now();
        let ready = loop {
            if let Some(ready) = read_ready(&ready_file).filter(|ready| ready.pid == child.id()) {
                break ready;
            }
            if let Some(status) = child.try_wait().expect("a child can be asked for its state") {
                panic!("rfe ended before it was ready: {status}\n{}", self.log());
            }
            if begun.elapsed() > wait::PATIENCE {
                let _already_gone = child.kill();
                panic!("rfe was not ready within {:?}\n{}", wait::PATIENCE, self.log());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        };
        self.running = Some((child, ready));
    }

    /// Starts a process that is expected to end by itself, and waits for that.
    ///
    /// # Panics
    /// If it does not end in time.
    pub async fn run_to_its_end(&self) -> ExitStatus {
        let child = self.spawn();
        ended(child).await
    }

    /// Waits for the running process to end by itself.
    ///
    /// # Panics
    /// If none runs, or it does not end in time.
    pub async fn await_end(&mut self) -> ExitStatus {
        let (child, _) = self.running.take().expect("the platform runs");
        ended(child).await
    }

    /// Sends a signal to the running process, such as `TERM`.
    ///
    /// # Panics
    /// If none runs.
    pub fn signal(&self, name: &str) {
        let pid = self.running.as_ref().expect("the platform runs").0.id().to_string();
        let sent = std::process::Command::new("kill").args(["-s", name, &pid]).status().expect("kill runs");
        assert!(sent.success(), "kill -s {name} {pid}: {sent}");
    }

    /// Ends the process as an operator does, and asserts that it drains.
    ///
    /// # Panics
    /// If its exit code is not 0, or it leaves `ready.json` behind.
    pub async fn stop(&mut self) {
        self.signal("TERM");
        let status = self.await_end().await;
        assert_eq!(status.code(), Some(0), "after SIGTERM:\n{}", self.log());
        assert!(!self.data().join("ready.json").exists(), "ready.json is removed on exit");
    }

    /// Kills the process without a word.
    ///
    /// # Panics
    /// If none runs.
    pub fn kill_nine(&mut self) {
        let (mut child, _) = self.running.take().expect("the platform runs");
        child.kill().expect("a child can be killed");
        child.wait().expect("a killed child ends");
    }

    /// True while the process has not ended by itself.
    pub fn is_alive(&mut self) -> bool {
        self.running.as_mut().is_some_and(|(child, _)| matches!(child.try_wait(), Ok(None)))
    }

    /// A `rfe` command in the working folder, with the client's environment set to this platform.
    pub fn command(&self) -> std::process::Command {
        let mut command = tool::command(&tool::rfe());
        command.current_dir(self.work());
        if let Some((_, ready)) = &self.running {
            command.env("RFE_URL", format!("http://{}", ready.grpc));
        }
        command
    }

    /// A `rfe` command as an operator gives it: with the environment and the folder of this platform's processes.
    pub fn operator(&self, arguments: &[&str]) -> std::process::Command {
        let mut command = self.command();
        command.env_remove("RFE_URL").args(arguments).arg("--data").arg(self.data()).envs(self.environment());
        command
    }

    fn environment(&self) -> impl Iterator<Item = (String, String)> {
        self.ground.environment().into_iter().chain(self.settings.environment.iter().cloned())
    }

    fn spawn(&self) -> Child {
        let log = self.open_log();
        let mut command = self.operator(&["up"]);
        command.args(&self.settings.flags);
        command.stdin(Stdio::null()).stdout(log.try_clone().expect("a file can be shared")).stderr(log);
        command.spawn().expect("rfe can be started")
    }

    fn open_log(&self) -> File {
        OpenOptions::new().create(true).append(true).open(self.log_path()).expect("the log can be opened")
    }

    fn log_path(&self) -> PathBuf {
        self.home.path().join("rfe.log")
    }
}

impl Drop for Platform {
    fn drop(&mut self) {
        if let Some((mut child, _)) = self.running.take() {
            let _already_gone = child.kill();
            let _reaped = child.wait();
        }
        if std::thread::panicking() {
            let log = self.log();
            let from = log.char_indices().rev().nth(LOG_TAIL_BYTES).map_or(0, |(at, _)| at);
            eprintln!("--- the end of what rfe wrote ---\n{}\n---", &log[from..]);
        }
    }
}

async fn ended(mut child: Child) -> ExitStatus {
    wait::until("rfe ends", || {
        let status = child.try_wait().expect("a child can be asked for its state");
        async move { status }
    })
    .await
}

fn read_ready(path: &Path) -> Option<Ready> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}
