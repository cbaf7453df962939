//! `rfe runs`.

use clap::Args;
use rfe_client::metadata::Run;

use crate::{error::CliError, session::Session, table::Table, text};

/// Arguments of `runs`.
#[derive(Debug, Args)]
pub struct Runs {
    /// Only of this source
    #[arg(long, value_name = "SOURCE", default_value = "", hide_default_value = true)]
    source: String,
    /// At most this many
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: usize,
}

impl Runs {
    pub(crate) async fn run(self, session: &mut Session) -> Result<(), CliError> {
        let runs = session.client.runs(&self.source, &[], &[]).first(self.limit).await?;
        if session.json {
            return session.out.messages(&runs);
        }
        session.out.table(&table(&runs), "no runs")
    }
}

fn table(runs: &[Run]) -> Table {
    let mut table = Table::new(&[
        "RUN",
        "SOURCE",
        "KIND",
        "STATE",
        ">READ",
        ">LANDED",
        ">DEAD",
        ">DISCARDED",
        ">ATTEMPT",
        "MADE",
        "TOOK",
        "ERROR",
    ]);
    for run in runs {
        let counters = run.counters.unwrap_or_default();
        let took = text::between(run.started_time.as_ref(), run.finished_time.as_ref());
        table.row(&[
            &run.run_id,
            &run.source,
            &text::state(run.kind().as_str_name(), "RUN_KIND_"),
            &text::state(run.state().as_str_name(), "RUN_STATE_"),
            &text::count(counters.read),
            &text::count(counters.landed),
            &text::count(counters.dead),
            &text::count(counters.discarded),
            &run.attempts.to_string(),
            &text::at(run.created_time.as_ref()),
            &took.map(text::span).unwrap_or_default(),
            &error(run),
        ]);
    }
    table
}

pub(super) fn error(run: &Run) -> String {
    if run.error.is_empty() { run.error_code.clone() } else { run.error.clone() }
}
