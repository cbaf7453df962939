//! Go: in the checkout, since its tools write elsewhere.

use std::process::Command;

use tempfile::TempDir;

use super::{folder, run_alone};
use crate::tool;

/// The Go client.
#[derive(Debug)]
pub struct Go;

impl Go {
    /// The tool, in the module's folder; what the module needs is as `go.mod` and `go.sum` have it.
    pub fn command() -> Command {
        let mut command = tool::of_path("go");
        command
            .current_dir(folder("go"))
            .env("GOFLAGS", "-mod=readonly -buildvcs=false")
            .env("GOWORK", "off");
        command
    }

    /// Builds a program of the module into a folder, where it is called `program`.
    ///
    /// # Panics
    /// If it does not build.
    pub async fn program(package: &str) -> TempDir {
        let home = tempfile::tempdir().expect("a folder can be made");
        let mut build = Self::command();
        build.args(["build", "-o"]).arg(home.path().join("program")).arg(package);
        let _built = run_alone(build).await.ok();
        home
    }
}
