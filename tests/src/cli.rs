//! The command line, as people and scripts use it.

use std::{io::Write as _, process::Stdio};

use serde_json::Value as Json;

use crate::Platform;

/// What a command answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Exit code.
    pub code: i32,
    /// Results.
    pub stdout: String,
    /// All else.
    pub stderr: String,
}

impl Answer {
    /// Asserts exit code 0.
    ///
    /// # Panics
    /// If it is another.
    #[must_use]
    pub fn ok(self) -> Self {
        self.exits(0)
    }

    /// Asserts an exit code.
    ///
    /// # Panics
    /// If it is another.
    #[must_use]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// The one JSON document of `--json`.
    ///
    /// # Panics
    /// If stdout is anything else.
    pub fn json(&self) -> Json {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error} in {:?}", self.stdout))
    }

    /// The NDJSON lines of `--json` of a list.
    ///
    /// # Panics
    /// If stdout is anything else.
    pub fn json_lines(&self) -> Vec<Json> {
        let parse = |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line:?}"));
        self.stdout.lines().map(parse).collect()
    }
}

impl Platform {
    /// Runs `rfe` with these arguments to its end.
    pub async fn rfe(&self, arguments: &[&str]) -> Answer {
        self.rfe_with_input(arguments, "").await
    }

    /// Runs `rfe` with text on its stdin.
    ///
    /// # Panics
    /// If it can't be run.
    pub async fn rfe_with_input(&self, arguments: &[&str], input: &str) -> Answer {
        let mut command = self.command();
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        finish(command, input.to_owned()).await
    }

    /// Writes `sources.yaml` and applies it.
    pub async fn apply(&self, yaml: &str) {
        self.write("sources.yaml", yaml);
        let _applied = self.rfe(&["apply", "-f", "sources.yaml"]).await.ok();
    }
}

/// Runs a prepared command to its end.
///
/// # Panics
/// If it can't be run.
pub async fn finish(mut command: std::process::Command, input: String) -> Answer {
    let run = move || {
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        if let Some(mut stdin) = child.stdin.take() {
            // A command that does not read its input closes it.
            let _closed_early = stdin.write_all(input.as_bytes());
        }
        let output = child.wait_with_output().expect("a command's output can be read");
        Answer {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    };
    tokio::task::spawn_blocking(run).await.expect("the command was run")
}
