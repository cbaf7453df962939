//! Tokens, rates and patience of a REST source.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use rfe_sources::{ReadContext, ReadError, error::Class};
use serde_json::{Value, json};

use crate::{
    api::{Api, Ask, records, says, says_with, status},
    desk::{Secrets, column, context},
};

fn oauth(api: &Api, more: Value) -> Value {
    let mut auth = json!({"kind": "oauth", "token_url": api.url("/token"), "client_id": "me", "client_secret": "${env:SECRET}"});
    for (key, value) in more.as_object().cloned().unwrap_or_default() {
        auth[key] = value;
    }
    json!({"auth": auth, "pagination": {"kind": "page", "limit": 1}})
}

async fn read(api: &Api, config: Value) -> Result<Vec<rfe_sources::Chunk>, ReadError> {
    let secrets = Secrets(BTreeMap::from([("SECRET".to_owned(), "s3cret &x".to_owned())]));
    api.read_in(config, &ReadContext { secrets: Arc::new(secrets), ..context(Vec::new()) }).await
}

fn paths(api: &Api, path: &str) -> Vec<Ask> {
    api.asks().into_iter().filter(|ask| ask.path == path).collect()
}

/// Three pages for whoever has a token; tokens count up.
fn guarded(
    token: impl Fn(&Ask) -> Response + Clone,
    works: fn(&str) -> bool,
) -> impl Fn(&Ask) -> Response + Clone {
    move |ask: &Ask| {
        let page = ask.number("page").unwrap_or(1);
        match ask.path.as_str() {
            "/token" => token(ask),
            _ if !works(ask.header("authorization")) => status(401),
            _ => says(json!(records(page, usize::from(page < 4)))),
        }
    }
}

#[tokio::test]
async fn a_token_is_asked_for_once_and_used_for_all_pages() {
    let token = |_: &Ask| says(json!({"access_token": "t0", "token_type": "bearer", "expires_in": 3600}));
    let api = Api::start(guarded(token, |sent| sent == "Bearer t0")).await;
    let chunks = read(&api, oauth(&api, json!({"scope": "a b", "audience": "x"}))).await.expect("read");
    assert_eq!(column(&chunks, "id").len(), 3);
    let asked = paths(&api, "/token");
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert_eq!(
        asked[0].body,
        "grant_type=client_credentials&scope=a+b&audience=x&client_id=me&client_secret=s3cret+%26x"
    );
    assert_eq!(asked[0].header("content-type"), "application/x-www-form-urlencoded");
}

#[tokio::test]
async fn a_token_that_expires_is_renewed_before_the_next_page() {
    let token = |ask: &Ask| says(json!({"access_token": format!("t{}", ask.nth), "expires_in": "0"}));
    let api = Api::start(guarded(token, |sent| sent.starts_with("Bearer t"))).await;
    read(&api, oauth(&api, json!({}))).await.expect("read");
    assert_eq!(paths(&api, "/token").len(), paths(&api, "/things").len());
}

#[tokio::test]
async fn a_token_that_is_revoked_is_renewed_once() {
    let token = |ask: &Ask| says(json!({"access_token": format!("t{}", ask.nth)}));
    let api = Api::start(guarded(token, |sent| sent != "Bearer t0")).await;
    assert_eq!(column(&read(&api, oauth(&api, json!({}))).await.expect("read"), "id").len(), 3);
    assert_eq!(paths(&api, "/token").len(), 2);

    let never = Api::start(guarded(token, |_| false)).await;
    let error = read(&never, oauth(&never, json!({}))).await.expect_err("401");
    assert!(error.is_permanent() && error.code == "HTTP_STATUS" && error.message.contains("401"), "{error}");
    assert_eq!((paths(&never, "/token").len(), paths(&never, "/things").len()), (2, 2));
}

#[tokio::test]
async fn a_server_that_wants_the_client_in_a_header_gets_it_there() {
    let token = |ask: &Ask| match ask.header("authorization") {
        "Basic bWU6czNjcmV0KyUyNng=" => says(json!({"access_token": "t0", "expires_in": 0})),
        _ => (StatusCode::UNAUTHORIZED, "{\"error\":\"invalid_client\"}").into_response(),
    };
    let api = Api::start(guarded(token, |sent| sent == "Bearer t0")).await;
    read(&api, oauth(&api, json!({}))).await.expect("read");
    let bodies = paths(&api, "/token").iter().filter(|ask| ask.body.contains("client_secret")).count();
    assert_eq!(bodies, 1, "what works is remembered");
}

#[tokio::test]
async fn what_goes_wrong_with_a_token_is_named_without_secrets() {
    type Token = fn(&Ask) -> Response;
    let cases: [(Token, bool, &str, &str); 5] = [
        (
            |ask| {
                (
                    StatusCode::BAD_REQUEST,
                    format!("{{\"error\":\"invalid_scope\",\"error_description\":{:?}}}", ask.body),
                )
                    .into_response()
            },
            true,
            "AUTH_FAILED",
            "invalid_scope",
        ),
        (
            |ask| (StatusCode::FORBIDDEN, format!("{{\"error\":{:?}}}", ask.body)).into_response(),
            true,
            "AUTH_FAILED",
            "403",
        ),
        (|ask| says(json!({"token": ask.body})), true, "AUTH_FAILED", "access_token"),
        (|_| status(502), false, "HTTP_BUSY", "502"),
        (
            |_| (StatusCode::TEMPORARY_REDIRECT, [("location", "http://10.0.0.1/token")]).into_response(),
            true,
            "BAD_REDIRECT",
            "/token",
        ),
    ];
    for (token, is_permanent, code, says) in cases {
        let api = Api::start(guarded(token, |_| true)).await;
        let error = read(&api, oauth(&api, json!({}))).await.expect_err("no token");
        assert_eq!((error.is_permanent(), error.code), (is_permanent, code), "{error}");
        assert!(error.message.contains(says) && !error.message.contains("s3cret"), "{error}");
        assert!(paths(&api, "/things").is_empty());
    }
    let api = Api::start(|_: &Ask| says("[]")).await;
    let error = read(&api, oauth(&api, json!({"token_url": "http://169.254.169.254/token"}))).await;
    assert_eq!(error.expect_err("inside").code, "HOST_NOT_ALLOWED");
}

#[tokio::test]
async fn a_token_does_not_go_to_another_server() {
    let other = Api::start(|_: &Ask| says("[]")).await;
    let link = format!("<{}>; rel=next", other.url("/"));
    let api = Api::start(move |ask: &Ask| match ask.path.as_str() {
        "/token" => says(json!({"access_token": "t0"})),
        _ => says_with(("link", link.clone()), json!(records(0, 1))),
    })
    .await;
    let mut config = oauth(&api, json!({}));
    config["pagination"] = json!({"kind": "link"});
    read(&api, config).await.expect("read");
    assert_eq!(other.asks()[0].header("authorization"), "");
}

#[tokio::test]
async fn the_rate_holds_for_every_request_and_across_reads() {
    let api = Api::start(|ask: &Ask| match (ask.path.as_str(), ask.nth) {
        ("/token", _) => says(json!({"access_token": "t0"})),
        (_, 1) => (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "0")]).into_response(),
        (_, 3) => status(401),
        _ => says(json!(records(ask.nth, usize::from(ask.number("page") < Some(3))))),
    })
    .await;
    let mut config = oauth(&api, json!({}));
    config["rate"] = json!("10/s");
    let kind = crate::desk::kind("rest");
    config["url"] = json!(api.url("/things"));
    let secrets = Secrets(BTreeMap::from([("SECRET".to_owned(), "x".to_owned())]));
    let context = ReadContext { secrets: Arc::new(secrets), ..context(Vec::new()) };
    for _ in 0..2 {
        let mut reader =
            kind.open(&crate::desk::spec("rest", config.clone()), context.clone()).await.expect("open");
        while reader.next().await.expect("read").is_some() {}
    }
    assert!(api.asks().len() >= 9, "{}", api.asks().len());
    // The server sees a request a little after it was sent.
    assert!(api.closest() >= Duration::from_millis(50), "{:?}", api.closest());
}

#[tokio::test]
async fn short_waits_are_waited_and_long_ones_are_told() {
    let api = Api::start(|ask: &Ask| match ask.nth {
        0 => (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "1")]).into_response(),
        _ => says(json!(records(0, 1))),
    })
    .await;
    let begun = Instant::now();
    api.read(json!({})).await.expect("read");
    assert!(begun.elapsed() >= Duration::from_secs(1));
    for asked in ["3600".to_owned(), date_in(3600)] {
        let api =
            Api::start(move |_: &Ask| (StatusCode::SERVICE_UNAVAILABLE, [("retry-after", asked.clone())]))
                .await;
        let error = api.read(json!({})).await.expect_err("busy");
        let Class::Transient { retry_after: Some(after) } = error.class else { panic!("{error:?}") };
        assert!((3595..=3600).contains(&after.as_secs()), "{after:?}");
        assert_eq!(api.asks().len(), 1);
    }
}

fn date_in(seconds: u64) -> String {
    let at = std::time::SystemTime::now() + Duration::from_secs(seconds);
    let since = at.duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    let at = jiff::Timestamp::from_second(since.as_secs() as i64).expect("instant");
    at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}
