//! Postgres, as its own cluster.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
};

use crate::server::{Recipe, Server, program, run};

const USER: &str = "metadata";
const PASSWORD: &str = "metadata-secret";
const MAINTENANCE: &str = "postgres";
/// Postgres refuses to run as root; the first of these that exists runs it then.
const UNPRIVILEGED: [&str; 2] = ["postgres", "nobody"];
/// A cluster for as many tests side by side as a test binary has. Durable as by default: drills kill it.
const SETTINGS: [&str; 5] = [
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "max_connections=800",
    "shared_buffers=64MB",
    "log_line_prefix=%m %d ",
];

const RECIPE: Recipe = Recipe { name: "Postgres", prepare, command, serves, hard: "QUIT" };

/// A Postgres cluster of its own, on loopback. The user `metadata` owns its databases and is no superuser; the cluster sorts as
/// people do (`en-US`), so that SQL which counts on byte order without saying so goes wrong in tests.
#[derive(Debug)]
pub struct Postgres(Server);

impl Postgres {
    /// Starts one; blocks until it answers.
    ///
    /// # Panics
    /// If it does not start.
    pub fn start() -> Self {
        let postgres = Self(Server::start(RECIPE));
        // What a role of its own may do in a service that others run: no more.
        let role = format!("CREATE ROLE {USER} LOGIN CREATEDB CREATEROLE PASSWORD '{PASSWORD}'");
        run(client("psql", postgres.port(), MAINTENANCE, &["--quiet", "--command", &role, MAINTENANCE]));
        postgres
    }

    /// The one that all tests of this process share.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Postgres> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// Makes a new, empty database that `metadata` owns; its URL.
    ///
    /// # Panics
    /// If it can't be made.
    pub async fn database(&self) -> String {
        let (name, port) = (new_name(), self.port());
        let url = self.url(&name);
        tokio::task::spawn_blocking(move || create(port, &name)).await.expect("the database can be made");
        url
    }

    /// As [`Postgres::database`], for where nothing can be awaited: it blocks for some 100 ms.
    ///
    /// # Panics
    /// If it can't be made.
    pub fn database_blocking(&self) -> String {
        let name = new_name();
        create(self.port(), &name);
        self.url(&name)
    }

    /// Drops a database of this URL, whoever is connected to it. Nothing happens if the server is down: it goes with the cluster.
    pub fn drop_database(&self, url: &str) {
        let name = url.rsplit('/').next().unwrap_or_default();
        let mut command = client("dropdb", self.port(), MAINTENANCE, &["--force", "--if-exists", name]);
        let _with_the_cluster = command.stderr(Stdio::null()).status();
    }

    /// The URL of a database, for `metadata`.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://{USER}:{PASSWORD}@127.0.0.1:{}/{database}", self.port())
    }

    /// Where it listens, on loopback.
    pub fn port(&self) -> u16 {
        self.0.port()
    }

    /// Ends it as a crash does (its connections break, it recovers from its log later). Blocks for some ms.
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

/// What `psql` answers to a statement as a person would type it: rows by line, values by `|`.
///
/// # Panics
/// If it fails.
pub async fn psql(url: &str, sql: &str) -> Vec<String> {
    let mut command = Command::new(binaries().join("psql"));
    command.args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set", "ON_ERROR_STOP=1"]);
    command.args(["--command", sql, url]).stdin(Stdio::null());
    let output = tokio::process::Command::from(command).output().await.expect("psql runs");
    assert!(output.status.success(), "{sql}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

fn new_name() -> String {
    format!("rfe_{:016x}", fastrand::u64(..))
}

fn create(port: u16, name: &str) {
    run(client("createdb", port, MAINTENANCE, &["--owner", USER, name]));
}

fn prepare(folder: &Path) {
    let password = folder.join("password");
    fs::write(&password, PASSWORD).expect("a file can be written");
    if let Some(user) = other_user() {
        let mut command = Command::new("chown");
        command.arg("-R").arg(user).arg(folder);
        run(command);
    }
    let mut command = unprivileged(&binaries().join("initdb"));
    command.arg("--pgdata").arg(folder.join("data")).arg("--pwfile").arg(&password);
    command.args(["--username", MAINTENANCE, "--auth", "scram-sha-256", "--no-sync", "--no-instructions"]);
    command.args([
        "--encoding",
        "UTF8",
        "--locale",
        "C",
        "--locale-provider",
        "icu",
        "--icu-locale",
        "en-US",
    ]);
    run(command);
}

fn command(port: u16, folder: &Path) -> Command {
    let mut command = unprivileged(&binaries().join("postgres"));
    command.arg("-D").arg(folder.join("data")).args(["-p", &port.to_string()]);
    for setting in SETTINGS {
        command.args(["-c", setting]);
    }
    command
}

fn serves(port: u16) -> bool {
    let mut command = client("pg_isready", port, MAINTENANCE, &["--quiet"]);
    command.status().expect("pg_isready runs").success()
}

fn client(program: &str, port: u16, user: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(binaries().join(program));
    command.args(["--host", "127.0.0.1", "--port", &port.to_string(), "--username", user]).args(arguments);
    command.env("PGPASSWORD", PASSWORD).stdin(Stdio::null());
    command
}

// The program as a user that Postgres agrees to.
fn unprivileged(program: &Path) -> Command {
    let Some(user) = other_user() else { return Command::new(program) };
    let mut command = Command::new("setpriv");
    command.args(["--reuid", user, "--regid", user, "--clear-groups", "--"]).arg(program);
    // Where it may be: not everybody may enter the folder of the test.
    command.current_dir("/");
    command
}

fn other_user() -> Option<&'static str> {
    let id = |arguments: &[&str]| {
        let output = Command::new("id").args(arguments).stderr(Stdio::null()).output().expect("id runs");
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    if id(&["-u"]).as_deref() != Some("0") {
        return None;
    }
    let user = UNPRIVILEGED.into_iter().find(|user| id(&["-u", user]).is_some());
    Some(user.expect("Postgres refuses to run as root, and neither a user postgres nor nobody exists"))
}

pub(crate) fn binaries() -> PathBuf {
    program("RFE_POSTGRES_BIN", newest_of_debian())
}

fn newest_of_debian() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
    let version = |entry: fs::DirEntry| entry.file_name().to_string_lossy().parse::<u32>().ok();
    let newest = versions.filter_map(Result::ok).filter_map(version).max()?;
    Some(format!("/usr/lib/postgresql/{newest}/bin").into())
}
