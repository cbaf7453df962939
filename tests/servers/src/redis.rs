//! Redis, as durable as our compose file has it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
};

use crate::server::{Recipe, Server};

const DATA: &str = "data";

const RECIPE: Recipe = Recipe { name: "Redis", prepare, command, serves, hard: "KILL" };

/// A Redis of its own, on loopback. What it answered is on disk.
#[derive(Debug)]
pub struct Redis(Server);

impl Redis {
    /// Starts one; blocks until it answers.
    ///
    /// # Panics
    /// If it does not start.
    pub fn start() -> Self {
        Self(Server::start(RECIPE))
    }

    /// The one that all tests of this process share.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Redis> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port())
    }

    /// Where it listens, on loopback.
    pub fn port(&self) -> u16 {
        self.0.port()
    }

    /// A name for a queue that no other test has.
    pub fn queue_name(&self) -> String {
        format!("t{:016x}", fastrand::u64(..))
    }

    /// Kills it. Blocks for some ms.
    pub fn stop_hard(&self) {
        self.0.stop_hard();
    }

    /// Starts it again with the same data on the same port; blocks until it answers.
    ///
    /// # Panics
    /// If it does not start.
    pub fn start_again(&self) {
        self.0.start_again();
    }

    /// Its folder: `data` below it is the server's own.
    pub fn folder(&self) -> &Path {
        self.0.folder()
    }

    /// The end of what it wrote.
    pub fn log_tail(&self) -> String {
        self.0.log_tail()
    }

    /// One of the programs that come with it, such as `redis-benchmark`.
    pub fn binary(&self, name: &str) -> PathBuf {
        binaries().join(name)
    }

    /// What `redis-cli` answers to a command, or the command's error.
    ///
    /// # Panics
    /// If it can't be run.
    pub fn cli(&self, command: &[&str]) -> String {
        let output = client(self.port()).args(command).output().expect("redis-cli runs");
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }

    /// Copies what is on its disk, as a backup does. It may run meanwhile.
    ///
    /// # Panics
    /// If the files can't be copied.
    pub fn copy_data(&self) -> Copied {
        let to = self.folder().join(format!("copy-{:016x}", fastrand::u64(..)));
        copy(&self.folder().join(DATA), &to);
        Copied(to)
    }

    /// Puts a copy in the place of its data; it must be down.
    ///
    /// # Panics
    /// If the files can't be replaced.
    pub fn put_back(&self, copied: &Copied) {
        let data = self.folder().join(DATA);
        fs::remove_dir_all(&data).expect("its data can be removed");
        copy(&copied.0, &data);
    }
}

/// A copy of a server's data; it goes with the server's folder.
#[derive(Debug)]
pub struct Copied(PathBuf);

fn prepare(folder: &Path) {
    fs::create_dir_all(folder.join(DATA)).expect("a folder can be made");
}

fn command(port: u16, folder: &Path) -> Command {
    let mut command = Command::new(binaries().join("redis-server"));
    command.args(["--bind", "127.0.0.1", "--port", &port.to_string()]);
    command.arg("--dir").arg(folder.join(DATA));
    // As a person would set it who loses nothing; no snapshots beside, so that a copy of the log is all there is.
    command.args(["--appendonly", "yes", "--appendfsync", "always", "--save", ""]);
    command.args(["--maxmemory-policy", "noeviction"]);
    command
}

// Not while it loads its data: then it answers each command with an error.
fn serves(port: u16) -> bool {
    let output = client(port).arg("PING").output().expect("redis-cli runs");
    output.stdout.starts_with(b"PONG")
}

fn client(port: u16) -> Command {
    let mut command = Command::new(binaries().join("redis-cli"));
    command.args(["-h", "127.0.0.1", "-p", &port.to_string()]).stdin(Stdio::null());
    command
}

fn binaries() -> PathBuf {
    std::env::var_os("RFE_REDIS_BIN").map_or_else(|| PathBuf::from("/usr/bin"), PathBuf::from)
}

// A file may grow or go while it is copied; what is missing then, a crash would have lost as well.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder can be made");
    for entry in fs::read_dir(from).expect("a folder can be read") {
        let entry = entry.expect("a folder can be read");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("an entry has a type").is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("a file can be copied");
        }
    }
}
