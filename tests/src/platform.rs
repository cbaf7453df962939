//! The real binary as one process or as a mesh, on a folder of its own and addresses of its own.

use std::{
    fs::{self, File, OpenOptions},
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
};

use tempfile::TempDir;

use crate::{
    Ground, Settings,
    fixture::files_below,
    one_process::{OneProcess, Ready, ended},
    processes::send_signal,
    services::{Plan, Services},
    tool, wait,
};

const LOG_TAIL_BYTES: usize = 12_000;

/// A platform under test. Its folder and its ground outlive its processes; dropping it ends all.
#[derive(Debug)]
pub struct Platform {
    home: TempDir,
    ground: Ground,
    /// How the next process is started.
    pub settings: Settings,
    running: Option<Running>,
}

/// The processes of a platform that runs.
#[derive(Debug)]
pub(crate) enum Running {
    /// All roles in one.
    One(OneProcess),
    /// A process for each role.
    Mesh(Box<Services>),
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

    /// Where local files may be read; the one process runs in it.
    pub fn work(&self) -> PathBuf {
        self.home.path().join("work")
    }

    /// The data folder of the one process. In the mesh it stays empty: each process has its own elsewhere.
    pub fn data(&self) -> PathBuf {
        self.home.path().join("data")
    }

    /// Writes a file into the working folder.
    ///
    /// # Panics
    /// If it can't be written.
    pub fn write(&self, path: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.work().join(path);
        fs::create_dir_all(path.parent().expect("the path has a folder")).expect("a folder can be made");
        fs::write(&path, bytes).expect("a file can be written");
        path
    }

    /// What the one process said when it was ready.
    ///
    /// # Panics
    /// If none runs, or the platform is a mesh.
    pub fn ready(&self) -> &Ready {
        match self.running() {
            Running::One(process) => &process.ready,
            Running::Mesh(_) => panic!("a mesh has no ready.json"),
        }
    }

    /// What all processes on this folder have written so far.
    pub fn log(&self) -> String {
        if let Some(Running::Mesh(services)) = &self.running {
            return services.log();
        }
        let of_services = files_below(&self.services_folder(), ".log");
        let logs = of_services.into_iter().chain([self.log_path()]);
        logs.filter_map(|path| fs::read(path).ok())
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .collect()
    }

    /// Starts it on its folder and waits until it is ready.
    ///
    /// # Panics
    /// If a process ends, or does not get ready in time.
    pub async fn restart(&mut self) {
        assert!(self.running.is_none(), "the platform runs already");
        self.running = Some(match &self.ground {
            Ground::Embedded | Ground::Real(_) => {
                Running::One(OneProcess::start(self.up(), &self.data(), || self.log()).await)
            }
            Ground::Mesh(_) => {
                fs::create_dir_all(self.data()).expect("a folder can be made");
                Running::Mesh(Box::new(
                    Services::start(self.plan(&self.work(), &self.services_folder())).await,
                ))
            }
        });
    }

    /// Starts a process that is expected to end by itself, and waits for that.
    ///
    /// # Panics
    /// If it does not end in time.
    pub async fn run_to_its_end(&self) -> ExitStatus {
        ended(self.up().spawn().expect("rfe can be started")).await
    }

    /// Waits for all processes to end by themselves; the answer is how one did that failed, if any has.
    ///
    /// # Panics
    /// If none runs, or they do not end in time.
    pub async fn await_end(&mut self) -> ExitStatus {
        match self.running.take().expect("the platform runs") {
            Running::One(mut process) => {
                wait::until("rfe ends", || {
                    let ended = process.ended();
                    async move { ended }
                })
                .await
            }
            Running::Mesh(mut services) => services.await_end().await,
        }
    }

    /// Sends a signal to all processes, such as `TERM`.
    ///
    /// # Panics
    /// If none runs.
    pub fn signal(&self, name: &str) {
        match self.running() {
            Running::One(process) => send_signal(process.ready.pid, name),
            Running::Mesh(services) => services.signal(name),
        }
    }

    /// Ends it as an operator does, and asserts that it drains.
    ///
    /// # Panics
    /// If an exit code is not 0, or the one process leaves `ready.json` behind.
    pub async fn stop(&mut self) {
        let status = match self.running.take().expect("the platform runs") {
            Running::Mesh(mut services) => services.stop().await,
            one => {
                self.running = Some(one);
                self.signal("TERM");
                self.await_end().await
            }
        };
        assert_eq!(status.code(), Some(0), "after SIGTERM:\n{}", self.log());
        assert!(!self.data().join("ready.json").exists(), "ready.json is removed on exit");
    }

    /// Kills all processes without a word.
    ///
    /// # Panics
    /// If none runs.
    pub fn kill_nine(&mut self) {
        drop(self.running.take().expect("the platform runs"));
    }

    /// True while no process has ended by itself.
    pub fn is_alive(&mut self) -> bool {
        match &mut self.running {
            None => false,
            Some(Running::One(process)) => process.ended().is_none(),
            Some(Running::Mesh(services)) => services.is_alive(),
        }
    }

    /// A `rfe` command in the working folder, with the client's environment set to this platform.
    pub fn command(&self) -> std::process::Command {
        let mut command = tool::command(&tool::rfe());
        command.current_dir(self.work());
        if self.running.is_some() {
            let endpoints = self.endpoints();
            command.envs([
                ("RFE_URL", endpoints.ingest),
                ("RFE_METADATA_URL", endpoints.metadata),
                ("RFE_SCHEDULER_URL", endpoints.scheduler),
                ("RFE_DLQ_URL", endpoints.dlq),
                ("RFE_QUERY_URL", endpoints.query),
            ]);
        }
        command
    }

    /// A `rfe` command as an operator gives it: with the environment and the folder of this platform's processes.
    pub fn operator(&self, arguments: &[&str]) -> std::process::Command {
        let mut command = tool::command(&tool::rfe());
        command.current_dir(self.work()).args(arguments).arg("--data").arg(self.data());
        command.envs(self.ground.environment()).envs(self.settings.environment.iter().cloned());
        command
    }

    /// What a mesh of this platform is made of.
    pub(crate) fn plan<'a>(&'a self, work: &'a Path, folder: &'a Path) -> Plan<'a> {
        Plan { ground: &self.ground, settings: &self.settings, work, folder }
    }

    fn up(&self) -> std::process::Command {
        let log = self.open_log();
        let mut command = self.operator(&["up"]);
        command.args(&self.settings.flags);
        command.stdin(Stdio::null()).stdout(log.try_clone().expect("a file can be shared")).stderr(log);
        command
    }

    pub(crate) fn running(&self) -> &Running {
        self.running.as_ref().expect("the platform runs")
    }

    pub(crate) fn running_mut(&mut self) -> &mut Running {
        self.running.as_mut().expect("the platform runs")
    }

    /// True if each role has processes of its own.
    pub fn is_mesh(&self) -> bool {
        matches!(self.ground, Ground::Mesh(_))
    }

    /// The processes, while they are worked on.
    pub(crate) fn take_running(&mut self) -> Running {
        self.running.take().expect("the platform runs")
    }

    pub(crate) fn put_running(&mut self, running: Running) {
        self.running = Some(running);
    }

    fn open_log(&self) -> File {
        OpenOptions::new().create(true).append(true).open(self.log_path()).expect("the log can be opened")
    }

    pub(crate) fn services_folder(&self) -> PathBuf {
        self.home.path().join("services")
    }

    fn log_path(&self) -> PathBuf {
        self.home.path().join("rfe.log")
    }
}

impl Drop for Platform {
    fn drop(&mut self) {
        drop(self.running.take());
        if std::thread::panicking() {
            let log = self.log();
            let from = log.char_indices().rev().nth(LOG_TAIL_BYTES).map_or(0, |(at, _)| at);
            eprintln!("--- the end of what rfe wrote ---\n{}\n---", &log[from..]);
        }
    }
}
