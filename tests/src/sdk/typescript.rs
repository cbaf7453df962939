//! TypeScript: on a copy, since its tools look for packages beside the sources and write there.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

use super::{copy_tree, folder, run_alone};
use crate::{cli::Answer, tool};

/// A copy of the TypeScript client with its packages.
#[derive(Debug)]
pub struct TypeScript {
    home: TempDir,
}

impl TypeScript {
    /// Copies the sources.
    ///
    /// # Panics
    /// If that fails, or the packages were not installed.
    pub fn copied() -> Self {
        let home = tempfile::tempdir().expect("a folder can be made");
        let copy = Self { home };
        copy_tree(&folder("typescript"), &copy.folder());
        let packages = copy.folder().join("node_modules");
        link(&tool::node_modules(), &packages);
        copy
    }

    /// Copies and builds.
    ///
    /// # Panics
    /// If it does not build.
    pub async fn built() -> Self {
        let copy = Self::copied();
        let _built = copy.npm("build").await.ok();
        copy
    }

    /// The copy.
    pub fn folder(&self) -> PathBuf {
        self.home.path().join("typescript")
    }

    /// A project that has the package as `npm pack` makes it, beside the packages that it needs.
    ///
    /// # Panics
    /// If it does not pack.
    pub async fn packed(&self) -> PathBuf {
        let project = self.home.path().join("project");
        let package = project.join("node_modules/@rfe/client");
        fs::create_dir_all(&package).expect("a folder can be made");
        let mut pack = tool::of_path("npm");
        pack.args(["pack", "--silent", "--ignore-scripts", "--pack-destination"]).arg(self.home.path());
        pack.current_dir(self.folder());
        let packed = run_alone(pack).await.ok();
        let mut unpack = tool::of_path("tar");
        unpack
            .arg("-xzf")
            .arg(self.home.path().join(packed.stdout.trim()))
            .args(["--strip-components", "1", "-C"])
            .arg(&package);
        let _unpacked = run_alone(unpack).await.ok();
        for entry in fs::read_dir(tool::node_modules()).expect("the packages can be read") {
            let entry = entry.expect("an entry can be read");
            link(&entry.path(), &project.join("node_modules").join(entry.file_name()));
        }
        fs::write(project.join("package.json"), r#"{"type": "module", "private": true}"#)
            .expect("a file can be written");
        project
    }

    /// Runs a script of `package.json`.
    pub async fn npm(&self, script: &str) -> Answer {
        let mut command = tool::of_path("npm");
        command.args(["run", "--silent", script]).current_dir(self.folder());
        run_alone(command).await
    }

    /// Node in the copy.
    pub fn node(&self) -> Command {
        let mut command = tool::of_path("node");
        command.current_dir(self.folder());
        command
    }
}

fn link(target: &Path, name: &Path) {
    symlink(target, name).unwrap_or_else(|error| panic!("{} can't be linked: {error}", name.display()));
}
