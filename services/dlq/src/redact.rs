//! A letter as people are shown it: what looks like a secret is hidden. What is stored and replayed stays as it is.

use std::borrow::Cow;

use prost_types::{Struct, Value, value::Kind};
use rfe_model::redact::{HIDDEN, is_secret_name, text};
use rfe_proto::dlq::DeadLetter;

/// Hides what looks like a secret in message, context and record.
pub(crate) fn shown(mut letter: DeadLetter) -> DeadLetter {
    let has_secret_column = letter.context.as_ref().is_some_and(has_secret_column);
    let mut hidden = hide_text(&mut letter.message);
    if let Some(context) = &mut letter.context {
        hidden |= hide_fields(context);
    }
    if let Some(record) = record(&letter.raw_base64, has_secret_column) {
        letter.raw_text = record;
        letter.raw_base64.clear();
        hidden = true;
    }
    letter.redacted = hidden;
    letter
}

// The record without its secrets; `None` if it has none.
fn record(raw: &[u8], has_secret_column: bool) -> Option<String> {
    if raw.is_empty() {
        return None;
    }
    // Where the value stands in a line that is ragged or badly quoted, nobody can say.
    if has_secret_column {
        return Some(format!("{HIDDEN} (the header names a column that may hold secrets)"));
    }
    match text(&String::from_utf8_lossy(raw)) {
        Cow::Borrowed(_) => None,
        Cow::Owned(hidden) => Some(hidden),
    }
}

// CSV: the context keeps the header.
fn has_secret_column(context: &Struct) -> bool {
    let Some(Kind::ListValue(header)) = context.fields.get("header").and_then(|header| header.kind.as_ref())
    else {
        return false;
    };
    header
        .values
        .iter()
        .any(|name| matches!(&name.kind, Some(Kind::StringValue(name)) if is_secret_name(name)))
}

fn hide_text(of: &mut String) -> bool {
    let hidden = match text(of) {
        Cow::Borrowed(_) => return false,
        Cow::Owned(hidden) => hidden,
    };
    *of = hidden;
    true
}

fn hide_fields(of: &mut Struct) -> bool {
    let mut hidden = false;
    for (name, value) in &mut of.fields {
        hidden |= if is_secret_name(name) { hide_value(value) } else { hide_within(value) };
    }
    hidden
}

fn hide_value(value: &mut Value) -> bool {
    if matches!(value.kind, None | Some(Kind::NullValue(_))) {
        return false;
    }
    value.kind = Some(Kind::StringValue(HIDDEN.to_owned()));
    true
}

fn hide_within(value: &mut Value) -> bool {
    match &mut value.kind {
        Some(Kind::StringValue(of)) => hide_text(of),
        Some(Kind::StructValue(of)) => hide_fields(of),
        Some(Kind::ListValue(list)) => {
            list.values.iter_mut().fold(false, |hidden, value| hide_within(value) | hidden)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use rfe_model::structure::{from_struct, to_struct};
    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_are_hidden_in_record_context_and_message() {
        let letter = DeadLetter {
            message: "sent with Authorization: Bearer abc123def456".to_owned(),
            context: Some(to_struct(&json!({
                "content_type": "application/json",
                "headers": {"x-api-key": "k1", "user-agent": "curl", "referer": "https://h/?token=t1&a=1"},
            }))),
            raw_base64: br#"{"total": "many", "password": "hunter2"}"#.to_vec(),
            ..DeadLetter::default()
        };
        let shown = shown(letter);
        assert!(shown.redacted && shown.raw_base64.is_empty());
        assert_eq!(shown.raw_text, r#"{"total": "many", "password": "***"}"#);
        let context = from_struct(&shown.context.expect("a context"));
        assert_eq!(
            context["headers"],
            json!({"x-api-key": "***", "user-agent": "curl", "referer": "https://h/?token=***&a=1"})
        );
        assert!(!shown.message.contains("abc123"), "{}", shown.message);
    }

    #[test]
    fn a_letter_without_secrets_is_shown_as_it_is() {
        let letter = DeadLetter {
            message: "`many` is no BIGINT, which the column `total` is".to_owned(),
            context: Some(to_struct(&json!({"header": ["id", "author"], "delimiter": ","}))),
            raw_base64: b"1,many\xff".to_vec(),
            ..DeadLetter::default()
        };
        assert_eq!(shown(letter.clone()), letter);
    }

    #[test]
    fn a_line_of_a_file_with_a_secret_column_is_hidden_whole() {
        let letter = DeadLetter {
            context: Some(to_struct(&json!({"header": ["id", "API key"]}))),
            raw_base64: b"1,k1,k2".to_vec(),
            ..DeadLetter::default()
        };
        let shown = shown(letter);
        assert!(shown.redacted && shown.raw_base64.is_empty() && !shown.raw_text.contains("k1"), "{shown:?}");
    }
}
