//! `rfe schema`.

use clap::Args;
use rfe_client::metadata::{Column, SchemaVersion};

use crate::{error::CliError, session::Session, table::Table, text};

/// Arguments of `schema`.
#[derive(Debug, Args)]
pub struct Schema {
    /// The dataset
    dataset: String,
    /// With --json: all schema versions, newest first, in place of the dataset
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
        session.out.table(&columns(&dataset.columns), "no columns yet; the first run brings them")?;
        if !versions.is_empty() {
            session.out.line(&format!("\n{}", history(&versions).render()))?;
        }
        Ok(())
    }
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
