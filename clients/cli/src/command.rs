//! The command line.

use clap::{Args, Subcommand};

use crate::{
    error::CliError,
    session::Session,
    verb::{
        apply, datasets, dlq, ingest, preview, query, queue, runs, schedule, schema, send, sources, status,
    },
};

/// What every verb takes.
#[derive(Debug, Clone, Default, Args)]
pub struct Global {
    /// Address of all services [env: RFE_URL] [default: http://127.0.0.1:50051]
    ///
    /// RFE_METADATA_URL, RFE_SCHEDULER_URL, RFE_DLQ_URL and RFE_QUERY_URL override it one by one. Of an https:// address the
    /// authorities of the system and those in the file RFE_TLS_CA are trusted; RFE_TLS_CLIENT_CERT and RFE_TLS_CLIENT_KEY are
    /// the certificate to show.
    #[arg(long, global = true, value_name = "URL", value_parser = rfe_client::check_url)]
    pub url: Option<String>,
    /// Token to send [env: RFE_TOKEN]
    #[arg(long, global = true, value_name = "TOKEN")]
    pub token: Option<String>,
    /// Results as JSON: one document, for lists one a line
    #[arg(long, global = true)]
    pub json: bool,
}

/// The client verbs.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Declare the sources of a file, all or none
    Apply(apply::Apply),
    /// List the sources
    Sources(sources::Sources),
    /// Show what reading a source would give, without landing it
    Preview(preview::Preview),
    /// Read a source now
    Ingest(ingest::Ingest),
    /// List runs, newest first
    Runs(runs::Runs),
    /// Freshness, backlog and failures in one view
    Status(status::Status),
    /// List the datasets
    Datasets(datasets::Datasets),
    /// Show a dataset's columns and how they changed
    Schema(schema::Schema),
    /// Run SQL over the datasets
    Query(query::Query),
    /// What could not be landed
    Dlq(dlq::Dlq),
    /// When sources are read
    Schedule(schedule::Schedule),
    /// Send events from NDJSON
    Send(send::Send),
    /// Stop working on a source's jobs; accepting goes on
    Pause(queue::Pause),
    /// Work on a paused source's jobs again
    Resume(queue::Resume),
    /// Cancel a job; no row of it appears afterwards
    Cancel(queue::Cancel),
}

impl Command {
    pub(crate) async fn run(self, session: &mut Session) -> Result<(), CliError> {
        match self {
            Self::Apply(verb) => verb.run(session).await,
            Self::Sources(verb) => verb.run(session).await,
            Self::Preview(verb) => verb.run(session).await,
            Self::Ingest(verb) => verb.run(session).await,
            Self::Runs(verb) => verb.run(session).await,
            Self::Status(verb) => verb.run(session).await,
            Self::Datasets(verb) => verb.run(session).await,
            Self::Schema(verb) => verb.run(session).await,
            Self::Query(verb) => verb.run(session).await,
            Self::Dlq(verb) => verb.run(session).await,
            Self::Schedule(verb) => verb.run(session).await,
            Self::Send(verb) => verb.run(session).await,
            Self::Pause(verb) => verb.run(session).await,
            Self::Resume(verb) => verb.run(session).await,
            Self::Cancel(verb) => verb.run(session).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser};

    use super::*;

    #[derive(Debug, Parser)]
    #[command(name = "rfe")]
    struct Line {
        #[command(flatten)]
        global: Global,
        #[command(subcommand)]
        command: Command,
    }

    #[test]
    fn the_verbs_of_the_contract_parse() {
        Line::command().debug_assert();
        for line in [
            "rfe apply -f sources.yaml --prune",
            "rfe apply -f - --dry-run --json",
            "rfe sources",
            "rfe preview finance_csv",
            "rfe preview -f sources.yaml",
            "rfe preview -f sources.yaml finance_csv --rows 3 --json",
            "rfe ingest finance_csv --wait",
            "rfe runs --source finance_csv --limit 3",
            "rfe status --url 127.0.0.1:50051",
            "rfe status --url https://rfe.example:50051 --token x",
            "rfe datasets",
            "rfe datasets drop finance_csv",
            "rfe datasets drop finance_csv --yes --json",
            "rfe schema finance_csv",
            "rfe query SELECT --format csv -o out.csv",
            "rfe dlq ls --source a --state open",
            "rfe dlq show id",
            "rfe dlq replay id --wait --raw fixed.json",
            "rfe dlq discard id --reason duplicate",
            "rfe schedule ls",
            "rfe schedule create a --every 5m",
            "rfe schedule create a --cron 0-6-*-*-* --timezone Europe/Berlin",
            "rfe schedule pause id",
            "rfe schedule resume id",
            "rfe schedule trigger id --wait",
            "rfe schedule preview --every 5m --count 3",
            "rfe schedule firings id --limit 5",
            "rfe send clicks events.ndjson --id-field /id",
            "rfe send clicks -",
            "rfe pause a",
            "rfe resume a",
            "rfe cancel job",
        ] {
            let parsed = Line::try_parse_from(line.split(' '));
            assert!(parsed.is_ok(), "{line}: {parsed:?}");
        }
    }

    #[test]
    fn wrong_usage_is_told_by_the_parser() {
        for line in [
            "rfe ingest",
            "rfe apply",
            "rfe query x --format xml",
            "rfe schedule create a",
            "rfe schedule create a --every 5m --cron x",
            "rfe schedule create a --every soon",
            "rfe status --url ftp://a",
            "rfe preview",
            "rfe preview a --rows 0",
            "rfe dlq ls --state shut",
        ] {
            let parsed = Line::try_parse_from(line.split(' '));
            assert_eq!(parsed.expect_err(line).exit_code(), 2, "{line}");
        }
    }
}
