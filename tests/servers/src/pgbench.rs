//! The bare rate of a Postgres, by its own `pgbench`.

use std::process::{Command, Stdio};

use crate::postgres::binaries;

const TABLE: &str =
    "CREATE TABLE IF NOT EXISTS bare (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, note text)";
const INSERT: &str = "INSERT INTO bare (note) VALUES ('one row, one transaction');\n";

/// Transactions a second of one INSERT each that so many clients commit side by side, for so many seconds. Each commit waits for
/// the disk, unless the server says otherwise.
///
/// # Panics
/// If `pgbench` fails.
pub async fn inserts_a_second(url: &str, clients: u32, seconds: u32) -> f64 {
    crate::psql(url, TABLE).await;
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let script = folder.path().join("insert.sql");
    std::fs::write(&script, INSERT).expect("a file can be written");
    let mut command = Command::new(binaries().join("pgbench"));
    command.args(["--no-vacuum", "--protocol", "prepared", "--jobs", "1"]);
    command.args(["--client", &clients.to_string(), "--time", &seconds.to_string(), "--file"]);
    command.arg(&script).arg(url).stdin(Stdio::null());
    let output = tokio::process::Command::from(command).output().await.expect("pgbench runs");
    let (said, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "pgbench: {errors}");
    let rate = said.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
    rate.unwrap_or_else(|| panic!("pgbench tells no rate: {said}"))
}
