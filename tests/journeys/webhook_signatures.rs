//! Webhooks as their senders prove who they are: each kind of `verify`, with the signature that the sender makes.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::{Method, StatusCode};
use rfe_tests::{Platform, Settings, http::Reply};
use sha2::Sha256;

const BODY: &str = r#"{"id": 1,  "name": "é"}"#;
const SECRET: &str = "s3cret-value";
const OLD: &str = "0ld-value";
const STANDARD_KEY: &[u8] = b"0123456789abcdef01234567";

const SOURCES: &str = r#"
version: 1
sources:
  - {name: shown, kind: webhook, config: {verify: {kind: secret, secret: ["${env:HOOK_SECRET}", "${env:HOOK_OLD}"], header: X-Webhook-Secret}}}
  - {name: linked, kind: webhook, config: {verify: {kind: secret, secret: "${env:HOOK_SECRET}", query: key}}}
  - {name: bearing, kind: webhook, config: {verify: {kind: bearer, secret: "${env:HOOK_SECRET}"}}}
  - {name: basic, kind: webhook, config: {verify: {kind: basic, username: shop, password: "${env:HOOK_SECRET}"}}}
  - {name: timed, kind: webhook, config: {verify: {kind: hmac, secret: "${env:HOOK_SECRET}", header: X-Signature, prefix: "v0=", timestamp: {header: X-Time, tolerance: 1m}, template: "v0:{timestamp}:{body}"}}}
  - {name: standard, kind: webhook, config: {verify: {kind: standard, secret: "${env:HOOK_STANDARD}"}}}
  - {name: octocat, kind: webhook, config: {verify: {kind: github, secret: "${env:HOOK_SECRET}"}}}
  - {name: unset, kind: webhook, config: {verify: {kind: github, secret: "${env:HOOK_UNSET}"}}}
"#;

async fn platform() -> Platform {
    let platform = Settings::default()
        .with("HOOK_SECRET", SECRET)
        .with("HOOK_OLD", OLD)
        .with("HOOK_STANDARD", format!("whsec_{}", STANDARD.encode(STANDARD_KEY)))
        .start()
        .await;
    platform.apply(SOURCES).await;
    platform
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970").as_secs()
}

fn signed(key: &[u8], text: &str) -> Vec<u8> {
    let mut signer = Hmac::<Sha256>::new_from_slice(key).expect("any key will do");
    signer.update(text.as_bytes());
    signer.finalize().into_bytes().to_vec()
}

type Headers = Vec<(&'static str, String)>;

async fn post(platform: &Platform, path: &str, headers: &Headers, body: &str) -> Reply {
    let mut call = platform.call(Method::POST, &format!("/webhooks/{path}"));
    for (name, value) in headers {
        call = call.header(name, value);
    }
    call.json(body).await
}

fn basic(name: &str, password: &str) -> Headers {
    vec![("authorization", format!("Basic {}", STANDARD.encode(format!("{name}:{password}"))))]
}

fn timed(at: u64, body: &str) -> Headers {
    let signature = hex::encode(signed(SECRET.as_bytes(), &format!("v0:{at}:{body}")));
    vec![("x-time", at.to_string()), ("x-signature", format!("v0={signature}"))]
}

fn standard(id: &str, at: u64, body: &str) -> Headers {
    let signature = STANDARD.encode(signed(STANDARD_KEY, &format!("{id}.{at}.{body}")));
    vec![
        ("webhook-id", id.to_owned()),
        ("webhook-timestamp", at.to_string()),
        ("webhook-signature", format!("v1,AAAA v1,{signature}")),
    ]
}

fn github(delivery: &str, body: &str) -> Headers {
    let signature = hex::encode(signed(SECRET.as_bytes(), body));
    vec![
        ("x-hub-signature-256", format!("sha256={signature}")),
        ("x-github-delivery", delivery.to_owned()),
        ("x-github-event", "push".to_owned()),
    ]
}

#[tokio::test]
async fn who_proves_it_lands_by_every_kind_of_verify() {
    let platform = platform().await;
    let bearer = vec![("authorization", format!("Bearer {SECRET}"))];
    for (path, headers) in [
        ("shown", vec![("x-webhook-secret", SECRET.to_owned())]),
        ("shown", vec![("x-webhook-secret", OLD.to_owned())]),
        ("linked?key=s3cret-value", Vec::new()),
        ("bearing", bearer),
        ("basic", basic("shop", SECRET)),
        ("timed", timed(now(), BODY)),
        ("standard", standard("msg_1", now(), BODY)),
        ("octocat", github("72d3162e-cc78-11e3-81ab-4c9367dc0958", BODY)),
    ] {
        let reply = post(&platform, path, &headers, BODY).await;
        assert_eq!(reply.status, 200, "{path}: {reply:?}");
    }
    platform.shows("SELECT count(*) FROM shown", &["2"]).await;
    for source in ["linked", "bearing", "basic", "timed"] {
        platform.shows(&format!("SELECT id, name FROM {source}"), &["1|é"]).await;
    }
    platform.shows("SELECT _event_id FROM standard", &["msg_1"]).await;
    platform.shows("SELECT _event_id FROM octocat", &["72d3162e-cc78-11e3-81ab-4c9367dc0958"]).await;
    let kept = "SELECT headers FROM raw.octocat UNION ALL SELECT headers FROM raw.standard UNION ALL SELECT headers FROM raw.shown";
    let headers = platform.sql(kept).await.join("\n");
    assert!(headers.contains("x-github-event"), "{headers}");
    assert!(!headers.contains("signature") && !headers.contains(SECRET), "{headers}");
    let log = platform.log();
    assert!(!log.contains(SECRET) && !log.contains(OLD), "a secret is never logged");
}

#[tokio::test]
async fn who_does_not_prove_it_is_told_which_header_is_missing_and_never_what_was_expected() {
    let platform = platform().await;
    let other = r#"{"id": 2}"#;
    let late = now() - Duration::from_secs(120).as_secs();
    for (path, headers, says) in [
        ("shown", Vec::new(), "`X-Webhook-Secret`"),
        ("shown", vec![("x-webhook-secret", "guess".to_owned())], "is not one that this source takes"),
        ("linked", Vec::new(), "the parameter `key`"),
        ("linked?key=guess", Vec::new(), "is not one that this source takes"),
        ("bearing", Vec::new(), "`authorization`"),
        ("bearing", vec![("authorization", "Bearer guess".to_owned())], "is not one that this source takes"),
        ("basic", basic("shop", "guess"), "is not one that this source takes"),
        ("basic", basic("shopkeeper", SECRET), "is not one that this source takes"),
        ("timed", timed(late, BODY), "at most 60 s are taken"),
        ("timed", timed(now(), other), "is not that of the body"),
        ("timed", timed(now(), BODY)[..1].to_vec(), "`X-Signature`"),
        ("standard", standard("msg_2", now() - 400, BODY), "at most 300 s are taken"),
        ("standard", standard("msg_2", now(), other), "none of the signatures"),
        ("standard", standard("msg_2", now(), BODY)[..2].to_vec(), "`webhook-signature`"),
        ("octocat", github("a", other), "is not that of the body"),
        ("octocat", Vec::new(), "`x-hub-signature-256`"),
    ] {
        let reply = post(&platform, path, &headers, BODY).await;
        reply.is_problem(StatusCode::UNAUTHORIZED, "SIGNATURE_INVALID");
        let detail = reply.json()["detail"].as_str().expect("a detail").to_owned();
        assert!(detail.contains(says), "{path}: {detail}");
        assert!(!detail.contains(SECRET), "{path}: {detail}");
    }
    // What is no JSON is not looked at before it is known who sent it.
    let reply = post(&platform, "octocat", &github("a", "{}"), "{not json").await;
    reply.is_problem(StatusCode::UNAUTHORIZED, "SIGNATURE_INVALID");
    let reply = post(&platform, "octocat", &github("a", "{not json"), "{not json").await;
    assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{reply:?}");
    // A secret that is not there opens nothing.
    let reply = post(&platform, "unset", &github("a", BODY), BODY).await;
    assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE, "{reply:?}");
    for source in ["shown", "octocat", "unset"] {
        assert_eq!(platform.value(&format!("SELECT count(*) FROM {source}")).await, "0", "{source}");
    }
}
