//! What could not be landed is looked at, mended and landed again, exactly once.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use reqwest::StatusCode;
use rfe_proto::{dlq, metadata::RunState};
use rfe_tests::{Platform, grpc::reason, until};
use serde_json::json;

const DECLARED: &str = "version: 1\nsources:\n- {name: orders, kind: webhook, columns: {total: BIGINT}, config: {event_id: {header: X-Id}}}\n";
const RELAXED: &str =
    "version: 1\nsources:\n- {name: orders, kind: webhook, config: {event_id: {header: X-Id}}}\n";

/// A platform with one good event landed and one letter: its `total` is no BIGINT.
async fn with_a_letter() -> (Platform, dlq::DeadLetter) {
    let platform = Platform::start().await;
    platform.apply(DECLARED).await;
    for (id, body) in [("good", r#"{"total": 1}"#), ("bad", r#"{"total": "many"}"#)] {
        assert_eq!(platform.webhook("orders").header("x-id", id).json(body).await.status, 200);
    }
    let letter = platform.only_letter("orders").await;
    platform.shows("SELECT _event_id, total FROM orders", &["good|1"]).await;
    (platform, letter)
}

async fn ended_replay(platform: &Platform, job_id: &str) -> RunState {
    platform.ended_run(job_id).await.state()
}

#[tokio::test]
async fn a_bad_event_is_a_letter_that_holds_everything_needed() {
    let (platform, letter) = with_a_letter().await;
    assert_eq!(
        (letter.source.as_str(), letter.kind.as_str(), letter.state.as_str()),
        ("orders", "record", "open")
    );
    assert_eq!((letter.event_id.as_str(), letter.field_path.as_str()), ("bad", "total"));
    assert_eq!(letter.raw_base64, br#"{"total": "many"}"#);
    assert!(letter.first_seen.is_some() && letter.context.is_some() && !letter.raw_truncated, "{letter:?}");
    let repeat = platform.webhook("orders").header("x-id", "bad").json(r#"{"total": "many"}"#).await;
    assert_eq!(repeat.status, 200, "{repeat:?}");
    assert_eq!(platform.letters("orders").await.len(), 1, "a repeat of the event meets the same letter");
}

#[tokio::test]
async fn a_letter_is_replayed_from_the_command_line_once() {
    let (platform, letter) = with_a_letter().await;
    let shown = platform.rfe(&["dlq", "show", &letter.id, "--json"]).await.ok().json();
    assert_eq!(shown["raw_base64"], STANDARD.encode(br#"{"total": "many"}"#));
    let listed = platform.rfe(&["dlq", "ls", "--json"]).await.ok().json_lines();
    assert_eq!((listed.len(), &listed[0]["id"]), (1, &json!(letter.id)));

    platform.apply(RELAXED).await;
    let replayed = platform.rfe(&["dlq", "replay", &letter.id, "--json"]).await.ok().json();
    assert_eq!(replayed["already_replayed"], false, "{replayed}");
    let job_id = replayed["job_id"].as_str().expect("a job").to_owned();
    assert_eq!(ended_replay(&platform, &job_id).await, RunState::Succeeded);
    platform.shows("SELECT _event_id, total FROM orders ORDER BY total", &["good|1", "bad|many"]).await;
    let letter = platform.letter(&letter.id).await;
    assert_eq!((letter.state.as_str(), letter.replay_run_id.as_str()), ("replayed", job_id.as_str()));

    let again = platform.rfe(&["dlq", "replay", &letter.id, "--json"]).await.ok().json();
    assert_eq!(again["already_replayed"], true, "{again}");
    let repeated = platform.webhook("orders").header("x-id", "bad").json(r#"{"total": "many"}"#).await;
    assert_eq!(repeated.status, 200);
    let after = platform.webhook("orders").header("x-id", "later").json(r#"{"total": 9}"#).await;
    assert_eq!(after.status, 200);
    platform.shows("SELECT count(*) FROM orders WHERE _event_id = 'later'", &["1"]).await;
    assert_eq!(platform.value("SELECT count(*) FROM orders WHERE _event_id = 'bad'").await, "1");
}

#[tokio::test]
async fn an_edited_letter_is_replayed_over_http_once() {
    let (platform, letter) = with_a_letter().await;
    let mut edited = platform.rfe(&["dlq", "show", &letter.id, "--json"]).await.ok().json();
    edited["raw_base64"] = json!(STANDARD.encode(br#"{"total": 7}"#));
    let reply = platform.webhook("replay").json(edited.to_string()).await;
    assert_eq!(reply.status, 202, "{reply:?}");
    let job_id = reply.json()["job_id"].as_str().expect("a job").to_owned();
    assert_eq!(ended_replay(&platform, &job_id).await, RunState::Succeeded);
    platform.shows("SELECT _event_id, total FROM orders ORDER BY total", &["good|1", "bad|7"]).await;
    let again = platform.webhook("replay").json(json!({"id": letter.id}).to_string()).await;
    assert_eq!((again.status, &again.json()["already_replayed"]), (200, &json!(true)), "{again:?}");
    assert_eq!(platform.value("SELECT count(*) FROM orders").await, "2");
}

#[tokio::test]
async fn ten_replays_at_once_land_one_row() {
    let (platform, letter) = with_a_letter().await;
    platform.apply(RELAXED).await;
    let replay = || platform.webhook("replay").json(json!({"id": letter.id}).to_string());
    let replies = futures::future::join_all((0..10).map(|_| replay())).await;
    assert!(replies.iter().all(|reply| matches!(reply.status, 200 | 202)), "{replies:?}");
    platform.shows("SELECT count(*) FROM orders WHERE _event_id = 'bad'", &["1"]).await;
    until("no replay is open", || async {
        let runs = platform.runs("orders").await;
        runs.iter().all(rfe_tests::grpc::has_ended).then_some(())
    })
    .await;
    assert_eq!(platform.value("SELECT count(*) FROM orders").await, "2");
}

#[tokio::test]
async fn a_letter_that_is_still_bad_stays_open() {
    let (platform, letter) = with_a_letter().await;
    let reply = platform.webhook("replay").json(json!({"id": letter.id}).to_string()).await;
    assert_eq!(reply.status, 202, "{reply:?}");
    let job_id = reply.json()["job_id"].as_str().expect("a job").to_owned();
    assert_eq!(ended_replay(&platform, &job_id).await, RunState::Failed);
    let letter = platform.letter(&letter.id).await;
    assert_eq!((letter.state.as_str(), platform.letters("orders").await.len()), ("open", 1), "{letter:?}");
    assert_eq!(platform.value("SELECT count(*) FROM orders").await, "1");
}

#[tokio::test]
async fn a_discarded_letter_is_closed_and_an_unknown_one_is_not_found() {
    let (platform, letter) = with_a_letter().await;
    let _discarded = platform.rfe(&["dlq", "discard", &letter.id]).await.ok();
    assert_eq!(platform.letter(&letter.id).await.state, "discarded");
    let reply = platform.webhook("replay").json(json!({"id": letter.id}).to_string()).await;
    reply.is_problem(StatusCode::CONFLICT, "LETTER_NOT_OPEN");
    let unknown =
        platform.webhook("replay").json(json!({"id": "0123456789abcdef0123456789abcdef"}).to_string()).await;
    unknown.is_problem(StatusCode::NOT_FOUND, "LETTER_NOT_FOUND");
    assert_eq!(platform.webhook("replay").json("{}").await.status, 400);
    let _not_found = platform.rfe(&["dlq", "show", "nothing"]).await.exits(4);
    let request = dlq::GetDeadLetterRequest { id: "nothing".to_owned() };
    let status = platform.dlq_service().get_dead_letter(request).await.expect_err("there is none");
    assert_eq!((status.code(), reason(&status).as_str()), (tonic::Code::NotFound, "LETTER_NOT_FOUND"));
}

#[tokio::test]
async fn a_bad_line_of_a_file_is_replayed_into_the_dataset_and_the_next_reading_supersedes_letters() {
    let platform = Platform::start().await;
    platform.write("lines.csv", "id,name\n1,a\n2,b,c\n");
    platform.apply("version: 1\nsources:\n- {name: lines, kind: csv, config: {location: lines.csv}}\n").await;
    let _first = platform.pulled("lines").await;
    let letter = platform.only_letter("lines").await;
    let edited = json!({"id": letter.id, "raw_base64": STANDARD.encode("2,b\n")});
    let reply = platform.webhook("replay").json(edited.to_string()).await;
    assert_eq!(reply.status, 202, "{reply:?}");
    let job_id = reply.json()["job_id"].as_str().expect("a job").to_owned();
    assert_eq!(ended_replay(&platform, &job_id).await, RunState::Succeeded);
    assert_eq!(platform.sql("SELECT id, name FROM lines ORDER BY id").await, ["1|a", "2|b"]);

    let _second = platform.pulled("lines").await;
    assert_eq!(
        platform.sql("SELECT id FROM lines ORDER BY id").await,
        ["1"],
        "a reading replaces replays, too"
    );
    let _third = platform.pulled("lines").await;
    let mut states: Vec<_> = platform.letters("lines").await.into_iter().map(|letter| letter.state).collect();
    states.sort();
    assert_eq!(states, ["discarded", "open", "replayed"], "a reading discards the letters of the one before");
}

#[tokio::test]
async fn bytes_that_are_too_large_for_the_registry_come_back_whole() {
    let platform = Platform::start().await;
    platform.apply(DECLARED).await;
    let body = format!(r#"{{"total": "many", "text": "{}"}}"#, "x".repeat(100_000));
    assert_eq!(platform.webhook("orders").header("x-id", "big").json(body.clone()).await.status, 200);
    let letter = platform.only_letter("orders").await;
    assert_eq!(letter.raw_base64, body.as_bytes());
    assert!(!letter.raw_ref.is_empty() && !letter.raw_truncated, "{}", letter.raw_ref);
}
