//! `rfe schema`.

use clap::Args;
use rfe_client::metadata::{Column, SchemaVersion};

use crate::{error::CliError, session::Session, table::Table, text};

/// Arguments of `schema`.
#[derive(Debug, Args)]
pub struct Schema {
    /// The dataset
    dataset: String,
    /// All schema versions with their columns, newest first, in place of the dataset
    #[arg(long)]
    versions: bool,
}

impl Schema {
    pub(crate) async fn run(self, session: &mut Session) -> Result<(), CliError> {
        let dataset = session.client.dataset(&self.dataset).await?;
        if session.json && !self.versions {
            return session.out.message(&dataset);
        }
        let versions = session.client.schema_versions(&self.dataset).all().await?;
        if session.json {
            return session.out.messages(&versions);
        }
        if self.versions {
            return each(session, &versions);
        }
        session.out.table(&columns(&dataset.columns), "no columns yet; the first run brings them")?;
        if !versions.is_empty() {
            session.out.line(&format!("\n{}", history(&versions).render()))?;
        }
        let left_out = left_out(&versions);
        if !left_out.is_empty() {
            session.out.line(&format!("\n{}", left_out.render()))?;
        }
        Ok(())
    }
}

fn each(session: &mut Session, versions: &[SchemaVersion]) -> Result<(), CliError> {
    for (at, version) in versions.iter().enumerate() {
        let gap = if at > 0 { "\n" } else { "" };
        let since = text::at(version.created_time.as_ref());
        session
            .out
            .line(&format!("{gap}version {}, since {since}, by run {}", version.version, version.run_id))?;
        version.changes.iter().try_for_each(|change| session.out.line(&format!("* {change}")))?;
        for column in &version.left_out {
            session
                .out
                .line(&format!("* left out: column `{}`, since run {}", column.name, column.run_id))?;
        }
        session.out.table(&columns(&version.columns), "no columns")?;
    }
    Ok(())
}

fn columns(columns: &[Column]) -> Table {
    let mut table = Table::new(&["COLUMN", "TYPE", "NOTE"]);
    for column in columns {
        let note = match (column.declared, column.missing) {
            (true, true) => "declared; missing in the latest run",
            (true, false) => "declared",
            (false, true) => "missing in the latest run",
            (false, false) => "",
        };
        table.row(&[column.name.as_str(), &column.r#type, note]);
    }
    table
}

fn history(versions: &[SchemaVersion]) -> Table {
    let mut table = Table::new(&[">VERSION", "SINCE", "RUN", "CHANGES"]);
    for version in versions {
        table.row(&[
            &version.version.to_string(),
            &text::at(version.created_time.as_ref()),
            &version.run_id,
            &version.changes.join("; "),
        ]);
    }
    table
}

// What `discard` and `quarantine` kept out of the dataset, by the version that was the newest then.
fn left_out(versions: &[SchemaVersion]) -> Table {
    let mut table = Table::new(&["LEFT OUT", "TYPE", ">OF VERSION", "SINCE", "RUN"]);
    for version in versions {
        for column in &version.left_out {
            table.row(&[
                &column.name,
                &column.r#type,
                &version.version.to_string(),
                &text::at(column.time.as_ref()),
                &column.run_id,
            ]);
        }
    }
    table
}
