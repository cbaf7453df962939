//! Python: from the sources, or from the wheel that they make.

use std::process::Command;

use tempfile::TempDir;

use super::{copy_tree, folder, run_alone};
use crate::tool;

/// The Python client, run from its sources.
#[derive(Debug, Default)]
pub struct Python {
    installed: Option<TempDir>,
}

impl Python {
    /// The package as pip installs it from a wheel, in a folder of its own.
    ///
    /// # Panics
    /// If the wheel does not build or install.
    pub async fn installed() -> Self {
        let home = tempfile::tempdir().expect("a folder can be made");
        let copy = home.path().join("copy");
        copy_tree(&folder("python"), &copy);
        let mut install = Self::default().command();
        install.args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-deps",
            "--no-build-isolation",
            "--no-index",
            "--target",
        ]);
        install.arg(home.path().join("site")).arg(&copy);
        let _installed = run_alone(install).await.ok();
        Self { installed: Some(home) }
    }

    /// Python with the package on its path.
    pub fn command(&self) -> Command {
        let mut command = tool::command(&tool::python());
        let path = match &self.installed {
            Some(home) => home.path().join("site"),
            None => folder("python").join("src"),
        };
        command.env("PYTHONPATH", path).env("PYTHONDONTWRITEBYTECODE", "1");
        command
    }
}
