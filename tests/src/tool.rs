//! Programs that journeys use. `make test` fetches them and says where they are; without it they are looked for in the cache
//! folder. A missing one fails the test: nothing is skipped.

use std::path::PathBuf;

const LIBRARY_PATHS: [&str; 2] = ["LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"];

/// The binary under test.
///
/// # Panics
/// If it was not built.
pub fn rfe() -> PathBuf {
    found("JOURNEY_RFE", beside_this_test().join("rfe"))
}

/// A Python with the clients of `clients/requirements.txt`.
///
/// # Panics
/// If there is none.
pub fn python() -> PathBuf {
    found("JOURNEY_PYTHON", cache().join("venv/bin/python"))
}

/// grpcurl.
///
/// # Panics
/// If there is none.
pub fn grpcurl() -> PathBuf {
    found("JOURNEY_GRPCURL", cache().join("grpcurl-1.9.4/grpcurl"))
}

/// compose-go: the library inside `docker compose`, as a program.
///
/// # Panics
/// If there is none.
pub fn compose_go() -> PathBuf {
    found("JOURNEY_COMPOSE_GO", cache().join("compose-go-2.13.0/cmd"))
}

/// A bare DuckDB, as people have it.
///
/// # Panics
/// If there is none.
pub fn duckdb() -> PathBuf {
    found("JOURNEY_DUCKDB", cache().join("venv/bin/duckdb"))
}

/// DuckDB's extension that reads object stores.
///
/// # Panics
/// If there is none.
pub fn httpfs() -> PathBuf {
    found("JOURNEY_HTTPFS", cache().join("venv/httpfs.duckdb_extension"))
}

/// What `npm ci` installs for `clients/typescript`.
///
/// # Panics
/// If it was not installed.
pub fn node_modules() -> PathBuf {
    let variable = "JOURNEY_NODE_MODULES";
    found(variable, PathBuf::from(format!("the folder that {variable} names, which `make sdks` makes,")))
}

/// The Flight SQL drivers of JDBC, in the versions that people have.
///
/// # Panics
/// If one was not fetched.
pub fn jdbc_drivers() -> Vec<PathBuf> {
    let variable = "JOURNEY_JDBC_DRIVERS";
    let paths = std::env::var_os(variable)
        .unwrap_or_else(|| panic!("{variable} names them; `make sdks` fetches them"));
    let paths: Vec<_> = std::env::split_paths(&paths).collect();
    assert!(!paths.is_empty() && paths.iter().all(|path| path.exists()), "{variable}: {paths:?}");
    paths
}

/// buf.
///
/// # Panics
/// If there is none.
pub fn buf() -> PathBuf {
    found("JOURNEY_BUF", cache().join("buf-1.75.0/node_modules/.bin/buf"))
}

/// A program of a language, which the machine has on its `PATH`: go, npm, node, java.
pub fn of_path(name: &str) -> std::process::Command {
    command(&PathBuf::from(name))
}

/// A program without the test's own environment: the binary finds its library by itself, and no setting leaks in.
pub fn command(program: &PathBuf) -> std::process::Command {
    let mut command = std::process::Command::new(program);
    for (name, _) in std::env::vars() {
        if name.starts_with("RFE_") || name.starts_with("MINIO_") || LIBRARY_PATHS.contains(&name.as_str()) {
            command.env_remove(name);
        }
    }
    command
}

fn found(variable: &str, otherwise: PathBuf) -> PathBuf {
    let path = std::env::var_os(variable).map_or(otherwise, PathBuf::from);
    assert!(
        path.exists(),
        "{} does not exist; `make build tools` makes it, or set {variable}",
        path.display()
    );
    path
}

fn beside_this_test() -> PathBuf {
    let mut path = std::env::current_exe().expect("a running test has a path");
    path.pop();
    if path.ends_with("deps") {
        path.pop();
    }
    path
}

/// The folder for what is fetched and made once, which all checkouts share: `RFE_CACHE`, or `~/.cache/rfe`.
///
/// # Panics
/// If there is no home either.
pub fn cache() -> PathBuf {
    std::env::var_os("RFE_CACHE").map_or_else(
        || PathBuf::from(std::env::var_os("HOME").expect("HOME is set")).join(".cache/rfe"),
        PathBuf::from,
    )
}
