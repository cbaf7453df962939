//! What people write by hand: a FastAPI handler that pushes the body onto a list.

use std::{
    process::Stdio,
    time::{Duration, Instant},
};

use rfe_test_servers::Redis;
use rfe_tests::tool;
use tokio::process::{Child, Command};

const CODE: &str = include_str!("handler.py");
const WORKERS: &str = "2";
const PATIENCE: Duration = Duration::from_secs(30);

/// The handler as two processes; ended when dropped.
#[derive(Debug)]
pub struct Handler {
    port: u16,
    _code: tempfile::TempDir,
    uvicorn: Child,
}

impl Handler {
    /// Starts it on a free port, and waits until it answers.
    pub async fn start(redis: &Redis) -> Self {
        let code = tempfile::tempdir().expect("a folder can be made");
        std::fs::write(code.path().join("handler.py"), CODE).expect("a file can be written");
        let port = free_port();
        let uvicorn = Command::new(tool::python())
            .args([
                "-m",
                "uvicorn",
                "handler:app",
                "--workers",
                WORKERS,
                "--no-access-log",
                "--log-level",
                "warning",
            ])
            .args(["--loop", "uvloop", "--http", "httptools", "--port", &port.to_string()])
            .env("REDIS_URL", redis.url())
            .current_dir(code.path())
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .process_group(0)
            .spawn()
            .expect("python can be started");
        let begun = Instant::now();
        while reqwest::Client::new().post(url(port)).body("{}").send().await.is_err() {
            assert!(
                begun.elapsed() < PATIENCE,
                "the handler does not answer; `make bench` installs what it needs"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Self { port, _code: code, uvicorn }
    }

    /// Where it takes webhooks.
    pub fn url(&self) -> String {
        url(self.port)
    }
}

impl Drop for Handler {
    fn drop(&mut self) {
        // uvicorn's workers are its children, in its group.
        if let Some(pid) = self.uvicorn.id() {
            let _ended =
                std::process::Command::new("kill").args(["-s", "KILL", "--", &format!("-{pid}")]).status();
        }
    }
}

fn url(port: u16) -> String {
    format!("http://127.0.0.1:{port}/webhooks/load")
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    listener.local_addr().expect("it is bound").port()
}
