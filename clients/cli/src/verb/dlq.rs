//! `rfe dlq`.

mod filter;
mod many;
mod show;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;

use crate::{error::CliError, out::note, session::Session, table::Table, text, wait};
use filter::{Filter, State, Target, Which};

/// Arguments of `dlq`.
#[derive(Debug, Args)]
pub struct Dlq {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List letters, newest first
    Ls {
        #[command(flatten)]
        filter: Filter,
        /// Only in this state
        #[arg(long, value_enum, default_value_t = State::Open)]
        state: State,
        /// At most this many
        #[arg(long, value_name = "N", default_value_t = 100)]
        limit: usize,
    },
    /// Show one letter; what looks like a secret is hidden
    Show {
        /// The letter's id
        id: String,
        /// Show it as it is stored, secrets included
        #[arg(long)]
        reveal: bool,
        /// Only its bytes, as they came, secrets included
        #[arg(long, conflicts_with = "json")]
        raw: bool,
    },
    /// Land one letter again, or all open ones that match
    Replay {
        #[command(flatten)]
        which: Which,
        /// Wait until the runs have ended; exit code 3 if one failed
        #[arg(long)]
        wait: bool,
        /// Bytes to land in place of the letter's own
        #[arg(long, value_name = "FILE", requires = "id")]
        raw: Option<PathBuf>,
    },
    /// Close one letter for good, or all open ones that match
    Discard {
        #[command(flatten)]
        which: Which,
        /// Why
        #[arg(long, default_value = "", hide_default_value = true)]
        reason: String,
        /// Who [default: $USER]
        #[arg(long, value_name = "NAME")]
        by: Option<String>,
    },
}

impl Dlq {
    pub(crate) async fn run(self, session: &mut Session) -> Result<(), CliError> {
        match self.action {
            Action::Ls { filter, state, limit } => list(session, filter, state, limit).await,
            Action::Show { id, reveal, raw } => show::show(session, &id, reveal, raw).await,
            Action::Replay { which, wait, raw } => match which.target()? {
                Target::One(id) => replay(session, &id, wait, raw).await,
                Target::Many(many) => many::replay(session, many, wait).await,
            },
            Action::Discard { which, reason, by } => {
                let by = by.or_else(|| std::env::var("USER").ok()).unwrap_or_default();
                match which.target()? {
                    Target::One(id) => discard(session, &id, &reason, &by).await,
                    Target::Many(many) => many::discard(session, many, &reason, &by).await,
                }
            }
        }
    }
}

async fn list(session: &mut Session, filter: Filter, state: State, limit: usize) -> Result<(), CliError> {
    let letters = session.client.letters(filter.into_proto(state)).first(limit).await?;
    if session.json {
        return session.out.messages(&letters);
    }
    let mut table =
        Table::new(&["LETTER", "SOURCE", "KIND", "STATE", "CODE", ">ATTEMPTS", "SEEN", "MESSAGE"])
            .widest(100);
    for letter in &letters {
        table.row(&[
            &letter.id,
            &letter.source,
            &letter.kind,
            &letter.state,
            &letter.code,
            &letter.attempts.to_string(),
            &text::ago(letter.last_seen.as_ref()),
            &letter.message,
        ]);
    }
    session.out.table(&table, "no dead letters")
}

async fn replay(session: &mut Session, id: &str, wait: bool, raw: Option<PathBuf>) -> Result<(), CliError> {
    let raw =
        raw.map(|file| std::fs::read(&file).map_err(|error| CliError::read(file, error))).transpose()?;
    let replayed = session.client.replay_letter(id, raw).await?;
    if replayed.already_replayed {
        note("the letter was replayed before; nothing was queued");
    } else if wait {
        return wait::until_ended(session, &replayed.job_id).await;
    }
    if session.json {
        let answer = json!({"job_id": replayed.job_id, "already_replayed": replayed.already_replayed});
        return session.out.json(&answer);
    }
    session.out.line(&replayed.job_id)
}

async fn discard(session: &mut Session, id: &str, reason: &str, by: &str) -> Result<(), CliError> {
    let letter = session.client.discard_letter(id, reason, by).await?;
    if session.json {
        return session.out.message(&letter);
    }
    session.out.line(&format!("{} {}", letter.id, letter.state))
}
