//! Java: a program over JDBC, compiled where it leaves nothing behind.

use std::{fs, path::Path, process::Command};

use tempfile::TempDir;

use super::{folder, run_alone};
use crate::tool;

/// The program of `clients/jdbc`, compiled.
#[derive(Debug)]
pub struct Jdbc {
    classes: TempDir,
}

impl Jdbc {
    /// Compiles it.
    ///
    /// # Panics
    /// If it does not compile.
    pub async fn compiled() -> Self {
        let classes = tempfile::tempdir().expect("a folder can be made");
        let mut compile = tool::of_path("javac");
        compile.args(["-Xlint:all", "-Werror", "-encoding", "UTF-8", "-d"]).arg(classes.path());
        for entry in fs::read_dir(folder("jdbc").join("scenario")).expect("the program's folder can be read")
        {
            compile.arg(entry.expect("an entry can be read").path());
        }
        let _compiled = run_alone(compile).await.ok();
        Self { classes }
    }

    /// The program, with a driver.
    pub fn command(&self, driver: &Path) -> Command {
        let path = [driver.to_owned(), self.classes.path().to_owned()];
        let mut command = tool::of_path("java");
        command.arg("--add-opens=java.base/java.nio=ALL-UNNAMED").arg("-cp");
        command.arg(std::env::join_paths(path).expect("a class path")).arg("Scenario");
        command
    }
}
