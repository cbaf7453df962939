//! The edge as its clients see it.

mod stand_in;

use std::{sync::Arc, time::Duration};

use axum::{Router, body::Body};
use http::{Request, StatusCode, header};
use http_body_util::BodyExt as _;
use rfe_edge::{Config, Deps, UnknownSources};
use rfe_mesh::{Shutdown, pages::Pages, secret::ProcessSecrets};
use rfe_model::{ErrorCode, Fault, fault::reason};
use serde_json::{Value, json};
use stand_in::World;
use tower::ServiceExt as _;

fn edge(world: &Arc<World>, config: Config) -> Router {
    let channel = world.channel();
    rfe_edge::service(
        config,
        Deps {
            metadata: channel.clone(),
            ingest: channel.clone(),
            dlq: channel,
            secrets: Arc::new(ProcessSecrets),
            tokens: None,
            pages: Pages::default(),
            shutdown: Shutdown::new(),
        },
    )
}

fn post(path: &str, body: impl Into<Body>) -> Request<Body> {
    Request::post(path).header(header::CONTENT_TYPE, "application/json").body(body.into()).expect("request")
}

async fn answer(edge: &Router, request: Request<Body>) -> (StatusCode, http::HeaderMap, Value) {
    let response = edge.clone().oneshot(request).await.expect("the edge never fails");
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.expect("body").to_bytes();
    let value = serde_json::from_slice(&bytes)
        .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()));
    (parts.status, parts.headers, value)
}

/// The status and the reason of a refusal, which is a whole problem document.
async fn refusal(edge: &Router, request: Request<Body>) -> (u16, String) {
    let (status, headers, problem) = answer(edge, request).await;
    assert_eq!(headers[header::CONTENT_TYPE], "application/problem+json");
    assert_eq!(problem["status"], status.as_u16());
    assert!(problem["title"].is_string() && problem["detail"].is_string());
    let reason = problem["type"].as_str().and_then(|kind| kind.strip_prefix("urn:rfe:")).expect("a reason");
    (status.as_u16(), reason.to_owned())
}

#[tokio::test]
async fn a_webhook_is_answered_only_once_ingest_has_answered() {
    let (world, mut began) = World::new();
    world.declare("a", "webhook", json!({}));
    world.gate.forget_permits(usize::MAX);
    let edge = edge(&world, Config::default());
    let sent = tokio::spawn(async move { answer(&edge, post("/webhooks/a", r#"{"n":1}"#)).await });
    began.recv().await.expect("ingest is called");
    assert!(!sent.is_finished());
    world.gate.add_permits(1);
    let (status, _, body) = sent.await.expect("answered");
    assert_eq!(status, StatusCode::OK);
    assert_eq!((body["source"].as_str(), body["duplicate"].as_bool()), (Some("a"), Some(false)));
    assert_eq!(body["event_id"].as_str(), Some(world.events()[0].event_id.as_str()));
}

#[tokio::test]
async fn webhooks_that_arrive_during_a_call_go_together_in_the_next() {
    let (world, mut began) = World::new();
    world.declare("a", "webhook", json!({}));
    world.gate.forget_permits(usize::MAX);
    let edge = edge(&world, Config { calls_per_source: 1, ..Config::default() });
    let send = |number: usize| Box::pin(edge.clone().oneshot(post("/webhooks/a", number.to_string())));
    let first = tokio::spawn(send(0));
    began.recv().await.expect("the first call");
    let mut others: Vec<_> = (1..=20).map(send).collect();
    for other in &mut others {
        assert!(futures::poll!(other).is_pending());
    }
    world.gate.add_permits(2);
    assert_eq!(first.await.expect("joined").expect("answered").status(), StatusCode::OK);
    for response in futures::future::join_all(others).await {
        assert_eq!(response.expect("answered").status(), StatusCode::OK);
    }
    let sizes: Vec<usize> = world.calls.lock().expect("lock").iter().map(|call| call.events.len()).collect();
    assert_eq!(sizes, [1, 20]);
}

#[tokio::test]
async fn events_of_a_full_group_go_in_several_calls() {
    let (world, mut began) = World::new();
    world.declare("a", "webhook", json!({}));
    world.gate.forget_permits(usize::MAX);
    let config =
        Config { calls_per_source: 1, group_max_events: 4, group_max_bytes: 40, ..Config::default() };
    let edge = edge(&world, config);
    let send = |body: String| Box::pin(edge.clone().oneshot(post("/webhooks/a", body)));
    let first = tokio::spawn(send("0".to_owned()));
    began.recv().await.expect("the first call");
    let large = format!("\"{}\"", "x".repeat(50));
    let bodies = ["1", "2", "3", "4", "5", &large, "6"];
    let mut others: Vec<_> = bodies.iter().map(|body| send((*body).to_owned())).collect();
    for other in &mut others {
        assert!(futures::poll!(other).is_pending());
    }
    world.gate.add_permits(100);
    first.await.expect("joined").expect("answered");
    futures::future::join_all(others).await;
    let sizes: Vec<usize> = world.calls.lock().expect("lock").iter().map(|call| call.events.len()).collect();
    assert_eq!(sizes, [1, 4, 1, 1, 1], "four, then what fits before the large one, it alone, and the rest");
}

#[tokio::test]
async fn an_event_keeps_its_bytes_and_the_headers_worth_keeping() {
    let (world, _) = World::new();
    world.declare("a", "webhook", json!({"event_id": {"pointer": "/id"}}));
    let edge = edge(&world, Config::default());
    let body = "{ \"id\": 12345678901234567890123, \"a\": 00.1e1 }".replace("00.1e1", "0.10");
    let mut request = post("/webhooks/a", body.clone());
    for (name, value) in
        [("x-topic", "t"), ("authorization", "Bearer s"), ("cookie", "c"), ("x-hub-signature", "s")]
    {
        request.headers_mut().insert(name, http::HeaderValue::from_static(value));
    }
    let (status, _, answered) = answer(&edge, request).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(answered["event_id"], "12345678901234567890123");
    let event = world.events().remove(0);
    assert_eq!(event.payload, body.as_bytes());
    assert_eq!(event.content_type, "application/json");
    assert_eq!(
        event.headers.keys().map(String::as_str).collect::<std::collections::BTreeSet<_>>(),
        ["content-type", "x-topic"].into()
    );
    assert!(event.received_time.is_some());
}

#[tokio::test]
async fn an_event_sent_again_is_a_duplicate() {
    let (world, _) = World::new();
    world.declare("a", "webhook", json!({}));
    let edge = edge(&world, Config::default());
    for duplicate in [false, true] {
        let mut request = post("/webhooks/a", "{}");
        request.headers_mut().insert("webhook-id", http::HeaderValue::from_static("m1"));
        let (status, _, body) = answer(&edge, request).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(body, json!({"event_id": "m1", "source": "a", "duplicate": duplicate}));
    }
}

#[tokio::test]
async fn an_unknown_source_is_made_once_or_refused() {
    let (world, _) = World::new();
    let rejecting = edge(&world, Config::default());
    assert_eq!(
        refusal(&rejecting, post("/webhooks/new", "{}")).await,
        (404, reason::SOURCE_NOT_FOUND.to_owned())
    );
    assert_eq!(
        refusal(&rejecting, post("/webhooks/No-Name", "{}")).await,
        (404, reason::SOURCE_NOT_FOUND.to_owned())
    );

    world.may_create.store(1, std::sync::atomic::Ordering::SeqCst);
    let config = Config { unknown_sources: UnknownSources::Create, ..Config::default() };
    let (one, two) = (edge(&world, config.clone()), edge(&world, config));
    let sends =
        (0..20).map(|number| answer(if number % 2 == 0 { &one } else { &two }, post("/webhooks/new", "{}")));
    for (status, _, body) in futures::future::join_all(sends).await {
        assert_eq!(status, StatusCode::OK, "{body}");
    }
    let made = world.sources.lock().expect("lock")["new"].clone();
    assert!(made.auto_created && made.kind == "webhook");
    assert_eq!(
        refusal(&one, post("/webhooks/other", "{}")).await,
        (429, reason::TOO_MANY_SOURCES.to_owned())
    );
    assert_eq!(refusal(&one, post("/webhooks/No-Name", "{}")).await, (400, reason::INVALID_FIELD.to_owned()));
    assert_eq!(refusal(&one, post("/webhooks/%ff", "{}")).await.0, 404);
}

#[tokio::test]
async fn sources_that_take_no_webhooks_say_why() {
    let (world, _) = World::new();
    world.declare("table", "csv", json!({}));
    world.declare("gone", "webhook", json!({}));
    world.sources.lock().expect("lock").get_mut("gone").expect("gone").deleted_time =
        Some(prost_types::Timestamp::default());
    let edge = edge(&world, Config::default());
    assert_eq!(
        refusal(&edge, post("/webhooks/table", "{}")).await,
        (409, reason::SOURCE_KIND_MISMATCH.to_owned())
    );
    assert_eq!(refusal(&edge, post("/webhooks/gone", "{}")).await, (410, reason::SOURCE_DELETED.to_owned()));
}

#[tokio::test]
async fn bodies_that_can_not_be_events_are_refused_before_ingest_sees_them() {
    let (world, _) = World::new();
    world.declare("a", "webhook", json!({"max_body": 100}));
    world.declare(
        "signed",
        "webhook",
        json!({"verify": {"kind": "hmac", "secret": "Jefe", "header": "X-Sig"}}),
    );
    world.declare(
        "broken",
        "webhook",
        json!({"verify": {"kind": "hmac", "secret": "${env:RFE_TEST_NOT_SET}", "header": "X-Sig"}}),
    );
    let edge = edge(&world, Config::default());
    let long = format!("\"{}\"", "x".repeat(100));
    assert_eq!(
        refusal(&edge, post("/webhooks/a", long.clone())).await,
        (413, reason::BODY_TOO_LARGE.to_owned())
    );
    let streamed = Body::from_stream(futures::stream::iter([Ok::<_, std::io::Error>(long.into_bytes())]));
    assert_eq!(refusal(&edge, post("/webhooks/a", streamed)).await, (413, reason::BODY_TOO_LARGE.to_owned()));
    let mut form = post("/webhooks/a", "a=1");
    form.headers_mut()
        .insert(header::CONTENT_TYPE, http::HeaderValue::from_static("application/x-www-form-urlencoded"));
    assert_eq!(refusal(&edge, form).await, (415, reason::MEDIA_TYPE_NOT_SUPPORTED.to_owned()));
    let (_, _, problem) = answer(&edge, post("/webhooks/a", "{\n\"a\": }")).await;
    assert_eq!(problem["type"], "urn:rfe:BODY_NOT_JSON");
    assert!(problem["detail"].as_str().expect("detail").contains("line 2 column 6"), "{problem}");
    assert_eq!(
        refusal(&edge, post("/webhooks/signed", "{}")).await,
        (401, reason::SIGNATURE_INVALID.to_owned())
    );
    assert_eq!(
        refusal(&edge, post("/webhooks/broken", "{}")).await,
        (503, reason::BACKEND_UNAVAILABLE.to_owned())
    );
    assert!(world.calls.lock().expect("lock").is_empty());
}

#[tokio::test]
async fn a_signature_is_checked_over_the_raw_bytes() {
    let (world, _) = World::new();
    world.declare(
        "signed",
        "webhook",
        json!({"verify": {"kind": "hmac", "secret": "Jefe", "header": "X-Sig"}}),
    );
    let edge = edge(&world, Config::default());
    let signed = |body: &'static str| {
        let mut request = post("/webhooks/signed", body);
        // HMAC-SHA256 of `{"a": 1}` under `Jefe`.
        let signature = "sha256=e00c022c194c9acf7524791059c4f91e3d0a934683ed8c36b9dab7c0f14e5c81";
        request.headers_mut().insert("x-sig", http::HeaderValue::from_static(signature));
        request
    };
    assert_eq!(answer(&edge, signed("{\"a\": 1}")).await.0, StatusCode::OK);
    assert_eq!(refusal(&edge, signed("{\"a\":1}")).await.0, 401);
    assert!(!world.events()[0].headers.contains_key("x-sig"));
}

#[tokio::test]
async fn what_ingest_refuses_is_told_with_when_to_come_again() {
    let (world, _) = World::new();
    world.declare("a", "webhook", json!({}));
    let edge = edge(&world, Config::default());
    let full = Fault::new(ErrorCode::ResourceExhausted, reason::QUEUE_FULL, "full")
        .retry_after(Duration::from_secs(7));
    *world.refuse_events.lock().expect("lock") = Some(full);
    let (status, headers, problem) = answer(&edge, post("/webhooks/a", "{}")).await;
    assert_eq!((status, &problem["type"]), (StatusCode::TOO_MANY_REQUESTS, &json!("urn:rfe:QUEUE_FULL")));
    assert_eq!(headers[header::RETRY_AFTER], "7");
    *world.refuse_events.lock().expect("lock") =
        Some(Fault::new(ErrorCode::Unavailable, reason::BACKEND_UNAVAILABLE, "down"));
    let (status, headers, _) = answer(&edge, post("/webhooks/a", "{}")).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(headers.contains_key(header::RETRY_AFTER));
    assert!(world.known_ids.lock().expect("lock").is_empty());
}

#[tokio::test]
async fn a_known_source_goes_on_while_the_registry_is_away() {
    let (world, _) = World::new();
    world.declare("a", "webhook", json!({}));
    let edge = edge(&world, Config { source_ttl: Duration::ZERO, ..Config::default() });
    assert_eq!(answer(&edge, post("/webhooks/a", "{}")).await.0, StatusCode::OK);
    world.metadata_is_up.store(false, std::sync::atomic::Ordering::SeqCst);
    assert_eq!(answer(&edge, post("/webhooks/a", "{}")).await.0, StatusCode::OK);
    let (status, headers, _) = answer(&edge, post("/webhooks/b", "{}")).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(headers.contains_key(header::RETRY_AFTER));
}

#[tokio::test]
async fn a_webhook_that_takes_too_long_promises_nothing() {
    let (world, _) = World::new();
    world.declare("a", "webhook", json!({}));
    world.gate.forget_permits(usize::MAX);
    let edge = edge(&world, Config { deadline: Duration::from_millis(50), ..Config::default() });
    assert_eq!(refusal(&edge, post("/webhooks/a", "{}")).await, (504, reason::DEADLINE_EXCEEDED.to_owned()));
}

#[tokio::test]
async fn replays_are_answered_as_the_contract_says() {
    let (world, _) = World::new();
    let edge = edge(&world, Config::default());
    let replay = |body: Value| answer(&edge, post("/webhooks/replay", body.to_string()));
    let (status, _, body) = replay(json!({"id": "open"})).await;
    assert_eq!((status, body), (StatusCode::ACCEPTED, json!({"job_id": "j1"})));
    let (status, _, body) = replay(json!({"id": "replayed", "state": "replayed"})).await;
    assert_eq!((status, body), (StatusCode::OK, json!({"already_replayed": true, "job_id": "j0"})));
    let whole =
        json!({"id": "open", "kind": "record", "source": "a", "raw_base64": "eyJhIjoxfQ==", "context": {}});
    assert_eq!(replay(whole).await.0, StatusCode::ACCEPTED);
    assert_eq!(world.replays.lock().expect("lock")[2].raw.as_deref(), Some(&b"{\"a\":1}"[..]));
    for (id, expected) in
        [("unknown", (404, reason::LETTER_NOT_FOUND)), ("discarded", (409, reason::LETTER_NOT_OPEN))]
    {
        let refused = refusal(&edge, post("/webhooks/replay", json!({"id": id}).to_string())).await;
        assert_eq!(refused, (expected.0, expected.1.to_owned()));
    }
    assert_eq!(refusal(&edge, post("/webhooks/replay", "{}")).await, (400, reason::INVALID_FIELD.to_owned()));
    assert_eq!(refusal(&edge, post("/webhooks/replay", "{")).await, (400, reason::BODY_NOT_JSON.to_owned()));
}

#[tokio::test]
async fn paths_and_methods_that_are_not_served_are_problems_too() {
    let (world, _) = World::new();
    let edge = edge(&world, Config::default());
    let get = |path: &str| Request::get(path).body(Body::empty()).expect("request");
    assert_eq!(refusal(&edge, get("/nothing")).await, (404, "ROUTE_NOT_FOUND".to_owned()));
    assert_eq!(refusal(&edge, post("/webhooks/a/b", "{}")).await.0, 404);
    let (status, headers, problem) = answer(&edge, get("/webhooks/a")).await;
    assert_eq!(
        (status, &headers[header::ALLOW]),
        (StatusCode::METHOD_NOT_ALLOWED, &http::HeaderValue::from_static("POST"))
    );
    assert_eq!(problem["type"], "urn:rfe:METHOD_NOT_ALLOWED");
    assert_eq!(answer(&edge, post("/healthz", "")).await.0, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn the_description_names_every_path_that_is_served() {
    let (world, _) = World::new();
    let edge = edge(&world, Config::default());
    let (status, headers, document) =
        answer(&edge, Request::get("/openapi.json").body(Body::empty()).expect("request")).await;
    assert_eq!(
        (status, &headers[header::CONTENT_TYPE]),
        (StatusCode::OK, &http::HeaderValue::from_static("application/json"))
    );
    assert_eq!(document["openapi"], "3.1.0");
    for (path, methods) in document["paths"].as_object().expect("paths") {
        for method in methods.as_object().expect("methods").keys() {
            let request =
                Request::builder().method(method.to_uppercase().as_str()).uri(path.replace("{source}", "a"));
            let (_, _, body) = answer(&edge, request.body(Body::empty()).expect("request")).await;
            assert_ne!(body["type"], "urn:rfe:ROUTE_NOT_FOUND", "{path}");
            assert_ne!(body["type"], "urn:rfe:METHOD_NOT_ALLOWED", "{method} {path}");
        }
    }
}

#[tokio::test]
async fn it_serves_over_a_real_socket_and_drains() {
    let (world, mut began) = World::new();
    world.declare("a", "webhook", json!({}));
    world.gate.forget_permits(usize::MAX);
    let shutdown = Shutdown::new();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("bind");
    let address = listener.local_addr().expect("address");
    rfe_mesh::server::spawn(listener, edge(&world, Config::default()), None, &shutdown);
    let client = reqwest::Client::new();
    assert_eq!(client.get(format!("http://{address}/healthz")).send().await.expect("answer").status(), 200);
    assert_eq!(client.get(format!("http://{address}/readyz")).send().await.expect("answer").status(), 503);
    let url = format!("http://{address}/webhooks/a");
    let sent =
        tokio::spawn(async move { client.post(url).body("{}").send().await.expect("answer").status() });
    began.recv().await.expect("ingest is called");
    shutdown.begin();
    world.gate.add_permits(1);
    assert_eq!(sent.await.expect("joined"), 200);
    assert!(shutdown.drained(Duration::from_secs(10)).await);
}
