//! Two S3 servers that share no code.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{Ipv4Addr, TcpStream},
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
    time::Duration,
};

use crate::server::{Recipe, Server, program};

const ACCESS_KEY: &str = "rfe-test-key";
const SECRET_KEY: &str = "rfe-test-secret";
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

const MINIO: Recipe = Recipe {
    name: "MinIO",
    prepare: |folder| make(folder, &["data", "certs"]),
    command: minio,
    serves: |port| answers(port, "/minio/health/ready", "200"),
    hard: "KILL",
};

const VERSITY: Recipe = Recipe {
    name: "Versitygw",
    prepare: |folder| make(folder, &["data", "sidecar"]),
    command: versity,
    // Who asks without a key is refused by a server that is well.
    serves: |port| answers(port, "/", "403"),
    hard: "KILL",
};

/// An S3 server of its own, on loopback, over plain HTTP.
#[derive(Debug)]
pub struct S3Server(Server);

/// MinIO.
#[derive(Debug)]
pub struct Minio;

/// The Versity gateway, over a folder.
#[derive(Debug)]
pub struct Versity;

impl Minio {
    /// Starts one; blocks until it answers.
    ///
    /// # Panics
    /// If it does not start.
    pub fn start() -> S3Server {
        S3Server(Server::start(MINIO))
    }

    /// The one that all tests of this process share.
    pub fn shared() -> &'static S3Server {
        static SHARED: OnceLock<S3Server> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }
}

impl Versity {
    /// Starts one; blocks until it answers.
    ///
    /// # Panics
    /// If it does not start.
    pub fn start() -> S3Server {
        S3Server(Server::start(VERSITY))
    }

    /// The one that all tests of this process share.
    pub fn shared() -> &'static S3Server {
        static SHARED: OnceLock<S3Server> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }
}

/// Names of buckets that no other test has; they are not made yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketNames {
    /// What was read.
    pub raw: String,
    /// What is queried.
    pub processed: String,
    /// What could not be landed.
    pub dead_letter: String,
}

// === impl S3Server ===

impl S3Server {
    /// Its URL, path-style.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port())
    }

    /// The key that may do everything.
    pub fn access_key(&self) -> String {
        ACCESS_KEY.to_owned()
    }

    /// The secret of that key.
    pub fn secret_key(&self) -> String {
        SECRET_KEY.to_owned()
    }

    /// Its region.
    pub fn region(&self) -> String {
        "us-east-1".to_owned()
    }

    /// Where it listens, on loopback.
    pub fn port(&self) -> u16 {
        self.0.port()
    }

    /// Names for three new buckets. Nothing is made: whoever uses them makes them, as on a new installation.
    pub fn buckets(&self) -> BucketNames {
        let prefix = format!("t{:016x}", fastrand::u64(..));
        BucketNames {
            raw: format!("{prefix}-raw"),
            processed: format!("{prefix}-processed"),
            dead_letter: format!("{prefix}-dead-letter"),
        }
    }

    /// Kills it; what it has confirmed stays. Blocks for some ms.
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
}

fn make(folder: &Path, names: &[&str]) {
    for name in names {
        fs::create_dir(folder.join(name)).expect("a folder can be made");
    }
}

fn minio(port: u16, folder: &Path) -> Command {
    let mut command = Command::new(program("RFE_MINIO", cached("minio")));
    command.args(["server", "--address", &format!("127.0.0.1:{port}")]);
    command.arg("--certs-dir").arg(folder.join("certs")).arg(folder.join("data"));
    command.envs([("MINIO_ROOT_USER", ACCESS_KEY), ("MINIO_ROOT_PASSWORD", SECRET_KEY)]);
    // It asks nobody for a newer version.
    command.envs([("MINIO_BROWSER", "off"), ("MINIO_UPDATE", "off")]);
    command
}

fn versity(port: u16, folder: &Path) -> Command {
    let mut command = Command::new(program("RFE_VERSITYGW", cached("versitygw")));
    command.args(["--quiet", "--access", ACCESS_KEY, "--secret", SECRET_KEY]);
    command.args(["--port", &format!("127.0.0.1:{port}"), "posix", "--sidecar"]);
    command.arg(folder.join("sidecar")).arg(folder.join("data"));
    command
}

// Where `make tools` puts it, of whichever version.
fn cached(name: &str) -> Option<PathBuf> {
    let home = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache/rfe"));
    let cache = std::env::var_os("RFE_CACHE").map(PathBuf::from).or_else(home)?;
    let is_of_it = |folder: &PathBuf| {
        folder.file_name().is_some_and(|found| found.to_string_lossy().starts_with(&format!("{name}-")))
    };
    let folders = fs::read_dir(cache).ok()?.filter_map(Result::ok).map(|entry| entry.path());
    folders.filter(is_of_it).max().map(|folder| folder.join(name))
}

// True if a GET is answered with this status.
fn answers(port: u16, path: &str, status: &str) -> bool {
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_read_timeout(Some(ANSWER_WITHIN))?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n")?;
        let mut start = [0; 12];
        stream.read_exact(&mut start)?;
        Ok(String::from_utf8_lossy(&start).into_owned())
    };
    ask().is_ok_and(|answer| answer.ends_with(status))
}
