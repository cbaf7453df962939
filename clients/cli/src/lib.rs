#![doc = include_str!("../README.md")]

mod command;
mod entry;
mod error;
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
