//! Clients in Python: a script of `clients/`, run as a user would.

use std::{path::Path, process::Stdio};

use crate::{
    Platform, Role,
    cli::{Answer, finish},
    tool,
};

impl Platform {
    /// Runs `clients/<script>` with the address of SQL and these arguments.
    pub async fn python(&self, script: &str, arguments: &[&str]) -> Answer {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients").join(script);
        let mut command = tool::command(&tool::python());
        command.arg(path).arg(self.address(Role::Query)).args(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        finish(command, String::new()).await
    }
}
