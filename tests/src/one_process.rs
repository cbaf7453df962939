//! All roles in one process: `rfe up`.

use std::{
    fs,
    path::Path,
    process::{Child, Command, ExitStatus},
    time::{Duration, Instant},
};

use serde::Deserialize;

use crate::wait;

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

/// The process, once it was ready. It ends when it is dropped.
#[derive(Debug)]
pub(crate) struct OneProcess {
    child: Child,
    pub(crate) ready: Ready,
}

// === impl OneProcess ===

impl OneProcess {
    /// Starts it and waits until it is ready; `log` tells what it wrote.
    pub(crate) async fn start(mut command: Command, data: &Path, log: impl Fn() -> String) -> Self {
        let mut child = command.spawn().expect("rfe can be started");
        let ready_file = data.join("ready.json");
        let begun = Instant::now();
        loop {
            if let Some(ready) = read_ready(&ready_file).filter(|ready| ready.pid == child.id()) {
                return Self { child, ready };
            }
            if let Some(status) = child.try_wait().expect("a child can be asked for its state") {
                panic!("rfe ended before it was ready: {status}\n{}", log());
            }
            if begun.elapsed() > wait::PATIENCE {
                let _already_gone = child.kill();
                panic!("rfe was not ready within {:?}\n{}", wait::PATIENCE, log());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// How it ended, if it has.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a child can be asked for its state")
    }
}

impl Drop for OneProcess {
    fn drop(&mut self) {
        let _already_gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// Waits until a process ends by itself.
pub(crate) async fn ended(mut child: Child) -> ExitStatus {
    wait::until("rfe ends", || {
        let status = child.try_wait().expect("a child can be asked for its state");
        async move { status }
    })
    .await
}

fn read_ready(path: &Path) -> Option<Ready> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}
