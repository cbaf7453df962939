//! `rfe apply`.

use std::{
    io::Read as _,
    path::{Path, PathBuf},
};

use clap::Args;
use rfe_client::{
    ApplyOptions, Client, Error, ErrorCode,
    metadata::{AppliedSource, Source},
};

use crate::{error::CliError, manifest::Manifest, out::note, paths, session::Session, table::Table};

const CHECK: ApplyOptions = ApplyOptions { validate_only: true, prune: false };

/// Arguments of `apply`.
#[derive(Debug, Args)]
pub struct Apply {
    /// The sources file; `-` reads stdin
    #[arg(short, long, value_name = "FILE")]
    file: PathBuf,
    /// Delete declared sources that the file does not have
    #[arg(long)]
    prune: bool,
    /// Check and show what would change
    #[arg(long)]
    dry_run: bool,
}

impl Apply {
    pub(crate) async fn run(self, session: &mut Session) -> Result<(), CliError> {
        let options = ApplyOptions { prune: self.prune, validate_only: self.dry_run };
        let applied = if self.file == Path::new("-") {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text).map_err(|error| CliError::read("-", error))?;
            apply_text(&session.client, "-", &text, Path::new("."), options).await?
        } else {
            apply_file(&session.client, &self.file, options).await?
        };
        if session.json {
            return session.out.messages(&applied);
        }
        let mut table = Table::new(&["SOURCE", "ACTION"]);
        applied.iter().for_each(|one| table.row(&[&one.name, &one.action]));
        session.out.table(&table, "no sources")?;
        if self.dry_run {
            note("nothing was changed: this was a dry run");
        }
        Ok(())
    }
}

/// Applies a sources file. Relative paths in it are relative to the file.
///
/// # Errors
/// [`CliError::Invalid`] with every mistake and its place; or as the call has them.
pub async fn apply_file(
    client: &Client,
    file: &Path,
    options: ApplyOptions,
) -> Result<Vec<AppliedSource>, CliError> {
    let text = std::fs::read_to_string(file).map_err(|error| CliError::read(file, error))?;
    apply_text(client, &file.display().to_string(), &text, &paths::folder_of(file), options).await
}

/// Applies the text of a sources file. `file` is how mistakes name it, `folder` what its relative paths start from.
///
/// # Errors
/// As [`apply_file`].
pub async fn apply_text(
    client: &Client,
    file: &str,
    text: &str,
    folder: &Path,
    options: ApplyOptions,
) -> Result<Vec<AppliedSource>, CliError> {
    let manifest = checked(client, file, text, folder).await?;
    match client.apply_sources(manifest.sources(), options).await {
        Ok(applied) => Ok(applied),
        Err(error) => Err(located(error, file, manifest)),
    }
}

/// The sources of a file, checked here and by the server, and not applied.
///
/// # Errors
/// As [`apply_file`].
pub(crate) async fn check_file(client: &Client, file: &Path) -> Result<Vec<Source>, CliError> {
    let text = std::fs::read_to_string(file).map_err(|error| CliError::read(file, error))?;
    let name = file.display().to_string();
    let manifest = checked(client, &name, &text, &paths::folder_of(file)).await?;
    match client.apply_sources(manifest.sources(), CHECK).await {
        Ok(_) => Ok(manifest.sources()),
        Err(error) => Err(located(error, &name, manifest)),
    }
}

// What is wrong without asking the server.
async fn checked(client: &Client, file: &str, text: &str, folder: &Path) -> Result<Manifest, CliError> {
    let mut manifest = Manifest::read(file, text, folder);
    if !manifest.is_wrong() {
        return Ok(manifest);
    }
    // The mistakes that only the server sees are wanted in the same answer; where it can't be asked, those here are enough.
    if let Err(error) = client.apply_sources(manifest.sources(), CHECK).await {
        manifest.add_server_side(error.violations());
    }
    Err(CliError::Invalid(manifest.lines()))
}

fn located(error: Error, file: &str, mut manifest: Manifest) -> CliError {
    match error {
        error if !error.violations().is_empty() => {
            manifest.add_server_side(error.violations());
            CliError::Invalid(manifest.lines())
        }
        Error::Refused(fault) if fault.code == ErrorCode::InvalidArgument => {
            CliError::Invalid(vec![format!("{file}: {fault}")])
        }
        error => error.into(),
    }
}
