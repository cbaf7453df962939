//! The scenario that each client has as a program.

use std::process::Command;

use rfe_client::Endpoints;
use tempfile::TempDir;

use super::{Go, Python, TypeScript, folder, run};
use crate::{cli::Answer, tool};

/// One client's scenario, ready to run.
#[derive(Debug)]
pub struct Scenario {
    name: &'static str,
    program: Program,
}

#[derive(Debug)]
enum Program {
    Python(&'static [&'static str]),
    TypeScript(TypeScript),
    Go(TempDir),
}

impl Scenario {
    /// With the blocking client of Python.
    pub fn python() -> Self {
        Self { name: "python", program: Program::Python(&[]) }
    }

    /// With the one for asyncio.
    pub fn python_asyncio() -> Self {
        Self { name: "python-asyncio", program: Program::Python(&["--asyncio"]) }
    }

    /// In TypeScript, compiled.
    pub async fn typescript() -> Self {
        Self { name: "typescript", program: Program::TypeScript(TypeScript::built().await) }
    }

    /// In Go, compiled.
    pub async fn go() -> Self {
        Self { name: "go", program: Program::Go(Go::program("./internal/scenario").await) }
    }

    /// The language, as the program calls itself.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Runs it with the environment of a client.
    pub async fn run(&self, endpoints: &Endpoints) -> Answer {
        run(self.command(), endpoints).await
    }

    fn command(&self) -> Command {
        match &self.program {
            Program::Python(flags) => {
                let mut command = Python::default().command();
                command.arg(folder("python").join("tests/scenario.py")).args(*flags);
                command
            }
            Program::TypeScript(copy) => {
                let mut command = copy.node();
                command.arg("build/test/scenario.js");
                command
            }
            Program::Go(home) => tool::command(&home.path().join("program")),
        }
    }
}
