//! `rfe datasets`.

mod drop;

use clap::{Args, Subcommand};

use crate::{error::CliError, session::Session, table::Table, text};

/// Arguments of `datasets`.
#[derive(Debug, Args)]
pub struct Datasets {
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Delete a dataset whose source is deleted
    Drop {
        /// The dataset
        dataset: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

impl Datasets {
    pub(crate) async fn run(self, session: &mut Session) -> Result<(), CliError> {
        match self.action {
            Some(Action::Drop { dataset, yes }) => drop::drop(session, &dataset, yes).await,
            None => list(session).await,
        }
    }
}

async fn list(session: &mut Session) -> Result<(), CliError> {
    let datasets = session.client.datasets().all().await?;
    if session.json {
        return session.out.messages(&datasets);
    }
    let mut table =
        Table::new(&["DATASET", "KIND", ">ROWS", ">SIZE", ">FILES", ">SCHEMA", ">SNAPSHOT", "CHANGED"]);
    for dataset in &datasets {
        table.row(&[
            &dataset.name,
            &dataset.kind,
            &text::count(dataset.rows),
            &text::bytes(dataset.bytes),
            &dataset.files.to_string(),
            &dataset.schema_version.to_string(),
            &dataset.snapshot.to_string(),
            &text::ago(dataset.updated_time.as_ref()),
        ]);
    }
    session.out.table(&table, "no datasets; each source has one once it is declared")
}
