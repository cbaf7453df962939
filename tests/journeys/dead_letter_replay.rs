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
    let request = dlq::GetDeadLetterRequest { id: "nothing".to_owned(), reveal: false };
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

#[tokio::test]
async fn a_shown_letter_tells_no_secret_and_lands_the_real_bytes_when_it_is_posted_back() {
    let platform = Platform::start().await;
    platform.apply(DECLARED).await;
    let body = r#"{"total": "many", "password": "hunter2", "nested": {"api_key": "k-123456"}}"#;
    assert_eq!(platform.webhook("orders").header("x-id", "s").json(body).await.status, 200);
    let id = platform.letters_once("orders", 1).await[0].id.clone();

    let plain = platform.rfe(&["dlq", "show", &id]).await.ok();
    let json = platform.rfe(&["dlq", "show", &id, "--json"]).await.ok();
    for shown in [&plain.stdout, &json.stdout] {
        assert!(shown.contains("***") && shown.contains("many"), "{shown}");
        for secret in ["hunter2", "k-123456", &STANDARD.encode(body)] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
    assert!(json.json()["raw_base64"].as_str().unwrap_or_default().is_empty());
    let revealed = platform.rfe(&["dlq", "show", &id, "--reveal", "--json"]).await.ok().json();
    assert_eq!(revealed["raw_base64"], STANDARD.encode(body));
    assert_eq!(platform.rfe(&["dlq", "show", &id, "--raw"]).await.ok().stdout, body);

    platform.apply(RELAXED).await;
    let reply = platform.webhook("replay").json(json.stdout).await;
    assert_eq!(reply.status, 202, "{reply:?}");
    let job_id = reply.json()["job_id"].as_str().expect("a job").to_owned();
    assert_eq!(ended_replay(&platform, &job_id).await, RunState::Succeeded);
    assert_eq!(platform.value("SELECT password FROM orders").await, "hunter2");
}

/// A platform with five letters of a webhook: three of a bad total, two of a bad day.
async fn with_five_letters() -> Platform {
    let platform = Platform::start().await;
    platform
        .apply("version: 1\nsources:\n- {name: orders, kind: webhook, columns: {total: BIGINT, day: DATE}, config: {event_id: {header: X-Id}}}\n")
        .await;
    for (id, body) in [
        ("t1", r#"{"total": "a"}"#),
        ("t2", r#"{"total": "b"}"#),
        ("t3", r#"{"total": "c"}"#),
        ("d1", r#"{"day": "monday"}"#),
        ("d2", r#"{"day": "today"}"#),
    ] {
        assert_eq!(platform.webhook("orders").header("x-id", id).json(body).await.status, 200);
    }
    platform.letters_once("orders", 5).await;
    platform
}

#[tokio::test]
async fn many_letters_are_replayed_by_what_is_known_of_them_and_once() {
    let platform = with_five_letters().await;
    let dry = platform
        .rfe(&["dlq", "replay", "--source", "orders", "--text", "`total`", "--dry-run", "--json"])
        .await;
    let dry = dry.ok().json();
    assert_eq!(
        (&dry["matched"], dry["letter_ids"].as_array().map(Vec::len)),
        (&json!("3"), Some(3)),
        "{dry}"
    );
    let limited =
        platform.rfe(&["dlq", "replay", "--code", "BAD_VALUE", "--limit", "2", "--dry-run"]).await.ok();
    assert_eq!(limited.stdout.lines().count(), 2, "{limited:?}");
    assert!(limited.stderr.contains("2 of 5"), "{}", limited.stderr);
    assert_eq!(platform.runs("orders").await.iter().filter(|run| !run.letter_id.is_empty()).count(), 0);
    let later = platform.rfe(&["dlq", "ls", "--until", "1h", "--json"]).await.ok();
    assert_eq!(later.stdout, "", "nothing failed an hour ago");
    let _usage = platform.rfe(&["dlq", "replay"]).await.exits(2);

    // Of the two kinds only the totals are mended by today's declaration.
    platform
        .apply("version: 1\nsources:\n- {name: orders, kind: webhook, columns: {day: DATE}, config: {event_id: {header: X-Id}}}\n")
        .await;
    let replayed =
        platform.rfe(&["dlq", "replay", "--source", "orders", "--since", "1h", "--wait"]).await.exits(3);
    assert!(replayed.stderr.contains("2 of 5 replays failed"), "{}", replayed.stderr);
    assert_eq!(platform.sql("SELECT total FROM orders ORDER BY total").await, ["a", "b", "c"]);
    let open = platform.rfe(&["dlq", "ls", "--source", "orders", "--json"]).await.ok().json_lines();
    assert_eq!(open.len(), 2, "{open:?}");
    assert!(open.iter().all(|letter| letter["attempts"] == 2), "{open:?}");

    let again = platform
        .rfe(&["dlq", "replay", "--source", "orders", "--text", "`total`", "--wait", "--json"])
        .await
        .ok();
    assert_eq!(again.stdout, "", "no letter is open there");
    assert_eq!(platform.value("SELECT count(*) FROM orders").await, "3");
}

#[tokio::test]
async fn many_letters_are_discarded_with_reason_and_name_and_land_no_more() {
    let platform = with_five_letters().await;
    let dry = platform.rfe(&["dlq", "discard", "--text", "`day`", "--dry-run"]).await.ok();
    assert_eq!(dry.stdout.lines().count(), 2);
    assert_eq!(platform.rfe(&["dlq", "ls", "--json"]).await.ok().json_lines().len(), 5, "nothing happened");
    let _done = platform
        .rfe(&["dlq", "discard", "--text", "`day`", "--reason", "no such day", "--by", "ada"])
        .await
        .ok();
    let closed = platform.rfe(&["dlq", "ls", "--state", "discarded", "--json"]).await.ok().json_lines();
    assert_eq!(closed.len(), 2);
    for letter in &closed {
        assert_eq!((&letter["discard_reason"], &letter["closed_by"]), (&json!("no such day"), &json!("ada")));
        assert!(letter["closed_time"].is_string(), "{letter}");
    }
    let id = closed[0]["id"].as_str().expect("an id");
    let refused = platform.rfe(&["dlq", "replay", id]).await.exits(1);
    assert!(refused.stderr.contains("discarded"), "{}", refused.stderr);
    let in_sql = "SELECT count(*) FROM meta.ingestion_failures WHERE state = 'discarded' AND closed_by = 'ada' AND closed_at IS NOT NULL";
    assert_eq!(platform.value(in_sql).await, "2");
}

#[tokio::test]
async fn pages_of_letters_stay_as_they_are_while_new_ones_come() {
    let platform = with_five_letters().await;
    let page = |token: String| dlq::ListDeadLettersRequest { filter: None, page_size: 2, page_token: token };
    let first =
        platform.dlq_service().list_dead_letters(page(String::new())).await.expect("a page").into_inner();
    assert_eq!(platform.webhook("orders").header("x-id", "t4").json(r#"{"total": "new"}"#).await.status, 200);
    platform.letters_once("orders", 6).await;
    let mut ids: Vec<String> = first.dead_letters.into_iter().map(|letter| letter.id).collect();
    let mut token = first.next_page_token;
    while !token.is_empty() {
        let next = platform.dlq_service().list_dead_letters(page(token)).await.expect("a page").into_inner();
        ids.extend(next.dead_letters.into_iter().map(|letter| letter.id));
        token = next.next_page_token;
    }
    let before: Vec<String> =
        platform.letters("orders").await.into_iter().skip(1).map(|letter| letter.id).collect();
    assert_eq!(ids, before, "each of the five once");
}
