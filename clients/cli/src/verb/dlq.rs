//! `rfe dlq`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use rfe_client::dlq::{DeadLetter, DeadLetterFilter, Position};
use serde_json::json;

use crate::{error::CliError, out::note, session::Session, table::Table, text, wait};

/// Arguments of `dlq`.
#[derive(Debug, Args)]
pub struct Dlq {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List letters, newest first
    Ls(Filter),
    /// Show one letter with its bytes
    Show {
        /// The letter's id
        id: String,
        /// Only its bytes, as they came
        #[arg(long, conflicts_with = "json")]
        raw: bool,
    },
    /// Land a letter again
    Replay {
        /// The letter's id
        id: String,
        /// Wait until its run has ended; exit code 3 if it failed
        #[arg(long)]
        wait: bool,
        /// Bytes to land in place of the letter's own
        #[arg(long, value_name = "FILE")]
        raw: Option<PathBuf>,
    },
    /// Close a letter for good
    Discard {
        /// The letter's id
        id: String,
        /// Why
        #[arg(long, default_value = "", hide_default_value = true)]
        reason: String,
    },
}

#[derive(Debug, Args)]
struct Filter {
    /// Only of this source
    #[arg(long, default_value = "", hide_default_value = true)]
    source: String,
    /// Only in this state
    #[arg(long, value_enum, default_value_t = State::Open)]
    state: State,
    /// Only of this kind
    #[arg(long, value_enum)]
    kind: Option<Kind>,
    /// Only of this run
    #[arg(long, value_name = "RUN", default_value = "", hide_default_value = true)]
    run: String,
    /// Only with this code, such as RAGGED_ROW
    #[arg(long, default_value = "", hide_default_value = true)]
    code: String,
    /// At most this many
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: usize,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum State {
    Open,
    Replayed,
    Discarded,
    Any,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Kind {
    Record,
    Job,
}

impl Dlq {
    pub(crate) async fn run(self, session: &mut Session) -> Result<(), CliError> {
        match self.action {
            Action::Ls(filter) => list(session, filter).await,
            Action::Show { id, raw } => show(session, &id, raw).await,
            Action::Replay { id, wait, raw } => replay(session, &id, wait, raw).await,
            Action::Discard { id, reason } => discard(session, &id, &reason).await,
        }
    }
}

async fn list(session: &mut Session, filter: Filter) -> Result<(), CliError> {
    let limit = filter.limit;
    let letters = session.client.letters(filter.into()).first(limit).await?;
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

async fn show(session: &mut Session, id: &str, raw: bool) -> Result<(), CliError> {
    let letter = session.client.letter(id).await?;
    if raw {
        return session.out.bytes(&letter.raw_base64);
    }
    if session.json {
        return session.out.message(&letter);
    }
    session.out.line(&describe(&letter))
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

async fn discard(session: &mut Session, id: &str, reason: &str) -> Result<(), CliError> {
    let letter = session.client.discard_letter(id, reason).await?;
    if session.json {
        return session.out.message(&letter);
    }
    session.out.line(&format!("{} {}", letter.id, letter.state))
}

impl From<Filter> for DeadLetterFilter {
    fn from(filter: Filter) -> Self {
        let state = match filter.state {
            State::Open => "open",
            State::Replayed => "replayed",
            State::Discarded => "discarded",
            State::Any => "",
        };
        let kind = match filter.kind {
            Some(Kind::Record) => "record",
            Some(Kind::Job) => "job",
            None => "",
        };
        Self {
            source: filter.source,
            state: state.to_owned(),
            kind: kind.to_owned(),
            run_id: filter.run,
            code: filter.code,
        }
    }
}

fn describe(letter: &DeadLetter) -> String {
    let fields = [
        ("letter", letter.id.clone()),
        ("source", letter.source.clone()),
        ("kind", letter.kind.clone()),
        ("state", letter.state.clone()),
        ("stage", letter.stage.clone()),
        ("code", letter.code.clone()),
        ("message", letter.message.clone()),
        ("field", letter.field_path.clone()),
        ("position", letter.position.as_ref().map(position).unwrap_or_default()),
        ("run", letter.run_id.clone()),
        ("attempts", letter.attempts.to_string()),
        ("first seen", text::at(letter.first_seen.as_ref())),
        ("last seen", text::at(letter.last_seen.as_ref())),
        ("event id", letter.event_id.clone()),
        ("replayed by", letter.replay_run_id.clone()),
        ("discarded", letter.discard_reason.clone()),
        ("record", String::from_utf8_lossy(&letter.raw_base64).into_owned()),
        ("", if letter.raw_truncated { "(the record is cut)".to_owned() } else { String::new() }),
    ];
    let mut table = Table::new(&["FIELD", "VALUE"]);
    for (name, value) in fields.iter().filter(|(_, value)| !value.is_empty()) {
        table.row(&[*name, value.as_str()]);
    }
    table.render()
}

fn position(position: &Position) -> String {
    let numbers = [("line", position.line), ("record", position.record), ("page", position.page)];
    let numbers = numbers.into_iter().filter(|(_, number)| *number > 0);
    let parts = numbers.map(|(name, number)| format!("{name} {number}"));
    let file = (!position.file.is_empty()).then(|| position.file.clone());
    file.into_iter().chain(parts).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_shows_what_it_has() {
        let letter = DeadLetter {
            id: "x".to_owned(),
            position: Some(Position { file: "a.csv".to_owned(), line: 7, ..Position::default() }),
            raw_base64: b"1;2\n3".to_vec(),
            ..DeadLetter::default()
        };
        let text = describe(&letter);
        assert!(text.contains("position  a.csv, line 7"), "{text}");
        assert!(text.contains("1;2\\n3"), "{text}");
        assert!(!text.contains("event id"), "{text}");
    }
}
