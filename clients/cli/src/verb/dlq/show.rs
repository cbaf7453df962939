//! One letter for people.

use rfe_client::dlq::{DeadLetter, Position};

use crate::{error::CliError, out::note, session::Session, table::Table, text};

/// Prints one letter.
pub(super) async fn show(session: &mut Session, id: &str, reveal: bool, raw: bool) -> Result<(), CliError> {
    let client = &session.client;
    let letter = if reveal || raw { client.revealed_letter(id).await? } else { client.letter(id).await? };
    if raw {
        return session.out.bytes(&letter.raw_base64);
    }
    if letter.redacted {
        note("what looks like a secret is hidden; --reveal shows it");
    }
    if session.json {
        return session.out.message(&letter);
    }
    session.out.line(&describe(&letter))
}

fn describe(letter: &DeadLetter) -> String {
    let record = if letter.raw_text.is_empty() {
        String::from_utf8_lossy(&letter.raw_base64).into_owned()
    } else {
        letter.raw_text.clone()
    };
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
        ("discarded by", letter.closed_by.clone()),
        ("because", letter.discard_reason.clone()),
        ("closed", text::at(letter.closed_time.as_ref())),
        ("record", record),
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

    #[test]
    fn a_hidden_record_is_shown_as_text() {
        let letter = DeadLetter {
            redacted: true,
            raw_text: "{\"token\": \"***\"}".to_owned(),
            ..DeadLetter::default()
        };
        assert!(describe(&letter).contains("***"));
    }
}
