//! A webhook is posted and seen in SQL.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use rfe_tests::{Platform, Settings};
use sha2::Sha256;

#[tokio::test]
async fn a_webhook_is_visible_in_sql_with_its_lineage() {
    let platform = Platform::start().await;
    let body =
        r#"{"event_type":"ticket_created", "data":{"ticket_id":987,"priority":"high"}, "amount": 1.50}"#;
    let reply = platform.webhook("zendesk").header("x-custom", "kept").json(body).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    let answer = reply.json();
    assert_eq!((&answer["source"], &answer["duplicate"]), (&"zendesk".into(), &false.into()));
    let event_id = answer["event_id"].as_str().expect("an id is made").to_owned();

    let typed = r#"ticket_created|{"ticket_id":987,"priority":"high"}|1.5|zendesk|1"#;
    platform.shows("SELECT event_type, data, amount, _source, _schema_version FROM zendesk", &[typed]).await;
    let columns = platform.columns("main.zendesk").await;
    assert_eq!(columns[..3], ["event_type VARCHAR", "data JSON", "amount DOUBLE"], "{columns:?}");
    for lineage in [
        "_run_id VARCHAR",
        "_ingested_at TIMESTAMP WITH TIME ZONE",
        "_event_id VARCHAR",
        "_received_at TIMESTAMP WITH TIME ZONE",
    ] {
        assert!(columns.iter().any(|column| column == lineage), "{lineage} is in {columns:?}");
    }
    assert_eq!(platform.value("SELECT data->>'$.priority' FROM zendesk").await, "high");
    let raw = platform
        .value("SELECT decode(body) || '|' || _event_id || '|' || content_type FROM raw.zendesk")
        .await;
    assert_eq!(raw, format!("{body}|{event_id}|application/json"), "raw holds the exact bytes");
    let same_run = "SELECT count(*) FROM zendesk JOIN raw.zendesk USING (_run_id, _event_id, _received_at)";
    assert_eq!(platform.value(same_run).await, "1");
    let headers = platform.value("SELECT headers FROM raw.zendesk").await;
    assert!(headers.contains("x-custom") && headers.contains("kept"), "{headers}");
}

#[tokio::test]
async fn a_repeated_webhook_is_answered_as_a_duplicate_and_lands_once() {
    let platform = Platform::start().await;
    let post = || platform.webhook("orders").header("idempotency-key", "order-1").json(r#"{"total": 5}"#);
    let replies = futures::future::join_all((0..12).map(|_| post())).await;
    let firsts = replies.iter().filter(|reply| reply.json()["duplicate"] == false).count();
    assert!(
        replies.iter().all(|reply| reply.status == 200 && reply.json()["event_id"] == "order-1"),
        "{replies:?}"
    );
    assert_eq!(firsts, 1, "{replies:?}");
    platform.shows("SELECT count(*), min(_event_id) FROM orders", &["1|order-1"]).await;
    assert_eq!(post().await.json()["duplicate"], true, "it is known after it landed, too");
    let other = platform.webhook("orders").header("idempotency-key", "order-2").json(r#"{"total": 6}"#).await;
    assert_eq!(other.json()["duplicate"], false);
    platform.shows("SELECT count(*) FROM orders", &["2"]).await;
}

#[tokio::test]
async fn the_event_id_comes_from_the_sources_rule_then_from_known_headers() {
    let platform = Platform::start().await;
    platform
        .apply(
            "version: 1\nsources:\n\
             - {name: by_header, kind: webhook, config: {event_id: {header: X-Request-Id}}}\n\
             - {name: by_pointer, kind: webhook, config: {event_id: {pointer: /data/id}}}\n",
        )
        .await;
    let id = |reply: rfe_tests::http::Reply| reply.json()["event_id"].as_str().expect("an id").to_owned();
    let both = platform.webhook("by_header").header("x-request-id", "ruled").header("webhook-id", "known");
    assert_eq!(id(both.json("{}").await), "ruled");
    assert_eq!(id(platform.webhook("by_header").header("webhook-id", "known").json("{}").await), "known");
    assert_eq!(id(platform.webhook("by_pointer").json(r#"{"data": {"id": "p-7"}}"#).await), "p-7");
    for header in ["webhook-id", "idempotency-key", "ce-id"] {
        assert_eq!(id(platform.webhook("plain").header(header, header).json("{}").await), header);
    }
    let made = id(platform.webhook("plain").json("{}").await);
    let made = uuid::Uuid::parse_str(&made).expect("an id that is made is a UUID");
    assert_eq!(made.get_version_num(), 7);
    assert_ne!(id(platform.webhook("plain").json("{}").await), made.to_string());
}

#[tokio::test]
async fn a_webhook_with_a_wrong_signature_is_refused_and_never_lands() {
    let platform = Settings::default().with("SHOP_SECRET", "s3cret-value").start().await;
    platform
        .apply(
            "version: 1\nsources:\n  - name: shop\n    kind: webhook\n    config:\n      \
             verify: {kind: hmac, secret: \"${env:SHOP_SECRET}\", header: X-Signature, algorithm: sha256, encoding: base64}\n",
        )
        .await;
    let body = r#"{"id": 1}"#;
    let mut signer = Hmac::<Sha256>::new_from_slice(b"s3cret-value").expect("any key will do");
    signer.update(body.as_bytes());
    let signature = STANDARD.encode(signer.finalize().into_bytes());
    let unauthorized = reqwest::StatusCode::UNAUTHORIZED;
    platform.webhook("shop").json(body).await.is_problem(unauthorized, "SIGNATURE_INVALID");
    let forged = platform.webhook("shop").header("x-signature", &signature).json(r#"{"id": 2}"#).await;
    forged.is_problem(unauthorized, "SIGNATURE_INVALID");
    let genuine = platform.webhook("shop").header("x-signature", &signature).json(body).await;
    assert_eq!(genuine.status, 200, "{genuine:?}");
    platform.shows("SELECT id FROM shop", &["1"]).await;
    assert!(!platform.log().contains("s3cret-value"), "a secret is never logged");
}

#[tokio::test]
async fn a_body_that_is_no_object_lands_in_a_column_value() {
    let platform = Platform::start().await;
    for (number, body) in ["5", "\"text\"", "[1, 2]", "null"].into_iter().enumerate() {
        let reply = platform.webhook("things").header("ce-id", &number.to_string()).json(body).await;
        assert_eq!(reply.status, 200, "{reply:?}");
    }
    let expected = ["0|5", "1|\"text\"", "2|[1, 2]", "3|null"];
    platform.shows("SELECT _event_id, decode(body) FROM raw.things ORDER BY _event_id", &expected).await;
    assert_eq!(platform.columns("main.things").await[0], "value JSON");
    let values = platform.sql("SELECT _event_id, value FROM things WHERE _event_id < '3' ORDER BY 1").await;
    assert_eq!(values[..2], expected[..2]);
}

#[tokio::test]
async fn events_of_one_call_are_answered_each_and_land_together() {
    let platform = Platform::start().await;
    platform.apply("version: 1\nsources:\n- {name: pushed, kind: webhook}\n").await;
    let payloads: Vec<String> = (0..1000).map(|number| format!(r#"{{"number": {number}}}"#)).collect();
    let results = platform.send_events("pushed", "a", &payloads).await.expect("the events are accepted");
    assert_eq!(results.len(), 1000);
    assert!(results.iter().enumerate().all(|(number, result)| result.event_id == format!("a-{number}")));
    let again = platform.send_events("pushed", "a", &payloads[..10]).await.expect("duplicates are no error");
    let duplicate = rfe_proto::ingest::EventOutcome::Duplicate;
    assert!(again.iter().all(|result| result.outcome() == duplicate), "{again:?}");
    platform.shows("SELECT count(*), sum(number) FROM pushed", &["1000|499500"]).await;
    let too_many: Vec<String> = (0..1001).map(|_| "{}".to_owned()).collect();
    let refused =
        platform.send_events("pushed", "b", &too_many).await.expect_err("1,000 events are the bound");
    assert_eq!(refused.code(), tonic::Code::InvalidArgument, "{refused}");
}
