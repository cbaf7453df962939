//! `rfe preview`.

use std::path::PathBuf;

use clap::Args;

use crate::error::CliError;

/// Arguments of `preview`.
#[derive(Debug, Args)]
pub struct Preview {
    /// The source
    #[arg(required_unless_present = "file")]
    source: Option<String>,
    /// A sources file in place of a declared source
    #[arg(short, long, value_name = "FILE", conflicts_with = "source")]
    file: Option<PathBuf>,
}

impl Preview {
    pub(crate) fn run(self) -> Result<(), CliError> {
        Err(CliError::Failed("preview is not in this version".to_owned()))
    }
}
