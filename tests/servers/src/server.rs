//! A server as a process that can't outlive its test.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    net::{Ipv4Addr, TcpListener},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(20);
const LOG_TAIL_BYTES: usize = 4_000;
const PORT_ATTEMPTS: usize = 10;
/// Below the ports that systems hand out by themselves, so that none takes it while the server is down.
const PORTS: std::ops::Range<u16> = 12_000..32_000;
const WATCHER: &str = include_str!("watcher.sh");

/// How a server is run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Recipe {
    /// What it is called in messages.
    pub(crate) name: &'static str,
    /// Makes what it needs in its new folder.
    pub(crate) prepare: fn(&Path),
    /// The program and its arguments, for a port and a folder.
    pub(crate) command: fn(u16, &Path) -> Command,
    /// True once it serves on this port.
    pub(crate) serves: fn(u16) -> bool,
    /// The signal by which it dies as in a crash.
    pub(crate) hard: &'static str,
}

/// A server on a folder and a port.
#[derive(Debug)]
pub(crate) struct Server {
    recipe: Recipe,
    folder: PathBuf,
    port: u16,
    watcher: Mutex<Watcher>,
}

// === impl Server ===

impl Server {
    /// Starts one on a new folder, and waits until it serves.
    pub(crate) fn start(recipe: Recipe) -> Self {
        for _ in 0..PORT_ATTEMPTS {
            let (folder, port) = (new_folder(recipe.name), free_port());
            let command = (recipe.command)(port, &folder);
            let watcher = Mutex::new(Watcher::start(&command, recipe.hard, &folder));
            (recipe.prepare)(&folder);
            let server = Self { recipe, folder, port, watcher };
            match server.try_start() {
                Ok(()) => return server,
                // Somebody else was faster.
                Err(log) if log.to_lowercase().contains("address already in use") => {}
                Err(log) => panic!("{} did not start; the end of its log:\n{log}", recipe.name),
            }
        }
        panic!("{}: no free port in {PORT_ATTEMPTS} attempts", recipe.name);
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Ends it as a crash does; its folder and its port stay. Nothing happens if it is down.
    pub(crate) fn stop_hard(&self) {
        self.order(self.recipe.hard);
    }

    /// Starts it on the same folder and port, and waits until it serves.
    pub(crate) fn start_again(&self) {
        if let Err(log) = self.try_start() {
            panic!("{} did not start again; the end of its log:\n{log}", self.recipe.name);
        }
    }

    /// The end of what it wrote.
    pub(crate) fn log_tail(&self) -> String {
        let log = fs::read(self.folder.join("log")).unwrap_or_default();
        String::from_utf8_lossy(&log[log.len().saturating_sub(LOG_TAIL_BYTES)..]).into_owned()
    }

    fn try_start(&self) -> Result<(), String> {
        self.order("start");
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            // Asked in this order, so that another process on the port is not taken for ours.
            let serves = (self.recipe.serves)(self.port);
            if self.folder.join("exit").exists() {
                return Err(self.log_tail());
            }
            if serves {
                return Ok(());
            }
            std::thread::sleep(PAUSE);
        }
        Err(format!("{}\n(it runs, but does not serve after {PATIENCE:?})", self.log_tail()))
    }

    fn order(&self, order: &str) {
        self.watcher.lock().unwrap_or_else(PoisonError::into_inner).order(order);
    }
}

/// The shell between the test and the server.
#[derive(Debug)]
struct Watcher {
    process: Child,
    // None once it was told to end.
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

// === impl Watcher ===

impl Watcher {
    fn start(command: &Command, last: &str, folder: &Path) -> Self {
        let mut shell = Command::new("sh");
        shell.args(["-c", WATCHER, "watcher"]).arg(folder).arg(last);
        shell.arg(command.get_program()).args(command.get_args());
        shell.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        // In a group of its own, a Ctrl-C for the test does not end it before it has done its work.
        shell.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = shell.spawn().expect("sh can be started");
        let orders = process.stdin.take();
        let answers = BufReader::new(process.stdout.take().expect("its output is a pipe"));
        Self { process, orders, answers }
    }

    fn order(&mut self, order: &str) {
        let mut pipe = self.orders.as_ref().expect("the watcher was not told to end");
        writeln!(pipe, "{order}").expect("the watcher reads its orders");
        let mut answer = String::new();
        let read = self.answers.read_line(&mut answer).expect("the watcher answers");
        assert!(read > 0, "the watcher ended by itself after `{order}`");
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        drop(self.orders.take());
        let _ended = self.process.wait();
    }
}

fn new_folder(name: &str) -> PathBuf {
    let prefix = format!("rfe-{}-", name.to_lowercase());
    let folder = tempfile::Builder::new().prefix(&prefix).tempdir().expect("a temporary folder can be made");
    // The watcher removes it: it outlives the test.
    folder.keep()
}

fn free_port() -> u16 {
    let free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    let mut random = std::iter::repeat_with(|| fastrand::u16(PORTS));
    random.by_ref().take(1_000).find(free).expect("one of a thousand ports is free")
}

/// A program named by an environment variable, as `make test` sets it, or found where `make tools` puts it.
pub(crate) fn program(variable: &str, otherwise: Option<PathBuf>) -> PathBuf {
    let Some(path) = std::env::var_os(variable).map(PathBuf::from).or(otherwise) else {
        panic!("{variable} is not set and nothing is found in its place; `make tools` fetches it");
    };
    assert!(path.exists(), "{} does not exist; `make tools` fetches it, or set {variable}", path.display());
    path
}

/// Runs a command to its end; its errors are the panic's message.
pub(crate) fn run(mut command: Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}\n{said}", output.status);
}
