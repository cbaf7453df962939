//! What the platform tells about itself: metrics as the guide lists them, and logs by request.

use std::collections::BTreeSet;

use reqwest::StatusCode;
use rfe_tests::{Platform, Role, Settings, until};
use serde_json::Value as Json;

/// Metrics of parts that a platform may lack.
const PARTS: [&str; 3] = ["rfe_query_cache_", "rfe_spool_", "rfe_backend_"];

/// Names and types, such as `rfe_rpc_total counter`.
fn exported(page: &str) -> BTreeSet<String> {
    let types = page.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    types
        .map(|(name, kind)| format!("{name}{} {kind}", if kind == "counter" { "_total" } else { "" }))
        .collect()
}

/// The same of the guide's table.
fn listed() -> BTreeSet<String> {
    let guide = include_str!("../../docs/guide/telemetry.md");
    let rows = guide.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` | "));
    let of = |(name, rest): (&str, &str)| {
        let kind = rest.split(" | ").next()?;
        ["counter", "gauge", "histogram"].contains(&kind).then(|| format!("{name} {kind}"))
    };
    rows.filter_map(of).collect()
}

#[tokio::test]
async fn every_metric_is_in_the_guide_and_none_that_is_gone() {
    let platform = Platform::start().await;
    // What has labels is shown once there is something to count.
    assert_eq!(platform.webhook("busy").json("{}").await.status, 200);
    platform.shows("SELECT count(*) FROM busy", &["1"]).await;
    let _paused = platform.rfe(&["pause", "busy"]).await.ok();
    assert_eq!(platform.webhook("busy").json("{}").await.status, 200);
    let found = until("the source's backlog is shown", || async {
        let mut found = BTreeSet::new();
        for role in Role::ALL {
            found.extend(exported(&platform.page(role, "/metrics").await.text));
        }
        found.contains("rfe_queue_source_jobs gauge").then_some(found)
    })
    .await;
    let listed = listed();
    let missing: Vec<_> = found.difference(&listed).collect();
    assert!(missing.is_empty(), "docs/guide/telemetry.md does not list {missing:?}");
    let lacks = |name: &str| PARTS.iter().any(|part| name.starts_with(part) && !has(&found, part));
    let gone: Vec<_> = listed.difference(&found).filter(|name| !lacks(name)).collect();
    assert!(gone.is_empty(), "docs/guide/telemetry.md lists {gone:?}, which nobody exports");
}

fn has(found: &BTreeSet<String>, part: &str) -> bool {
    found.iter().any(|name| name.starts_with(part))
}

#[tokio::test]
async fn what_landed_is_counted_by_the_roles_that_did_it() {
    let platform = Platform::start().await;
    assert_eq!(platform.webhook("counted").json(r#"{"id": 1}"#).await.status, 200);
    assert_eq!(platform.webhook("counted").json("{no json").await.status, 400);
    platform.shows("SELECT id FROM counted", &["1"]).await;
    for (role, line) in [
        (Role::Edge, r#"rfe_http_requests_total{route="/webhooks/{source}",method="POST",status="200"} 1"#),
        (Role::Edge, r#"rfe_http_requests_total{route="/webhooks/{source}",method="POST",status="400"} 1"#),
        (Role::Edge, r#"rfe_webhooks_total{outcome="accepted"} 1"#),
        (Role::Ingest, "rfe_events_accepted_total 1"),
        (Role::Worker, "rfe_worker_rows_landed_total 1"),
        (Role::Worker, "rfe_worker_visible_seconds_count 1"),
        (Role::Worker, r#"rfe_worker_running{kind="events"} 0"#),
        (Role::Metadata, "rfe_runs_committed_total 1"),
        (Role::Metadata, "rfe_commit_seconds_count 1"),
    ] {
        until(line, || async {
            let page = platform.page(role, "/metrics").await.text;
            page.lines().any(|shown| shown == line).then_some(())
        })
        .await;
    }
    let page = platform.page(Role::Query, "/metrics").await.text;
    let queries = page.lines().find_map(|line| line.strip_prefix("rfe_query_seconds_count "));
    assert!(queries.is_some_and(|count| count != "0"), "{page}");
}

#[tokio::test]
async fn a_request_is_found_in_the_log_by_the_id_that_it_was_answered_with() {
    let settings = Settings::default().with("RFE_LOG", "info,rfe_edge=debug").with("RFE_LOG_FORMAT", "json");
    let platform = settings.start().await;
    let body = r#"{"card": "4111-1111"  no json"#;
    let reply = platform.webhook("logged").header("x-request-id", "order-17").json(body).await;
    reply.is_problem(StatusCode::BAD_REQUEST, "BODY_NOT_JSON");
    let line = until("the line of the request", || async {
        let log = platform.log();
        let mut lines = log.lines().filter_map(|line| serde_json::from_str::<Json>(line).ok());
        lines.find(|line| line["request_id"] == "order-17" && line["message"] == "a request failed")
    })
    .await;
    assert_eq!((&line["level"], &line["fields"]["status"]), (&"DEBUG".into(), &400.into()), "{line}");
    assert_eq!(line["fields"]["route"], "/webhooks/{source}");
    assert!(line["trace_id"].as_str().is_some_and(|trace| trace.len() == 32), "{line}");
    assert!(!platform.log().contains("4111-1111"), "a payload is never logged");
}
