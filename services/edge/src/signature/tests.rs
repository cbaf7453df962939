//! Signatures that the specifications publish, and what must not pass.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use rfe_model::{Fault, fault::reason, secret::SecretStore, verify::Verify};
use serde_json::{Value, json};

use super::{Signature, encoded::BASE64};

/// Knows `${env:KEY}`, `${env:NEW}` and `${env:EMPTY}`.
#[derive(Debug)]
pub(crate) struct Fixed;

impl SecretStore for Fixed {
    fn env(&self, name: &str) -> Result<String, String> {
        match name {
            "KEY" => Ok("Jefe".to_owned()),
            "NEW" => Ok("a newer one".to_owned()),
            "EMPTY" => Ok(String::new()),
            _ => Err(format!("`{name}` is not set")),
        }
    }

    fn file(&self, path: &str) -> Result<String, String> {
        Err(format!("`{path}` does not exist"))
    }
}

// RFC 4231 and RFC 2202, test case 2.
const BODY: &[u8] = b"what do ya want for nothing?";
const HEX: &str = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
const HEX_1: &str = "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79";
const HEX_512: &str = "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737";

fn made(written: &Value) -> Result<Signature, String> {
    let verify = Verify::read(written).expect("a verify that reads");
    verify.check().expect("a verify that is right");
    Signature::new(&verify, &Fixed).map(|signature| signature.expect("not none"))
}

fn good(written: &Value) -> Signature {
    made(written).expect("secrets that resolve")
}

struct Request {
    uri: Uri,
    headers: HeaderMap,
    now: SystemTime,
}

fn request(headers: &[(&'static str, &str)]) -> Request {
    let pairs = headers
        .iter()
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).expect("a value")));
    Request { uri: Uri::from_static("/webhooks/a"), headers: pairs.collect(), now: UNIX_EPOCH }
}

impl Request {
    fn at(self, seconds: u64) -> Self {
        Self { now: UNIX_EPOCH + Duration::from_secs(seconds), ..self }
    }

    fn of(self, signature: &Signature, body: &[u8]) -> Result<(), Fault> {
        signature.check_head(&self.uri, &self.headers, self.now)?;
        signature.check_body(&self.headers, body)
    }
}

fn refusal(result: Result<(), Fault>) -> String {
    let fault = result.expect_err("refused");
    assert_eq!(fault.reason, reason::SIGNATURE_INVALID);
    fault.message
}

fn sent(signature: &Signature, value: &str, body: &[u8]) -> Result<(), Fault> {
    request(&[("x-signature", value)]).of(signature, body)
}

#[test]
fn signatures_of_the_rfc_are_good_in_every_form() {
    let hex = good(&json!({"kind": "hmac", "secret": "${env:KEY}", "header": "X-Signature"}));
    assert_eq!(sent(&hex, HEX, BODY), Ok(()));
    assert_eq!(sent(&hex, &format!("sha256={}", HEX.to_uppercase()), BODY), Ok(()));
    let base64 = good(
        &json!({"kind": "hmac", "secret": "Jefe", "header": "X-Signature", "encoding": "base64", "prefix": "v0="}),
    );
    let text = BASE64.encode(hex::decode(HEX).expect("hex"));
    assert_eq!(sent(&base64, &format!("v0={text}"), BODY), Ok(()));
    assert_eq!(sent(&base64, text.trim_end_matches('='), BODY), Ok(()));
    for (algorithm, signature) in [("sha512", HEX_512), ("sha1", &format!("sha1={HEX_1}"))] {
        let other =
            good(&json!({"kind": "hmac", "secret": "Jefe", "header": "X-Signature", "algorithm": algorithm}));
        assert_eq!(sent(&other, signature, BODY), Ok(()), "{algorithm}");
    }
}

#[test]
fn any_other_signature_is_refused() {
    let signature = good(&json!({"kind": "hmac", "secret": "Jefe", "header": "X-Signature"}));
    for bad in ["", "00", "nonsense", &HEX[..62], HEX_512] {
        let message = refusal(sent(&signature, bad, BODY));
        assert_eq!(message, "the signature in `X-Signature` is not that of the body", "{bad}");
    }
    refusal(sent(&signature, HEX, b"what do ya want for nothing!"));
    let missing = refusal(request(&[]).of(&signature, BODY));
    assert_eq!(missing, "the header `X-Signature` with the body's signature is missing");
}

#[test]
fn an_old_and_a_new_secret_are_good_at_the_same_time() {
    let both =
        good(&json!({"kind": "hmac", "secret": ["${env:NEW}", "${env:KEY}"], "header": "X-Signature"}));
    assert_eq!(sent(&both, HEX, BODY), Ok(()));
    let new = good(&json!({"kind": "hmac", "secret": "${env:NEW}", "header": "X-Signature"}));
    refusal(sent(&new, HEX, BODY));
}

#[test]
fn a_secret_that_is_empty_or_unknown_opens_nothing() {
    for (secret, reason) in [("${env:EMPTY}", "is empty"), ("${env:NONE}", "`NONE` is not set")] {
        for written in [
            json!({"kind": "hmac", "secret": ["${env:KEY}", secret], "header": "X-Signature"}),
            json!({"kind": "secret", "secret": secret, "header": "X-Secret"}),
            json!({"kind": "bearer", "secret": secret}),
            json!({"kind": "basic", "username": "shop", "password": secret}),
            json!({"kind": "standard", "secret": secret}),
            json!({"kind": "github", "secret": secret}),
        ] {
            let error = made(&written).expect_err("no such secret");
            assert!(error.contains(reason), "{written}: {error}");
            assert!(!error.contains("Jefe"), "{error}");
        }
    }
}

#[test]
fn a_signed_timestamp_makes_a_signature_old() {
    // https://docs.slack.dev/authentication/verifying-requests-from-slack publishes all of these.
    let slack = good(
        &json!({"kind": "hmac", "secret": "8f742231b10e8888abcd99yyyzzz85a5", "header": "X-Slack-Signature", "prefix": "v0=",
        "timestamp": {"header": "X-Slack-Request-Timestamp"}, "template": "v0:{timestamp}:{body}"}),
    );
    let body = b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
    let signature = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";
    let at = |time| request(&[("x-slack-signature", signature), ("x-slack-request-timestamp", time)]);
    assert_eq!(at("1531420618").at(1_531_420_700).of(&slack, body), Ok(()));
    assert!(refusal(at("1531420618").at(1_531_421_000).of(&slack, body)).contains("382 s away"));
    refusal(at("1531420619").at(1_531_420_700).of(&slack, body));
    let missing = refusal(request(&[("x-slack-signature", signature)]).of(&slack, body));
    assert!(missing.contains("`X-Slack-Request-Timestamp`"), "{missing}");
}

#[test]
fn a_secret_is_shown_in_a_header_in_the_url_as_bearer_or_as_password() {
    let header = good(&json!({"kind": "secret", "secret": "${env:KEY}", "header": "X-Secret"}));
    assert_eq!(request(&[("x-secret", "Jefe")]).of(&header, b"{}"), Ok(()));
    let bearer = good(&json!({"kind": "bearer", "secret": ["${env:KEY}", "${env:NEW}"]}));
    for secret in ["Bearer Jefe", "bearer a newer one"] {
        assert_eq!(request(&[("authorization", secret)]).of(&bearer, b"{}"), Ok(()), "{secret}");
    }
    let basic = good(&json!({"kind": "basic", "username": "shop", "password": "${env:KEY}"}));
    let pair = format!("Basic {}", BASE64.encode("shop:Jefe"));
    assert_eq!(request(&[("authorization", &pair)]).of(&basic, b"{}"), Ok(()));
    let query = good(&json!({"kind": "secret", "secret": "${env:NEW}", "query": "key"}));
    let uri = Uri::from_static("/webhooks/a?a=1&key=a%20newer+one");
    assert_eq!(Request { uri, ..request(&[]) }.of(&query, b"{}"), Ok(()));
}

#[test]
fn another_secret_is_refused_without_a_word_about_the_right_one() {
    let header = good(&json!({"kind": "secret", "secret": "${env:KEY}", "header": "X-Secret"}));
    let bearer = good(&json!({"kind": "bearer", "secret": "${env:KEY}"}));
    let basic = good(&json!({"kind": "basic", "username": "shop", "password": "${env:KEY}"}));
    let query = good(&json!({"kind": "secret", "secret": "${env:KEY}", "query": "key"}));
    let wrong_name = format!("Basic {}", BASE64.encode("shopp:Jefe"));
    for (signature, name, value, said) in [
        (&header, "x-secret", "jefe", "is not one that this source takes"),
        (&header, "x-secret", "Jefe2", "is not one that this source takes"),
        (&header, "x-other", "Jefe", "the header `X-Secret` with the secret is missing"),
        (&bearer, "authorization", "Bearer ", "is not one that this source takes"),
        (&bearer, "authorization", "Jefe", "does not begin with `Bearer`"),
        (&bearer, "x-other", "Jefe", "the header `authorization` with the secret is missing"),
        (&basic, "authorization", "Basic %%", "holds no Base64"),
        (&basic, "authorization", &wrong_name, "is not one that this source takes"),
        (&query, "key", "Jefe", "the parameter `key` with the secret is missing"),
    ] {
        let message = refusal(request(&[(name, value)]).of(signature, b"{}"));
        assert!(message.contains(said) && !message.contains("Jefe"), "{message}");
    }
}

// The example that libraries of Standard Webhooks are tested with.
const STANDARD: [(&str, &str); 3] = [
    ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
    ("webhook-timestamp", "1614265330"),
    ("webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
];
const STANDARD_BODY: &[u8] = br#"{"test": 2432232314}"#;
const STANDARD_TIME: u64 = 1_614_265_330;

#[test]
fn the_published_signature_of_standard_webhooks_is_good() {
    for secret in ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"] {
        let signature = good(&json!({"kind": "standard", "secret": secret}));
        assert_eq!(request(&STANDARD).at(STANDARD_TIME + 200).of(&signature, STANDARD_BODY), Ok(()));
        // Others may stand beside it.
        let [id, time, (name, right)] = STANDARD;
        let several = format!("v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc= v2,abc {right}");
        let many = request(&[id, time, (name, &several)]);
        assert_eq!(many.at(STANDARD_TIME).of(&signature, STANDARD_BODY), Ok(()));
    }
}

#[test]
fn what_standard_webhooks_forbid_is_refused() {
    let signature = good(&json!({"kind": "standard", "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}));
    let [id, time, (name, right)] = STANDARD;
    for late in [STANDARD_TIME + 301, STANDARD_TIME - 301] {
        assert!(refusal(request(&STANDARD).at(late).of(&signature, STANDARD_BODY)).contains("301 s away"));
    }
    let at = |headers: &[(&'static str, &str)], body| {
        refusal(request(headers).at(STANDARD_TIME).of(&signature, body))
    };
    at(&STANDARD, br#"{"test": 2432232315}"#);
    at(&[("webhook-id", "msg_other"), time, (name, right)], STANDARD_BODY);
    at(&[id, time, (name, &right.replace("v1,", "v1a,"))], STANDARD_BODY);
    at(&[id, time, (name, right.trim_start_matches("v1,"))], STANDARD_BODY);
    assert!(at(&[id, time], STANDARD_BODY).contains("`webhook-signature`"));
    assert!(at(&[time, (name, right)], STANDARD_BODY).contains("`webhook-id`"));
    assert!(at(&[id, (name, right)], STANDARD_BODY).contains("`webhook-timestamp`"));
}

#[test]
fn a_public_key_checks_signatures_of_ed25519() {
    let pair = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).expect("a seed");
    let public = format!("whpk_{}", BASE64.encode(pair.public_key()));
    let signature = good(&json!({"kind": "standard", "secret": public}));
    let [id, time, (name, _)] = STANDARD;
    let signed = [id.1.as_bytes(), b".", time.1.as_bytes(), b".", STANDARD_BODY].concat();
    let value = format!("v1a,{}", BASE64.encode(pair.sign(&signed)));
    let sent = |body| request(&[id, time, (name, &value)]).at(STANDARD_TIME).of(&signature, body);
    assert_eq!(sent(STANDARD_BODY), Ok(()));
    refusal(sent(b"{}"));
}

#[test]
fn a_key_of_standard_webhooks_that_is_none_opens_nothing() {
    for (secret, reason) in [
        ("whsec_", "nothing after `whsec_`"),
        ("whsec_%%%", "is no Base64"),
        ("whpk_AAAA", "is no public key"),
        ("whsk_AAAA", "is a private key"),
    ] {
        let error = made(&json!({"kind": "standard", "secret": secret})).expect_err("no key");
        assert!(error.contains(reason), "{error}");
    }
}

#[test]
fn the_published_signature_of_github_is_good_and_another_is_not() {
    let github = good(&json!({"kind": "github", "secret": "It's a Secret to Everybody"}));
    let right = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    let sent = |value: &str, body: &[u8]| request(&[("x-hub-signature-256", value)]).of(&github, body);
    assert_eq!(sent(right, b"Hello, World!"), Ok(()));
    refusal(sent(right, b"Hello, world!"));
    let missing = refusal(request(&[("x-hub-signature", right)]).of(&github, b"Hello, World!"));
    assert!(missing.contains("`x-hub-signature-256`"), "{missing}");
    assert_eq!(github.id_header(), Some("x-github-delivery"));
}
