use std::{
    collections::{BTreeMap, HashMap},
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use axum::{
    Router,
    extract::Query,
    http::{HeaderMap, HeaderName, StatusCode, header},
    response::{Html, IntoResponse, Redirect},
    routing::{get, post},
};
use rfe_model::SqlType;
use rfe_sources::{
    Chunk, ReadContext, ReadError,
    conformance::{self, Case},
    error::Class,
};
use serde_json::{Value, json};

use crate::desk::{Secrets, column, context, expecting, gz, kind, observed, raw, read, some, spec};

const JSON: [(HeaderName, &str); 1] = [(header::CONTENT_TYPE, "application/json")];

async fn serve(router: Router) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("bind");
    let address = listener.local_addr().expect("address");
    tokio::spawn(async move { axum::serve(listener, router).await.expect("serve") });
    address
}

async fn pages(Query(query): Query<HashMap<String, String>>) -> impl IntoResponse {
    let number = |name: &str| query.get(name).and_then(|text| text.parse::<u64>().ok());
    let limit = number("limit").unwrap_or(10);
    let first = number("offset").unwrap_or_else(|| (number("page").unwrap_or(1) - 1) * limit);
    let items: Vec<String> = (first..25)
        .take(limit as usize)
        .map(|n| format!("{{\"id\": {n}, \"price\":1.{n:02}0, \"o\":{{\"z\":1, \"a\":2}}}}"))
        .collect();
    (JSON, format!("{{\"total\":25,\"data\":[{}]}}", items.join(" , ")))
}

fn allowed() -> ReadContext {
    context(Vec::new())
}

async fn fetch(address: SocketAddr, path: &str, mut config: Value) -> Result<Vec<Chunk>, ReadError> {
    config["url"] = json!(format!("http://{address}{path}"));
    read(&spec("rest", config), &allowed()).await
}

#[tokio::test]
async fn the_suite_passes() {
    let address = serve(Router::new().route("/things", get(pages))).await;
    let config = json!({"url": format!("http://{address}/things"), "records": "/data",
        "pagination": {"kind": "page", "limit_param": "limit", "limit": 10}});
    let case = Case {
        kind: kind("rest"),
        spec: spec("rest", config),
        context: expecting(allowed(), &[("price", SqlType::Decimal(3, 2))]),
        records: 25,
        bad: 0,
        mend: <[u8]>::to_vec,
    };
    conformance::run(&case).await;
    let strict = Case {
        context: expecting(allowed(), &[("price", SqlType::Decimal(3, 1))]),
        bad: 22,
        mend: |raw| format!("{{\"id\":{},\"price\":1.5}}", raw.len()).into_bytes(),
        ..case
    };
    conformance::run(&strict).await;
}

#[tokio::test]
async fn records_keep_their_exact_text_page_by_page() {
    let address = serve(Router::new().route("/things", get(pages))).await;
    for pagination in [
        json!({"kind": "page", "page_param": "page", "limit_param": "limit", "limit": 10}),
        json!({"kind": "offset", "limit_param": "limit", "limit": 5}),
        json!({"kind": "offset"}),
    ] {
        let chunks = fetch(address, "/things", json!({"records": "/data", "pagination": pagination}))
            .await
            .expect("read");
        assert_eq!(column(&chunks, "id").len(), 25);
        assert_eq!(column(&chunks, "id").last(), Some(&Some("24".to_owned())));
        assert_eq!(
            raw(&chunks, "body")[0].as_deref(),
            Some("{\"id\": 0, \"price\":1.000, \"o\":{\"z\":1, \"a\":2}}")
        );
        assert_eq!(observed(&chunks, "o"), Some(SqlType::Json));
        assert_eq!(column(&chunks, "o")[0].as_deref(), Some("{\"z\":1, \"a\":2}"));
    }
    let config = json!({"records": "/data", "max_pages": 2, "pagination": {"kind": "page", "limit_param": "limit", "limit": 10}});
    let chunks = fetch(address, "/things", config).await.expect("read");
    assert_eq!(column(&chunks, "id").len(), 20);
    let page = |chunk: &Chunk| chunk.raw.column("_page").expect("_page").i64().expect("integers").get(0);
    assert_eq!((page(&chunks[0]), page(&chunks[1])), (Some(1), Some(2)));
    assert_eq!(chunks[1].raw.column("_record").expect("_record").i64().expect("integers").get(9), Some(10));
}

#[tokio::test]
async fn records_that_are_not_where_they_should_be_are_a_clear_error() {
    let router = Router::new()
        .route("/object", get(|| async { (JSON, "{\"items\":[],\"next\":null}") }))
        .route("/list", get(|| async { (JSON, "[{\"a\":1},5]") }));
    let address = serve(router).await;
    for config in [json!({}), json!({"records": "/data"})] {
        let error = fetch(address, "/object", config).await.expect_err("nowhere");
        assert!(error.is_permanent() && error.code == "RECORDS_NOT_FOUND", "{error}");
        assert!(error.message.contains("`items`"), "{error}");
    }
    let chunks = fetch(address, "/list", json!({})).await.expect("read");
    assert_eq!(column(&chunks, "value"), [None, Some("5".to_owned())]);
    assert!(
        column(&fetch(address, "/object", json!({"records": "/next"})).await.expect("null is none"), "x")
            .is_empty()
    );
}

#[tokio::test]
async fn what_is_not_json_is_permanent_and_names_content_type_and_url_without_query() {
    let router = Router::new()
        .route("/html", get(|| async { Html("<html>login</html>") }))
        .route("/cut", get(|| async { (JSON, "[{\"a\":1},{\"a\"") }));
    let address = serve(router).await;
    let error = fetch(address, "/html", json!({"query": {"token": "hush"}})).await.expect_err("html");
    assert!(error.is_permanent() && error.code == "NOT_JSON", "{error}");
    assert!(
        error.message.contains("text/html") && error.message.contains(&format!("http://{address}/html")),
        "{error}"
    );
    assert!(!error.message.contains("hush"), "{error}");
    assert_eq!(fetch(address, "/cut", json!({})).await.expect_err("cut").code, "NOT_JSON");
}

#[tokio::test]
async fn statuses_mean_what_they_mean() {
    let answer = |status: u16| move || async move { StatusCode::from_u16(status).expect("status") };
    let mut router = Router::new();
    for status in [400, 401, 403, 404, 410, 408, 429, 500, 502, 503, 504] {
        router = router.route(&format!("/{status}"), get(answer(status)));
    }
    router = router
        .route("/wait", get(|| async { (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "120")]) }));
    let address = serve(router).await;
    for (status, is_permanent) in [
        (400, true),
        (401, true),
        (403, true),
        (404, true),
        (410, true),
        (408, false),
        (429, false),
        (500, false),
        (502, false),
        (503, false),
        (504, false),
    ] {
        let error = fetch(address, &format!("/{status}"), json!({})).await.expect_err("status");
        assert_eq!(error.is_permanent(), is_permanent, "{error}");
        assert!(error.message.contains(&status.to_string()), "{error}");
    }
    let error = fetch(address, "/wait", json!({})).await.expect_err("busy");
    assert_eq!(error.class, Class::Transient { retry_after: Some(std::time::Duration::from_secs(120)) });
}

#[tokio::test]
async fn a_busy_server_that_asks_for_a_moment_gets_it() {
    let asked = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&asked);
    let router = Router::new().route(
        "/busy",
        get(move || {
            let nth = counter.fetch_add(1, Ordering::SeqCst);
            async move {
                if nth == 0 {
                    (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, "0")]).into_response()
                } else {
                    (JSON, "[{\"a\":1}]").into_response()
                }
            }
        }),
    );
    let chunks = fetch(serve(router).await, "/busy", json!({})).await.expect("read");
    assert_eq!((column(&chunks, "a"), asked.load(Ordering::SeqCst)), (some(&["1"]), 2));
}

#[tokio::test]
async fn a_server_that_is_down_or_silent_is_transient() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("bind");
    let address = listener.local_addr().expect("address");
    let error = fetch(address, "/silent", json!({"timeout": "200ms"})).await.expect_err("silent");
    assert_eq!((error.is_permanent(), error.code), (false, "TIMEOUT"));
    drop(listener);
    let error = fetch(address, "/down", json!({"query": {"key": "hush"}})).await.expect_err("down");
    assert_eq!((error.is_permanent(), error.code), (false, "CONNECT_FAILED"));
    assert!(!error.message.contains("hush"), "{error}");
}

#[tokio::test]
async fn an_api_that_does_not_know_the_parameter_does_not_loop() {
    let router = Router::new().route("/same", get(|| async { (JSON, "[{\"a\":1},{\"a\":2}]") }));
    let error = fetch(serve(router).await, "/same", json!({"pagination": {"kind": "page", "limit": 2}}))
        .await
        .expect_err("stuck");
    assert!(error.is_permanent() && error.code == "PAGINATION_STUCK", "{error}");
}

#[tokio::test]
async fn a_page_that_unpacks_to_too_much_is_refused() {
    let bomb = gz(vec![b' '; 65 << 20]);
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CONTENT_ENCODING, "gzip")];
    let router = Router::new()
        .route("/bomb", get(move || async move { (headers, bomb) }))
        .route("/fine", get(|| async { ([(header::CONTENT_ENCODING, "gzip")], gz("[{\"a\":1}]")) }));
    let address = serve(router).await;
    assert_eq!(fetch(address, "/bomb", json!({})).await.expect_err("bomb").code, "PAGE_TOO_LARGE");
    assert_eq!(column(&fetch(address, "/fine", json!({})).await.expect("read"), "a"), some(&["1"]));
}

#[tokio::test]
async fn private_hosts_are_reached_only_if_allowed_and_redirects_are_checked() {
    let router = Router::new()
        .route("/", get(|| async { (JSON, "[{\"a\":1}]") }))
        .route("/in", get(|| async { Redirect::temporary("/") }))
        .route("/out", get(|| async { Redirect::temporary("http://169.254.169.254/latest/") }))
        .route("/round", get(|| async { Redirect::temporary("/round") }))
        .route("/file", get(|| async { Redirect::temporary("file:///etc/passwd") }));
    let address = serve(router).await;
    let closed = ReadContext { allow_private_hosts: Vec::new(), ..allowed() };
    for url in [
        format!("http://{address}/"),
        format!("http://localhost:{}/", address.port()),
        "http://[::ffff:7f00:1]/".to_owned(),
    ] {
        let error = read(&spec("rest", json!({"url": url})), &closed).await.expect_err("private");
        assert!(error.is_permanent() && error.code == "HOST_NOT_ALLOWED", "{url}: {error}");
    }
    let named = ReadContext { allow_private_hosts: vec!["localhost".to_owned()], ..allowed() };
    let by_name = spec("rest", json!({"url": format!("http://localhost:{}/in", address.port())}));
    assert_eq!(column(&read(&by_name, &named).await.expect("read"), "a"), some(&["1"]));
    assert_eq!(column(&fetch(address, "/in", json!({})).await.expect("read"), "a"), some(&["1"]));
    assert_eq!(fetch(address, "/out", json!({})).await.expect_err("out").code, "HOST_NOT_ALLOWED");
    assert_eq!(fetch(address, "/file", json!({})).await.expect_err("file").code, "HOST_NOT_ALLOWED");
    assert_eq!(fetch(address, "/round", json!({})).await.expect_err("round").code, "BAD_REDIRECT");
}

#[tokio::test]
async fn secrets_are_sent_and_never_told() {
    let seen: Arc<Mutex<Vec<(String, String)>>> = Arc::default();
    let keep = Arc::clone(&seen);
    let router = Router::new().route(
        "/s3cret/ask",
        post(
            move |Query(query): Query<HashMap<String, String>>, headers: HeaderMap, body: String| async move {
                let text = |name: &str| {
                    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
                };
                keep.lock().expect("lock").extend([
                    ("authorization".to_owned(), text("authorization")),
                    ("x-key".to_owned(), text("x-key")),
                    ("key".to_owned(), query.get("key").cloned().unwrap_or_default()),
                    ("body".to_owned(), body),
                ]);
                StatusCode::NOT_FOUND
            },
        ),
    );
    let address = serve(router).await;
    let values = BTreeMap::from([
        ("URL".to_owned(), format!("http://{address}/s3cret")),
        ("KEY".to_owned(), "s3cret".to_owned()),
    ]);
    let context = ReadContext { secrets: Arc::new(Secrets(values)), ..allowed() };
    let config = json!({"url": "${env:URL}/ask", "headers": {"X-Key": "${env:KEY}"}, "query": {"key": "${env:KEY}"},
        "body": {"q": "${env:KEY}"}, "auth": {"kind": "bearer", "token": "${env:KEY}"}});
    let error = read(&spec("rest", config), &context).await.expect_err("404");
    assert_eq!(error.message, "`${env:URL}/ask` answered 404 Not Found");
    let sent = [
        ("authorization", "Bearer s3cret"),
        ("x-key", "s3cret"),
        ("key", "s3cret"),
        ("body", "{\"q\":\"s3cret\"}"),
    ];
    assert_eq!(*seen.lock().expect("lock"), sent.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let error =
        read(&spec("rest", json!({"url": "http://x.org", "headers": {"A": "${env:NONE}"}})), &context)
            .await
            .expect_err("none");
    assert_eq!(error.code, "SECRET_NOT_FOUND");
}

#[tokio::test]
async fn credentials_do_not_follow_to_another_server() {
    let seen: Arc<Mutex<Vec<bool>>> = Arc::default();
    let keep = Arc::clone(&seen);
    let other = serve(Router::new().route(
        "/",
        get(move |headers: HeaderMap| async move {
            keep.lock()
                .expect("lock")
                .push(headers.contains_key("authorization") || headers.contains_key("x-key"));
            (JSON, "[]")
        }),
    ))
    .await;
    let router = Router::new()
        .route("/", get(move || async move { Redirect::permanent(&format!("http://{other}/")) }));
    let config =
        json!({"headers": {"X-Key": "k"}, "auth": {"kind": "basic", "username": "u", "password": "p"}});
    fetch(serve(router).await, "/", config).await.expect("read");
    assert_eq!(*seen.lock().expect("lock"), [false]);
}
