//! `rfe send`: events from NDJSON. Good lines are sent, bad ones are named, and the exit code says that there were some.

use std::{path::PathBuf, time::Duration};

use clap::Args;
use rfe_client::{EventSender, SendError, ingest::Event};
use serde::de::IgnoredAny;
use serde_json::{Value as Json, json};

use crate::{
    error::CliError,
    lines::{self, Line},
    out::note,
    session::Session,
    text,
};

// A pipe that says nothing for so long must not hold up what it said before.
const IDLE: Duration = Duration::from_secs(1);
const NAMED: u64 = 20;

/// Arguments of `send`.
#[derive(Debug, Args)]
pub struct Send {
    /// The source
    source: String,
    /// NDJSON, one event a line; `-` reads stdin
    #[arg(default_value = "-")]
    file: PathBuf,
    /// JSON pointer of the event's id, such as /id; without it each line is an event of its own
    #[arg(long, value_name = "POINTER", value_parser = pointer)]
    id_field: Option<String>,
}

#[derive(Debug, Default)]
struct Bad {
    count: u64,
}

impl Send {
    pub(crate) async fn run(self, session: &mut Session) -> Result<(), CliError> {
        let mut lines = lines::read(&self.file)?;
        let mut sender = session.client.event_sender(&self.source);
        let mut bad = Bad::default();
        let mut waits = false;
        let failed = loop {
            let next =
                if waits { tokio::time::timeout(IDLE, lines.recv()).await } else { Ok(lines.recv().await) };
            let sent = match next {
                Ok(Some(batch)) => {
                    waits = true;
                    let batch = batch.map_err(|error| CliError::read(&self.file, error));
                    match batch {
                        Ok(batch) => self.send(&mut sender, batch, &mut bad).await.map_err(undelivered),
                        Err(error) => sender.flush().await.map_err(undelivered).and(Err(error)),
                    }
                }
                Ok(None) => break sender.flush().await.map_err(undelivered).err(),
                Err(_idle) => {
                    waits = false;
                    sender.flush().await.map_err(undelivered)
                }
            };
            bad.name_rejected(&mut sender);
            if let Err(error) = sent {
                break Some(error);
            }
        };
        bad.name_rejected(&mut sender);
        report(session, &sender, &bad)?;
        match failed {
            Some(error) => Err(error),
            None if bad.count > 0 => {
                Err(CliError::Failed(format!("{} not sent", text::many(bad.count as i64, "line"))))
            }
            None => Ok(()),
        }
    }

    async fn send(&self, sender: &mut EventSender, batch: Vec<Line>, bad: &mut Bad) -> Result<(), SendError> {
        for line in batch {
            if line.bytes.iter().all(u8::is_ascii_whitespace) && !line.cut {
                continue;
            }
            match self.event(&line) {
                Ok(event_id) => {
                    let event = Event { event_id, payload: line.bytes, ..Event::default() };
                    sender.send_numbered(line.number, event).await?;
                }
                Err(reason) => bad.name(line.number, &reason),
            }
        }
        Ok(())
    }

    // Checks a line and finds its event's id; an empty one is filled in by the sender.
    fn event(&self, line: &Line) -> Result<String, String> {
        if line.cut {
            return Err(format!("longer than {}", text::bytes(lines::LONGEST as i64)));
        }
        let wrong = |error: serde_json::Error| format!("not JSON: {}", without_place(&error));
        let Some(pointer) = &self.id_field else {
            return serde_json::from_slice::<IgnoredAny>(&line.bytes).map(|_| String::new()).map_err(wrong);
        };
        let value: Json = serde_json::from_slice(&line.bytes).map_err(wrong)?;
        match value.pointer(pointer) {
            Some(Json::String(id)) if !id.is_empty() => Ok(id.clone()),
            Some(Json::Number(id)) => Ok(id.to_string()),
            Some(other) => Err(format!("`{other}` at {pointer} is no id; an id is a text or a number")),
            None => Err(format!("no id at {pointer}")),
        }
    }
}

impl Bad {
    fn name(&mut self, line: u64, reason: &str) {
        self.count += 1;
        if self.count <= NAMED {
            note(&format!("line {line}: {reason}"));
        } else if self.count == NAMED + 1 {
            note("more lines are bad; only their number follows");
        }
    }

    fn name_rejected(&mut self, sender: &mut EventSender) {
        for rejected in sender.take_rejected() {
            self.name(rejected.number, &rejected.message);
        }
    }
}

fn report(session: &mut Session, sender: &EventSender, bad: &Bad) -> Result<(), CliError> {
    let summary = sender.summary();
    if session.json {
        let answer = json!({"sent": summary.accepted, "duplicates": summary.duplicates, "bad": bad.count});
        session.out.json(&answer)?;
    } else {
        note(&format!(
            "{} sent, {} known before, {} bad",
            text::many(summary.accepted as i64, "event"),
            text::count(summary.duplicates as i64),
            text::count(bad.count as i64)
        ));
    }
    session.out.flush()
}

fn undelivered(error: SendError) -> CliError {
    note(&error.to_string());
    error.error.into()
}

// A line is the document, so serde's line number says nothing.
fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.split_once(" at line ") {
        Some((reason, _)) => format!("{reason} at column {}", error.column()),
        None => text,
    }
}

fn pointer(text: &str) -> Result<String, String> {
    if text.starts_with('/') {
        Ok(text.to_owned())
    } else {
        Err(format!("`{text}` is no JSON pointer; write it like /id"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(id_field: Option<&str>, text: &str) -> Result<String, String> {
        let send =
            Send { source: "s".to_owned(), file: PathBuf::from("-"), id_field: id_field.map(str::to_owned) };
        send.event(&Line { number: 1, bytes: text.as_bytes().to_vec(), cut: false })
    }

    #[test]
    fn the_id_is_found_and_what_has_none_is_named() {
        assert_eq!(event(Some("/a/id"), r#"{"a":{"id":"x"}}"#), Ok("x".to_owned()));
        assert_eq!(
            event(Some("/id"), r#"{"id":12345678901234567890}"#),
            Ok("12345678901234567890".to_owned())
        );
        assert_eq!(event(Some("/id"), r#"{"a":1}"#), Err("no id at /id".to_owned()));
        assert!(event(Some("/id"), r#"{"id":null}"#).expect_err("no id").contains("`null`"));
        assert_eq!(event(None, "[1,2]"), Ok(String::new()));
    }

    #[test]
    fn a_line_that_is_no_json_is_named_with_its_column() {
        assert_eq!(event(None, "{\"a\":}"), Err("not JSON: expected value at column 6".to_owned()));
        assert!(event(None, "{} {}").expect_err("two").contains("trailing"));
        assert!(event(None, "\u{feff}").is_err());
    }
}
