//! What senders of webhooks get wrong. Each answer is a problem+json that says so, nothing is lost, and the edge goes on.

use reqwest::{Method, StatusCode};
use rfe_proto::{ingest, metadata};
use rfe_tests::{Platform, Settings, until};

#[tokio::test]
async fn each_mistake_of_a_sender_has_its_own_answer() {
    let platform = Platform::start().await;
    platform.write("people.csv", "id\n1\n");
    platform
        .apply(
            "version: 1\nsources:\n\
             - {name: people, kind: csv, config: {location: people.csv}}\n\
             - {name: small, kind: webhook, config: {max_body: 1KiB}}\n\
             - {name: gone, kind: webhook}\n",
        )
        .await;
    let request = metadata::DeleteSourceRequest { name: "gone".to_owned() };
    platform.metadata_service().delete_source(request).await.expect("a source can be deleted");

    platform
        .webhook("small")
        .json("{\"broken\": ")
        .await
        .is_problem(StatusCode::BAD_REQUEST, "BODY_NOT_JSON");
    platform.webhook("small").json("").await.is_problem(StatusCode::BAD_REQUEST, "BODY_NOT_JSON");
    platform.webhook("people").json("{}").await.is_problem(StatusCode::CONFLICT, "SOURCE_KIND_MISMATCH");
    let large = format!("{{\"text\": \"{}\"}}", "x".repeat(2000));
    platform
        .webhook("small")
        .json(large.clone())
        .await
        .is_problem(StatusCode::PAYLOAD_TOO_LARGE, "BODY_TOO_LARGE");
    for (header, value) in [
        ("content-type", "text/plain"),
        ("content-type", "application/xml"),
        ("content-type", "text/plain"),
        ("content-encoding", "gzip"),
    ] {
        let reply = platform.webhook("small").header(header, value).body("{}").await;
        reply.is_problem(StatusCode::UNSUPPORTED_MEDIA_TYPE, "MEDIA_TYPE_NOT_SUPPORTED");
    }
    until("the edge knows of the deletion", || async {
        let reply = platform.webhook("gone").json("{}").await;
        (reply.status == 410).then(|| reply.is_problem(StatusCode::GONE, "SOURCE_DELETED"))
    })
    .await;
    let piece = futures::stream::once(async { Ok::<_, std::io::Error>(large) });
    let unannounced = platform.webhook("small").header("content-type", "application/json");
    let unannounced = unannounced.body(reqwest::Body::wrap_stream(piece)).await;
    unannounced.is_problem(StatusCode::PAYLOAD_TOO_LARGE, "BODY_TOO_LARGE");
    assert_eq!(platform.call(Method::GET, "/webhooks/small").body("").await.status, 405);
    assert_eq!(platform.get("/nowhere").await.status, 404);

    assert_eq!(platform.webhook("small").json(r#"{"fine": true}"#).await.status, 200, "the edge goes on");
    platform.shows("SELECT fine FROM small", &["true"]).await;
}

#[tokio::test]
async fn an_unknown_source_is_refused_where_the_edge_is_told_to() {
    let platform = Settings::default().with("RFE_EDGE_UNKNOWN_SOURCES", "reject").start().await;
    platform.webhook("nobody").json("{}").await.is_problem(StatusCode::NOT_FOUND, "SOURCE_NOT_FOUND");
    let sources = platform.metadata_service().list_sources(metadata::ListSourcesRequest::default()).await;
    assert!(sources.expect("sources are listed").into_inner().sources.is_empty());
}

#[tokio::test]
async fn a_name_that_no_source_can_have_is_refused_and_makes_none() {
    let platform = Platform::start().await;
    for name in ["Upper", "9lives", "a-b", "%2e%2e%2fetc"] {
        let reply = platform.webhook(name).json("{}").await;
        assert!(matches!(reply.status, 400 | 404), "{name}: {reply:?}");
        assert_eq!(reply.headers["content-type"], "application/problem+json", "{name}: {reply:?}");
    }
    let sources = platform.metadata_service().list_sources(metadata::ListSourcesRequest::default()).await;
    assert!(sources.expect("sources are listed").into_inner().sources.is_empty());
}

#[tokio::test]
async fn at_most_a_hundred_sources_are_made_by_strangers() {
    let platform = Platform::start().await;
    for number in 0..100 {
        let reply = platform.webhook(&format!("stranger_{number}")).json("{}").await;
        assert_eq!(reply.status, 200, "{number}: {reply:?}");
    }
    let reply = platform.webhook("stranger_100").json("{}").await;
    assert!(reply.status >= 400 && reply.json()["type"] == "urn:rfe:TOO_MANY_SOURCES", "{reply:?}");
    assert_eq!(platform.webhook("stranger_7").json("{}").await.status, 200, "known ones go on");
}

#[tokio::test]
async fn a_full_queue_says_when_to_come_again_and_loses_nothing() {
    let platform = Settings::default().with("RFE_QUEUE_MAX_JOBS", "20").start().await;
    platform.apply("version: 1\nsources:\n- {name: flood, kind: webhook}\n").await;
    let pause = ingest::PauseSourceRequest { source: "flood".to_owned() };
    platform.ingest_service().pause_source(pause).await.expect("a source can be paused");
    let mut accepted = 0;
    let full = loop {
        let reply = platform.webhook("flood").header("ce-id", &accepted.to_string()).json("{\"a\": 1}").await;
        match reply.status {
            200 => accepted += 1,
            _ => break reply,
        }
        assert!(accepted <= 1000, "the bound of 20 jobs is not kept");
    };
    full.is_problem(StatusCode::TOO_MANY_REQUESTS, "QUEUE_FULL");
    let seconds: u64 = full.headers["retry-after"].to_str().expect("text").parse().expect("seconds");
    assert!((1..=3600).contains(&seconds), "{full:?}");
    let resume = ingest::ResumeSourceRequest { source: "flood".to_owned() };
    platform.ingest_service().resume_source(resume).await.expect("a source can be resumed");
    platform.shows("SELECT count(*) FROM flood", &[&accepted.to_string()]).await;
    assert_eq!(platform.webhook("flood").json("{\"a\": 2}").await.status, 200);
}
