//! A REST API is read page by page, from a real server that also behaves badly.

use rfe_proto::metadata::RunState;
use rfe_tests::{
    MockApi, Platform, Settings,
    grpc::assert_counts,
    mock_api::{Mood, customer},
    until,
};

fn sources_yaml(api: &MockApi) -> String {
    format!(
        "version: 1\nsources:\n  - name: customers\n    kind: rest\n    config:\n      url: {}/customers\n      \
         records: /data\n      headers: {{Authorization: \"Bearer ${{env:API_TOKEN}}\"}}\n      \
         pagination: {{kind: page, page_param: page, limit_param: limit, limit: 10}}\n    \
         retry: {{attempts: 3, base: 100ms, cap: 200ms}}\n",
        api.url
    )
}

async fn platform_with(api: &MockApi) -> Platform {
    let platform = Settings::default().with("API_TOKEN", "token-of-the-api").start().await;
    platform.apply(&sources_yaml(api)).await;
    platform
}

#[tokio::test]
async fn pages_are_read_to_the_end_and_raw_keeps_each_records_text() {
    let api = MockApi::start(25).await;
    let platform = platform_with(&api).await;
    let run = platform.pulled("customers").await;
    assert_counts(&run, [25, 25, 0, 0]);
    assert_eq!(api.calls(), ["page=1&limit=10", "page=2&limit=10", "page=3&limit=10"]);
    assert!(api.authorizations().iter().all(|value| value == "Bearer token-of-the-api"));

    let columns = platform.columns("main.customers").await;
    assert_eq!(columns[..4], ["id BIGINT", "name VARCHAR", "credit DOUBLE", "address JSON"]);
    let third = "SELECT id, name, credit, address->>'city' FROM customers WHERE id = 3";
    assert_eq!(platform.value(third).await, "3|customer 3|3.5|Town 3");
    let raw = platform
        .value("SELECT _page, _record, body FROM raw.customers WHERE body LIKE '{\"id\": 12,%'")
        .await;
    assert_eq!(raw, format!("2|2|{}", customer(12)), "key order and number text are kept");

    api.grow(30);
    assert_counts(&platform.pulled("customers").await, [30, 30, 0, 0]);
    assert_eq!(platform.value("SELECT count(*), count(DISTINCT id) FROM customers").await, "30|30");
    assert!(!platform.log().contains("token-of-the-api"), "a secret is never logged");
}

#[tokio::test]
async fn a_busy_api_is_asked_again_when_it_said_so() {
    let api = MockApi::start(15).await;
    let platform = platform_with(&api).await;
    api.be(Mood::Busy(2));
    let begun = std::time::Instant::now();
    let run = platform.pulled("customers").await;
    assert_counts(&run, [15, 15, 0, 0]);
    assert!(begun.elapsed().as_secs_f64() > 1.9, "twice `Retry-After: 1` was waited for");
    assert!(api.calls().len() >= 4, "{:?}", api.calls());
}

#[tokio::test]
async fn a_page_of_html_with_status_200_is_an_error_at_once() {
    let api = MockApi::start(15).await;
    let platform = platform_with(&api).await;
    let _good = platform.pulled("customers").await;
    for mood in [Mood::Html, Mood::BrokenOff, Mood::Failing(404), Mood::Failing(401)] {
        api.be(mood);
        let run = platform.pull("customers").await;
        assert_eq!(run.state(), RunState::Failed, "{mood:?}: {run:?}");
        assert_eq!(run.attempts, 1, "{mood:?}: trying again can't help");
        assert!(
            run.error.contains("/customers") && !run.error.contains("token-of-the-api"),
            "{mood:?}: {}",
            run.error
        );
        assert_eq!(platform.value("SELECT count(*) FROM customers").await, "15", "{mood:?}: nothing is lost");
    }
    let kinds: Vec<_> = platform.letters("customers").await.into_iter().map(|letter| letter.kind).collect();
    assert_eq!(kinds, ["job"; 4]);
}

#[tokio::test]
async fn a_dead_api_is_tried_as_often_as_the_source_says_and_the_jobs_letter_can_be_replayed() {
    let api = MockApi::start(15).await;
    let platform = platform_with(&api).await;
    api.be(Mood::Failing(503));
    let run = platform.pull("customers").await;
    assert_eq!((run.state(), run.attempts), (RunState::Failed, 3), "{run:?}");
    let letter = platform.only_letter("customers").await;
    assert_eq!(
        (letter.kind.as_str(), letter.attempts, letter.state.as_str()),
        ("job", 3, "open"),
        "{letter:?}"
    );
    let attempts =
        "SELECT kind, attempt, state FROM meta.ingestion_failures WHERE kind = 'attempt' ORDER BY attempt";
    let attempts = platform.sql(attempts).await;
    assert!(attempts.len() >= 2 && attempts[0] == "attempt|1|retried", "{attempts:?}");

    api.be(Mood::Well);
    let request = rfe_proto::dlq::ReplayDeadLetterRequest { id: letter.id.clone(), raw: None };
    let answer =
        platform.dlq_service().replay_dead_letter(request).await.expect("it can be replayed").into_inner();
    let replay = platform.ended_run(&answer.job_id).await;
    assert_eq!(replay.state(), RunState::Succeeded, "{replay:?}");
    assert_eq!(platform.value("SELECT count(*) FROM customers").await, "15");
    assert_eq!(platform.letter(&letter.id).await.state, "replayed");
}

#[tokio::test]
async fn an_api_that_comes_back_is_read_in_the_next_attempt_without_doubles() {
    let api = MockApi::start(25).await;
    let platform = platform_with(&api).await;
    api.be(Mood::Failing(500));
    let run_id = platform.submit("customers").await;
    until("the first attempt fails", || async {
        platform.run(&run_id).await.filter(|run| run.attempts >= 1 && !run.error.is_empty())
    })
    .await;
    api.be(Mood::Well);
    let run = platform.ended_run(&run_id).await;
    assert_eq!(run.state(), RunState::Succeeded, "{run:?}");
    assert!((2..=3).contains(&run.attempts), "{run:?}");
    assert_eq!(platform.value("SELECT count(*), count(DISTINCT id) FROM customers").await, "25|25");
    assert!(platform.letters("customers").await.is_empty(), "an attempt that is made good leaves no letter");
}

fn customers(config: &str, mode: &str) -> String {
    format!(
        "version: 1\nsources:\n  - name: customers\n    kind: rest\n    mode: {mode}\n    config:\n{config}\n    \
         retry: {{attempts: 5, base: 100ms, cap: 200ms}}\n"
    )
}

async fn reading(config: &str, mode: &str) -> Platform {
    let platform = Settings::default().with("API_SECRET", "hush").start().await;
    platform.apply(&customers(config, mode)).await;
    platform
}

const COUNTED: &str = "SELECT count(*), count(DISTINCT id), max(id) FROM customers";

#[tokio::test]
async fn an_api_with_cursors_is_read_to_its_end() {
    let api = MockApi::start(25).await;
    let config = format!(
        "      url: {}/by-cursor\n      records: /data\n      \
         pagination: {{kind: cursor, cursor_param: after, cursor: /next, more: /has_more, limit_param: limit, limit: 10}}",
        api.url
    );
    let platform = reading(&config, "replace").await;
    assert_counts(&platform.pulled("customers").await, [25, 25, 0, 0]);
    assert_eq!(api.calls(), ["after=", "after=10", "after=20"]);
    assert_eq!(platform.value(COUNTED).await, "25|25|25");
}

#[tokio::test]
async fn an_api_with_links_is_read_to_its_end() {
    let api = MockApi::start(25).await;
    let config = format!(
        "      url: {}/by-link\n      pagination: {{kind: link, limit_param: limit, limit: 10}}",
        api.url
    );
    let platform = reading(&config, "replace").await;
    assert_counts(&platform.pulled("customers").await, [25, 25, 0, 0]);
    assert_eq!(api.calls(), ["after=", "after=10", "after=20"]);
    assert_eq!(platform.value(COUNTED).await, "25|25|25");
}

#[tokio::test]
async fn an_api_behind_oauth_is_read_with_one_token() {
    let api = MockApi::start(25).await;
    let config = format!(
        "      url: {url}/guarded\n      records: /data\n      \
         auth: {{kind: oauth, token_url: \"{url}/token\", client_id: rfe, client_secret: \"${{env:API_SECRET}}\"}}\n      \
         pagination: {{kind: page, limit_param: limit, limit: 10}}",
        url = api.url
    );
    let platform = reading(&config, "replace").await;
    assert_counts(&platform.pulled("customers").await, [25, 25, 0, 0]);
    assert_eq!((api.tokens(), api.authorizations()), (1, vec!["Bearer token-1".to_owned(); 3]));
    assert!(
        !platform.log().contains("hush") && !platform.log().contains("token-1"),
        "a secret is never logged"
    );
}

#[tokio::test]
async fn an_incremental_source_asks_for_what_is_new_and_lands_it_once() {
    let api = MockApi::start(25).await;
    let config = format!(
        "      url: {}/changed\n      incremental: {{field: id, param: since, start: 3}}\n      \
         pagination: {{kind: page, limit_param: limit, limit: 10}}",
        api.url
    );
    let platform = reading(&config, "incremental").await;
    platform.pulled("customers").await;
    assert_eq!(platform.value(COUNTED).await, "23|23|25");
    let nothing_new = platform.pulled("customers").await;
    assert_eq!(nothing_new.state(), RunState::Succeeded, "{nothing_new:?}");
    assert_eq!(platform.value(COUNTED).await, "23|23|25");
    api.grow(40);
    platform.pulled("customers").await;
    assert_eq!(platform.value(COUNTED).await, "38|38|40");
    let mut since = api.calls();
    since.dedup();
    assert_eq!(since, ["since=3", "since=25"]);
    assert_eq!(platform.value("SELECT count(*) FROM raw.customers").await, "38");
}

#[tokio::test]
async fn an_attempt_that_dies_between_pages_is_gone_on_with_and_not_begun_anew() {
    let api = MockApi::start(95).await;
    let config = format!(
        "      url: {}/customers\n      records: /data\n      \
         pagination: {{kind: page, limit_param: limit, limit: 10}}",
        api.url
    );
    let platform = reading(&config, "replace").await;
    api.be(Mood::FailingFrom(8));
    let run_id = platform.submit("customers").await;
    until("the first attempt fails", || async {
        platform.run(&run_id).await.filter(|run| run.attempts >= 1 && !run.error.is_empty())
    })
    .await;
    api.be(Mood::Well);
    let run = platform.ended_run(&run_id).await;
    assert_eq!(run.state(), RunState::Succeeded, "{run:?}");
    assert_counts(&run, [95, 95, 0, 0]);
    assert_eq!(platform.value(COUNTED).await, "95|95|95");
    assert_eq!(platform.value("SELECT count(DISTINCT _page), count(*) FROM raw.customers").await, "10|95");
    let first = api.calls().iter().filter(|call| call.starts_with("page=1&")).count();
    assert_eq!(first, 1, "pages that were read are not asked for again: {:?}", api.calls());
}

#[tokio::test]
async fn a_private_address_is_not_asked_unless_it_is_allowed() {
    let api = MockApi::start(5).await;
    let settings = Settings::default().with("API_TOKEN", "x").with("RFE_ALLOW_PRIVATE_HOSTS", "192.0.2.1");
    let platform = settings.start().await;
    platform.apply(&sources_yaml(&api)).await;
    let run = platform.pull("customers").await;
    assert_eq!(run.state(), RunState::Failed, "{run:?}");
    assert!(api.calls().is_empty(), "{:?}", api.calls());
}
