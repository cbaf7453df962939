//! What ends the processes if whoever started them dies: a shell that waits for the end of its input.

use std::{
    fs,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
};

use crate::MeshError;

/// Kills whoever is named by a file of the folder, once its input ends.
const SCRIPT: &str = "while read -r _; do :; done\nfor file in \"$1\"/*; do [ -e \"$file\" ] && kill -s KILL \"$(cat \"$file\")\"; done";

/// The shell, and the folder with the numbers of living processes.
#[derive(Debug)]
pub(crate) struct Guard {
    shell: Child,
    // Closed by our end, whichever it is.
    input: Option<ChildStdin>,
    folder: PathBuf,
}

// === impl Guard ===

impl Guard {
    /// Starts it over a folder of its own.
    pub(crate) fn start(folder: &Path) -> Result<Self, MeshError> {
        let mut command = Command::new("sh");
        command.args(["-c", SCRIPT, "guard"]).arg(folder);
        // In a group of its own it survives a Ctrl-C for long enough.
        command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut shell =
            command.spawn().map_err(|source| MeshError::Program { program: "sh".into(), source })?;
        let input = shell.stdin.take();
        Ok(Self { shell, input, folder: folder.to_owned() })
    }

    /// A process lives.
    pub(crate) fn lives(&self, name: &str, pid: u32) -> Result<(), MeshError> {
        let path = self.folder.join(name);
        fs::write(&path, pid.to_string()).map_err(|source| MeshError::Folder { path, source })
    }

    /// A process has ended: its number may become somebody else's.
    pub(crate) fn ended(&self, name: &str) {
        let _never_written = fs::remove_file(self.folder.join(name));
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ended = self.shell.wait();
    }
}
