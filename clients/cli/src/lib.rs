#![doc = include_str!("../README.md")]

mod command;
mod entry;
mod error;
mod instant;
mod lines;
mod manifest;
mod out;
mod paths;
mod progress;
mod rows;
mod session;
mod table;
mod text;
mod verb;
mod wait;
mod yaml;

use std::process::ExitCode;

pub use command::{Command, Global};
pub use error::CliError;
pub use verb::apply::{apply_file, apply_text};

use session::Session;

/// Runs a verb. Errors are printed to stderr; the exit code is the contract's.
pub async fn run(command: Command, global: Global) -> ExitCode {
    match execute(command, &global).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            error.print();
            error.exit_code().into()
        }
    }
}

async fn execute(command: Command, global: &Global) -> Result<(), CliError> {
    let mut session = Session::open(global)?;
    command.run(&mut session).await?;
    session.out.flush()
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use clap::{Parser as _, Subcommand as _};

    use super::*;

    // A port where nobody listens: it was free a moment ago.
    fn nowhere() -> Global {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        Global { url: Some(url), ..Global::default() }
    }

    fn command(line: &[&str]) -> Command {
        #[derive(Debug, clap::Parser)]
        struct Line {
            #[command(subcommand)]
            command: Command,
        }
        assert!(Command::has_subcommand(line[0]), "{}", line[0]);
        Line::try_parse_from([&["rfe"], line].concat()).expect("a command").command
    }

    #[tokio::test]
    async fn nobody_there_is_exit_code_5() {
        for line in [
            &["sources"][..],
            &["ingest", "a", "--wait"],
            &["preview", "a"],
            &["query", "SELECT 1"],
            &["status"],
            &["datasets", "drop", "a", "--yes"],
        ] {
            let error = execute(command(line), &nowhere()).await.expect_err("nobody is there");
            assert_eq!(error.exit_code(), 5, "{line:?}: {error}");
        }
    }

    #[tokio::test]
    async fn mistakes_are_told_though_nobody_is_there() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("sources.yaml");
        std::fs::write(&file, "version: 1\nsources:\n- name: a\n- kind: csv\n").expect("written");
        let path = file.to_str().expect("a path");
        let error = execute(command(&["apply", "-f", path]), &nowhere()).await.expect_err("it is wrong");
        assert_eq!(error.exit_code(), 78);
        let lines = [
            format!("{path}:3:3: sources[0]: the key `kind` is missing"),
            format!("{path}:4:3: sources[1]: the key `name` is missing"),
        ];
        assert_eq!(error.to_string(), lines.join("\n"));
    }
}
