//! One scenario for the clients in every language: they apply sources, send 10,000 events, watch jobs, read rows by SQL, replay a dead
//! letter, and meet the errors that clients must tell apart. Each prints what it saw as JSON, and must have seen the same.
//! In one process the platform speaks TLS; everywhere it wants tokens. `clients/README.md` tells the steps.

mod rust;

use rfe_tests::{Ground, sdk::Scenario};
use serde_json::{Value as Json, json};

use crate::doors::Doors;

async fn passes(scenario: Scenario, ground: Ground) {
    let doors = Doors::open(ground).await;
    let answer = scenario.run(&doors.endpoints).await;
    assert!(answer.code == 0, "stdout:\n{}\nstderr:\n{}", answer.stdout, answer.stderr);
    let mut seen = answer.json();
    let frames = seen.as_object_mut().and_then(|seen| seen.remove("frames"));
    assert_seen(&seen, scenario.name());
    let in_python = scenario.name().starts_with("python");
    let expected = in_python.then(|| json!({"pandas": [9980, 3], "polars": [9980, 3]}));
    assert_eq!(frames, expected, "rows as the frames that people of the language use");
}

fn assert_seen(seen: &Json, language: &str) {
    let expected = expected(language);
    let (seen, expected) = (seen.as_object().expect("an object"), expected.as_object().expect("an object"));
    for (step, expected) in expected {
        assert_eq!(seen.get(step), Some(expected), "{language}: {step}");
    }
    let unknown: Vec<_> = seen.keys().filter(|step| !expected.contains_key(*step)).collect();
    assert!(unknown.is_empty(), "{language} tells of {unknown:?}");
}

fn expected(language: &str) -> Json {
    json!({
        "language": language,
        "applied": ["created", "created", "created"],
        "applied_again": ["unchanged", "unchanged", "unchanged"],
        "sent": {"accepted": 10_000, "duplicates": 500, "rejected": 0},
        "watched": {"state": "SUCCEEDED", "rows_landed": 1000, "ended_once": true},
        "same_job": true,
        "rows": 9980,
        "sum": 49_890_020,
        "all_rows_match": true,
        "by_parameters": 100,
        "types": {
            "i": "1", "b": "9007199254740993", "d": "2.50", "day": "2024-02-29", "at": "2024-02-29T12:34:56.789012Z", "s": "ä",
            "nothing": null, "t": true, "l": ["1", "2"], "blob": "aa",
        },
        "empty": {"rows": 0, "columns": ["n", "word"]},
        "letters": 20,
        "letters_distinct": 20,
        "letter": {
            "kind": "record", "code": "BAD_VALUE", "field_path": "n", "raw": r#"{"n": "bad 499", "word": "w2"}"#,
        },
        "replayed": {"state": "SUCCEEDED", "already": false},
        "replayed_again": {"already": true},
        "rows_after_replay": 9981,
        "letter_state": "replayed",
        "not_found": {"code": "NOT_FOUND", "reason": "SOURCE_NOT_FOUND"},
        "sql_error": {"code": "INVALID_ARGUMENT", "reason": "SQL_INVALID"},
        "exhausted": {"code": "RESOURCE_EXHAUSTED", "reason": "QUEUE_FULL", "taken": 8, "retry_after": true},
        "pressed": {"waited": true, "accepted": 1000},
        "rows_full": 1008,
        "deadline": {"code": "DEADLINE_EXCEEDED", "prompt": true},
        "cancelled": "CANCELLED",
        "sql_deadline": {"code": "DEADLINE_EXCEEDED", "prompt": true},
        "unauthenticated": {"code": "UNAUTHENTICATED", "reason": "TOKEN_INVALID"},
        "sql_unauthenticated": "UNAUTHENTICATED",
        "unreachable": "UNAVAILABLE",
    })
}

#[tokio::test]
async fn the_rust_client_passes_the_scenario_in_one_process() {
    rust_passes(Ground::Embedded).await;
}

#[tokio::test]
async fn the_rust_client_passes_the_scenario_in_the_mesh() {
    rust_passes(Ground::mesh()).await;
}

async fn rust_passes(ground: Ground) {
    let doors = Doors::open(ground).await;
    let seen = rust::scenario(&doors.endpoints).await.unwrap_or_else(|error| panic!("{error:#}"));
    assert_seen(&seen, "rust");
}

#[tokio::test]
async fn the_python_sdk_passes_the_scenario_in_one_process() {
    passes(Scenario::python(), Ground::Embedded).await;
}

#[tokio::test]
async fn the_python_sdk_passes_the_scenario_in_the_mesh() {
    passes(Scenario::python(), Ground::mesh()).await;
}

#[tokio::test]
async fn the_python_sdk_passes_the_scenario_with_asyncio_in_one_process() {
    passes(Scenario::python_asyncio(), Ground::Embedded).await;
}

#[tokio::test]
async fn the_python_sdk_passes_the_scenario_with_asyncio_in_the_mesh() {
    passes(Scenario::python_asyncio(), Ground::mesh()).await;
}

#[tokio::test]
async fn the_typescript_sdk_passes_the_scenario_in_one_process() {
    passes(Scenario::typescript().await, Ground::Embedded).await;
}

#[tokio::test]
async fn the_typescript_sdk_passes_the_scenario_in_the_mesh() {
    passes(Scenario::typescript().await, Ground::mesh()).await;
}

#[tokio::test]
async fn the_go_sdk_passes_the_scenario_in_one_process() {
    passes(Scenario::go().await, Ground::Embedded).await;
}

#[tokio::test]
async fn the_go_sdk_passes_the_scenario_in_the_mesh() {
    passes(Scenario::go().await, Ground::mesh()).await;
}
