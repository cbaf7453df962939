//! The load generator.

use std::{process::Stdio, time::Duration};

use tokio::process::Command;

/// So many connections at once.
const CONNECTIONS: &str = "64";
const THREADS: &str = "2";
/// Before anything is measured.
pub const WARM_UP: Duration = Duration::from_secs(3);
/// What is measured.
pub const MEASURED: Duration = Duration::from_secs(10);

/// Posts a body of 1 KiB and prints what was answered, as JSON.
const SCRIPT: &str = include_str!("post.lua");

/// What one run of it saw.
#[derive(Debug, Clone, Copy, serde::Deserialize)]
pub struct Load {
    /// Answers with 200 a second.
    pub rate: f64,
    /// Half of the answers took less, in ms.
    pub p50: f64,
    /// 99 % of them took less, in ms.
    pub p99: f64,
    failed: u64,
}

/// Drives an address for so long.
pub async fn run(url: &str, duration: Duration) -> Load {
    let script = tempfile::Builder::new().suffix(".lua").tempfile().expect("a file can be made");
    std::fs::write(script.path(), SCRIPT).expect("a file can be written");
    let output = Command::new("wrk")
        .args([
            "-t",
            THREADS,
            "-c",
            CONNECTIONS,
            "-d",
            &format!("{}s", duration.as_secs()),
            "--latency",
            "-s",
        ])
        .arg(script.path())
        .arg(url)
        .stdin(Stdio::null())
        .output()
        .await
        .expect("wrk is installed; `make tools` installs it");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "wrk: {said}{}", String::from_utf8_lossy(&output.stderr));
    let line =
        said.lines().find_map(|line| line.strip_prefix("LOAD ")).expect("the script prints what it saw");
    let load: Load = serde_json::from_str(line).expect("the script prints JSON");
    assert_eq!(load.failed, 0, "each answer is a 200:\n{said}");
    load
}
