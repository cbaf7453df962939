//! The clients in other languages, as their users run them: with the language's own tools, on a copy where those write beside what
//! they read. Nothing is left in the checkout.

mod go;
mod jdbc;
mod python;
mod scenario;
mod typescript;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use rfe_client::Endpoints;

pub use self::{go::Go, jdbc::Jdbc, python::Python, scenario::Scenario, typescript::TypeScript};
use crate::{
    Document,
    cli::{Answer, finish},
};

const LEFT_BY_TOOLS: [&str; 5] = ["node_modules", "dist", "build", "__pycache__", ".venv"];

/// A folder of `clients/`.
pub fn folder(client: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../clients").join(client)
}

/// The first block of a language in a client's README.
///
/// # Panics
/// If there is none.
pub fn example(client: &str, language: &str) -> String {
    let blocks = Document::read(&format!("clients/{client}/README.md")).blocks(language);
    blocks.into_iter().next().unwrap_or_else(|| panic!("{client}: no example in {language}"))
}

/// Runs a command to its end, with the environment of a client of this platform.
pub async fn run(mut command: Command, endpoints: &Endpoints) -> Answer {
    command.envs(environment(endpoints));
    run_alone(command).await
}

/// Runs a command to its end.
pub async fn run_alone(mut command: Command) -> Answer {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    finish(command, String::new()).await
}

fn environment(at: &Endpoints) -> Vec<(&'static str, String)> {
    let mut variables = vec![
        ("RFE_URL", at.ingest.clone()),
        ("RFE_METADATA_URL", at.metadata.clone()),
        ("RFE_SCHEDULER_URL", at.scheduler.clone()),
        ("RFE_DLQ_URL", at.dlq.clone()),
        ("RFE_QUERY_URL", at.query.clone()),
    ];
    variables.extend(at.token.clone().map(|token| ("RFE_TOKEN", token)));
    let ca = at.tls.ca.as_ref().map(|ca| ("RFE_TLS_CA", ca.display().to_string()));
    variables.extend(ca);
    variables
}

/// Copies a folder, but for what tools of languages leave in it.
///
/// # Panics
/// If that fails.
pub fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder can be made");
    for entry in fs::read_dir(from).unwrap_or_else(|error| panic!("{}: {error}", from.display())) {
        let entry = entry.expect("an entry can be read");
        let (path, copy) = (entry.path(), to.join(entry.file_name()));
        if LEFT_BY_TOOLS.iter().any(|left| path.ends_with(left)) {
            continue;
        }
        if path.is_dir() {
            copy_tree(&path, &copy);
        } else {
            let _bytes = fs::copy(&path, &copy).expect("a file can be copied");
        }
    }
}
