//! JSON against serde_json: every record's exact text is in `raw`, its values in its columns, whatever stands around it.

use std::sync::{Arc, Mutex};

use axum::{Router, http::header, routing::get};
use proptest::{collection::vec, prelude::*, sample::select, string::string_regex};
use rfe_model::{SourceSpec, source::JsonSpec, time};
use rfe_proto::ingest::Event;
use rfe_sources::{Chunk, ReadError};
use serde::de::IgnoredAny;
use serde_json::{Value as Json, json};

use crate::{
    desk::{column, context, kind, raw, spec},
    trial::{Trial, holds},
};

fn space() -> impl Strategy<Value = &'static str> {
    select(vec!["", "", "", " ", "\t", "\n", " \r\n "])
}

fn text() -> impl Strategy<Value = String> {
    let plain = any::<String>().prop_map(|text| serde_json::to_string(&text).expect("text"));
    let escaped = string_regex(r#""([a-z,:\[\]{}]|\\["\\/bfnrt]|\\u00[0-9a-f]{2}|\\ud83d\\ude00){0,6}""#);
    prop_oneof![plain, escaped.expect("a pattern"), "[a-z]{1,3}".prop_map(|text| format!("\"{text}\""))]
}

/// The text of any JSON value, with space wherever it may stand.
fn value() -> impl Strategy<Value = String> {
    let number = string_regex(r"-?(0|[1-9][0-9]{0,25})(\.[0-9]{1,8})?([eE][+-]?[0-9]{1,2})?");
    let leaf = prop_oneof![
        select(vec!["null", "true", "false"]).prop_map(str::to_owned),
        number.expect("a pattern"),
        text(),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        let item =
            (space(), inner, space()).prop_map(|(before, item, after)| format!("{before}{item}{after}"));
        let item = item.boxed();
        let list = vec(item.clone(), 0..5).prop_map(|items| format!("[{}]", items.join(",")));
        prop_oneof![list, object(item)]
    })
}

fn object(value: impl Strategy<Value = String> + 'static) -> impl Strategy<Value = String> {
    let key = select(vec!["a", "b", "c", "d e", "\\u00fc", "f\\\"g"]);
    let member = (space(), key, space(), value)
        .prop_map(|(before, key, after, value)| format!("{before}\"{key}\"{after}:{value}"));
    (vec(member, 0..5), space()).prop_map(|(members, end)| format!("{{{}{end}}}", members.join(",")))
}

fn record() -> impl Strategy<Value = String> {
    prop_oneof![5 => object(value()), 1 => value()]
}

fn on_one_line(text: &str) -> String {
    text.replace(['\n', '\r'], " ")
}

fn with(json: JsonSpec, trial: &Trial, chunk_bytes: usize) -> Result<Vec<Chunk>, ReadError> {
    let spec = SourceSpec { json, ..trial.desk.spec("json", json!({"location": "a.json"})) };
    trial.read_spec(&spec, chunk_bytes)
}

fn format(name: &str) -> JsonSpec {
    JsonSpec { format: Some(name.to_owned()), ..JsonSpec::default() }
}

fn bodies(chunks: &[Chunk]) -> Vec<String> {
    raw(chunks, "body").into_iter().flatten().collect()
}

fn bad(chunks: &[Chunk]) -> usize {
    chunks.iter().map(|chunk| chunk.bad.len()).sum()
}

// What a column of text holds of a value.
fn is_text_of(text: Option<&str>, value: Option<&Json>) -> bool {
    match (text, value) {
        (None, None | Some(Json::Null)) => true,
        (Some(text), Some(Json::String(value))) => text == value,
        (Some(text), Some(value)) => serde_json::from_str::<Json>(text).is_ok_and(|read| read == *value),
        (None, Some(_)) | (Some(_), None) => false,
    }
}

#[test]
fn lines_keep_their_text_and_values() {
    let trial = Trial::new();
    let lines = vec((record(), select(vec!["\n", "\r\n", "\n\n", "\n \t\n"])), 0..12);
    holds(250, &(lines, 1..6000_usize), |(lines, chunk_bytes)| {
        let lines: Vec<_> = lines.into_iter().map(|(text, end)| (on_one_line(&text), end)).collect();
        let file: String = lines.iter().flat_map(|(text, end)| [text.as_str(), end]).collect();
        trial.desk.write("a.json", file);
        let chunks = with(format("ndjson"), &trial, chunk_bytes).expect("read");
        let texts: Vec<String> = lines.into_iter().map(|(text, _)| text).collect();
        prop_assert_eq!(bodies(&chunks), texts.clone());
        prop_assert_eq!(bad(&chunks), 0);
        for name in ["a", "b", "c", "d e", "ü", "f\"g", "value"] {
            for (text, read) in texts.iter().zip(column(&chunks, name)) {
                let whole: Json = serde_json::from_str(text).expect("json");
                let value =
                    if whole.is_object() { whole.get(name) } else { (name == "value").then_some(&whole) };
                // The record itself is JSON, a string in it as well.
                let is_right = if whole.is_object() {
                    is_text_of(read.as_deref(), value)
                } else {
                    read.as_deref() == value.map(|_| text.as_str())
                };
                prop_assert!(is_right, "{}: {:?} of {}", name, read, text);
            }
        }
        Ok(())
    });
}

#[test]
fn items_of_a_list_keep_their_text_wherever_the_list_is() {
    let trial = Trial::new();
    let items = vec((space(), record(), space()), 0..12);
    let siblings = (vec(value(), 0..3), vec(value(), 0..3));
    holds(250, &(items, siblings, 1..6000_usize), |(items, (before, after), chunk_bytes)| {
        let texts: Vec<String> = items.iter().map(|(_, text, _)| text.clone()).collect();
        let list: Vec<String> =
            items.iter().map(|(before, text, after)| format!("{before}{text}{after}")).collect();
        let list = format!("[{}]", list.join(","));
        trial.desk.write("a.json", format!("\n {list}\n"));
        prop_assert_eq!(
            bodies(&with(JsonSpec::default(), &trial, chunk_bytes).expect("list")),
            texts.clone()
        );

        let member = |name: &str, values: &[String]| -> String {
            values.iter().enumerate().map(|(at, value)| format!("\"{name}{at}\" : {value} ,")).collect()
        };
        let tail: String =
            after.iter().enumerate().map(|(at, value)| format!(",\"z{at}\":{value}")).collect();
        let inner = format!("{{{}\"rows\":{list}{tail}}}", member("x", &before));
        trial.desk.write("a.json", format!("{{{}\"d/a\":[0,{inner},{{}}]{tail}}}", member("y", &after)));
        let records = JsonSpec { records: Some("/d~1a/1/rows".to_owned()), ..JsonSpec::default() };
        let chunks = with(records, &trial, chunk_bytes).expect("document");
        prop_assert_eq!(bodies(&chunks), texts);
        Ok(())
    });
}

#[test]
fn values_one_after_the_other_keep_their_text() {
    let trial = Trial::new();
    let first = object(value()).prop_map(|text| format!("{{\n\"first\":1,\"rest\":{text}}}"));
    let values = vec((space(), object(value())), 0..8);
    holds(200, &(first, values, 1..6000_usize), |(first, values, chunk_bytes)| {
        let file: String = values.iter().map(|(space, text)| format!("{space}{text}")).collect();
        trial.desk.write("a.json", format!("{first}{file}"));
        let chunks = with(JsonSpec::default(), &trial, chunk_bytes).expect("read");
        let texts: Vec<String> =
            [first].into_iter().chain(values.into_iter().map(|(_, text)| text)).collect();
        prop_assert_eq!(bodies(&chunks), texts);
        Ok(())
    });
}

fn soup() -> impl Strategy<Value = String> {
    let token = select(vec![
        "{", "}", "[", "]", ",", ":", "\"a\"", "\"b\"", "\"", "\\", "1", "-", "0.5", "e", "true", "nul", " ",
        "\\\"",
    ]);
    vec(token, 0..14).prop_map(|tokens| tokens.concat())
}

#[test]
fn a_line_lands_if_and_only_if_serde_json_reads_it() {
    let trial = Trial::new();
    holds(300, &vec(prop_oneof![soup(), record()], 0..6), |lines| {
        let lines: Vec<String> = lines.iter().map(|line| on_one_line(line)).collect();
        trial.desk.write("a.json", lines.join("\n"));
        let chunks = with(format("ndjson"), &trial, 1 << 20).expect("read");
        let is_json = |line: &&String| serde_json::from_str::<IgnoredAny>(line).is_ok();
        let mut good: Vec<String> = Vec::new();
        for line in lines.iter().filter(|line| !line.trim().is_empty()) {
            // Objects that share a line are records each.
            let objects: Result<Vec<Box<serde_json::value::RawValue>>, _> =
                serde_json::Deserializer::from_str(line).into_iter().collect();
            match objects {
                Ok(objects) if objects.len() > 1 && objects.iter().all(|raw| raw.get().starts_with('{')) => {
                    good.extend(objects.iter().map(|raw| raw.get().to_owned()));
                }
                _ if is_json(&line) => good.push(line.clone()),
                _ => {}
            }
        }
        prop_assert_eq!(bodies(&chunks), good);
        Ok(())
    });
}

#[test]
fn a_list_lands_whole_if_and_only_if_serde_json_reads_it() {
    let trial = Trial::new();
    let list = prop_oneof![
        2 => soup().prop_map(|text| format!("[{text}]")),
        1 => soup().prop_map(|text| format!("[{text}")),
        2 => vec(record(), 0..4).prop_map(|items| format!("[{}]", items.join(","))),
    ];
    holds(500, &list, |text| {
        trial.desk.write("a.json", &text);
        let read = with(format("array"), &trial, 1 << 20);
        let whole = serde_json::from_str::<Vec<Box<serde_json::value::RawValue>>>(&text);
        match (read, whole) {
            (Ok(chunks), Ok(items)) => {
                let items: Vec<String> = items.iter().map(|item| item.get().to_owned()).collect();
                prop_assert_eq!(bodies(&chunks), items);
            }
            (Ok(chunks), Err(error)) => prop_assert!(bad(&chunks) > 0, "{} read in spite of {}", text, error),
            (Err(error), Ok(_)) => prop_assert!(false, "{}: {}", text, error),
            (Err(error), Err(_)) => prop_assert_eq!(error.code, "NOT_JSON"),
        }
        // Within a document the same.
        trial.desk.write("a.json", format!("{{\"data\":{text}}}"));
        let records = JsonSpec { records: Some("/data".to_owned()), ..JsonSpec::default() };
        if let Ok(chunks) = with(records, &trial, 1 << 20) {
            let is_json = serde_json::from_str::<IgnoredAny>(&format!("{{\"data\":{text}}}")).is_ok();
            prop_assert!(is_json || bad(&chunks) > 0, "{}", text);
        }
        Ok(())
    });
}

#[test]
fn a_page_of_rest_keeps_the_text_of_its_records() {
    let trial = Trial::new();
    let page = Arc::new(Mutex::new(String::new()));
    let shared = Arc::clone(&page);
    let router = Router::new().route(
        "/",
        get(move || {
            let page = shared.lock().expect("page").clone();
            async move { ([(header::CONTENT_TYPE, "application/json")], page) }
        }),
    );
    let address = trial.serve(router);
    holds(80, &vec((space(), record()), 0..8), |items| {
        let list: Vec<String> = items.iter().map(|(space, text)| format!("{space}{text}{space}")).collect();
        *page.lock().expect("page") = format!("{{\"n\":1, \"data\":[{}]}}", list.join(","));
        let config = json!({"url": format!("http://{address}/"), "records": "/data"});
        let chunks = trial.read_spec(&spec("rest", config), 1 << 20).expect("read");
        let texts: Vec<String> = items.into_iter().map(|(_, text)| text).collect();
        prop_assert_eq!(bodies(&chunks), texts);
        Ok(())
    });
}

#[test]
fn events_keep_their_exact_bytes() {
    let payload = prop_oneof![
        (space(), record(), space())
            .prop_map(|(before, text, after)| format!("{before}{text}{after}").into_bytes()),
        soup().prop_map(String::into_bytes),
        vec(any::<u8>(), 0..20),
    ];
    let webhook = kind("webhook");
    holds(300, &vec(payload, 1..8), |payloads| {
        let event = |(at, payload): (usize, &Vec<u8>)| Event {
            event_id: at.to_string(),
            payload: payload.clone(),
            received_time: Some(time::proto_from_micros(0)),
            ..Event::default()
        };
        let events: Vec<Event> = payloads.iter().enumerate().map(event).collect();
        let chunk = webhook
            .decode_events(&spec("webhook", json!({})), &context(Vec::new()), &events)
            .expect("decode");
        let body = chunk.raw.column("body").expect("body").binary().expect("bytes");
        let landed: Vec<&[u8]> = body.iter().flatten().collect();
        let is_json = |payload: &&Vec<u8>| {
            std::str::from_utf8(payload).is_ok() && serde_json::from_slice::<IgnoredAny>(payload).is_ok()
        };
        let (good, bad): (Vec<_>, Vec<_>) = payloads.iter().partition(is_json);
        prop_assert_eq!(landed, good);
        prop_assert_eq!(chunk.bad.iter().map(|bad| &bad.raw).collect::<Vec<_>>(), bad);
        Ok(())
    });
}
