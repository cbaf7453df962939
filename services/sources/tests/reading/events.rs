use std::time::{Duration, Instant};

use rfe_model::{SourceSpec, source::JsonSpec, time};
use rfe_proto::ingest::Event;
use rfe_sources::conformance::{self, Case};
use serde_json::json;

use crate::desk::{column, context, kind, names, raw, read, some, spec};

fn event(id: &str, payload: &[u8]) -> Event {
    Event {
        event_id: id.to_owned(),
        payload: payload.to_vec(),
        content_type: String::new(),
        headers: [("x-b".to_owned(), "2".to_owned()), ("x-a".to_owned(), "1".to_owned())].into(),
        received_time: Some(time::proto_from_micros(1_700_000_000_000_000)),
    }
}

#[tokio::test]
async fn the_suite_passes_on_synthetic_events() {
    let case = Case {
        kind: kind("synthetic"),
        spec: spec("synthetic", json!({"count": 500, "seed": 7, "error_share": 0.02})),
        context: context(Vec::new()),
        records: 500,
        bad: 10,
        mend: |_| b"{\"event\":\"mended\"}".to_vec(),
    };
    conformance::run(&case).await;
}

#[tokio::test]
async fn bad_events_keep_their_ids_and_the_others_their_order() {
    let events = [
        event("a", b"{\"n\":1}"),
        event("b", b"{"),
        event("c", b"[1]"),
        event("d", b"\xff"),
        event("e", b"{\"n\":2}"),
    ];
    let chunk = kind("webhook")
        .decode_events(&spec("webhook", json!({})), &context(Vec::new()), &events)
        .expect("decode");
    assert_eq!((chunk.read, chunk.rows()), (5, 3));
    let chunks = [chunk];
    assert_eq!(raw(&chunks, "_event_id"), some(&["a", "c", "e"]));
    assert_eq!(raw(&chunks, "content_type"), some(&["application/json"; 3]));
    assert_eq!(raw(&chunks, "headers")[0].as_deref(), Some("{\"x-a\":\"1\",\"x-b\":\"2\"}"));
    assert_eq!(column(&chunks, "value"), [None, Some("[1]".to_owned()), None]);
    let bad = &chunks[0].bad;
    assert_eq!(
        bad.iter().map(|bad| (bad.event_id.as_str(), bad.code)).collect::<Vec<_>>(),
        [("b", "NOT_JSON"), ("d", "NOT_JSON")]
    );
    assert_eq!(bad[1].raw, b"\xff");
}

#[tokio::test]
async fn a_replayed_event_keeps_its_id_headers_and_time() {
    let webhook = spec("webhook", json!({}));
    let chunk =
        kind("webhook").decode_events(&webhook, &context(Vec::new()), &[event("b", b"{")]).expect("decode");
    let letter = chunk.bad[0].clone().into_letter("things", "run", 1, 0);
    let mended =
        kind("webhook").decode_letter(&webhook, &context(Vec::new()), &letter, b"{}").expect("decode");
    let whole =
        kind("webhook").decode_events(&webhook, &context(Vec::new()), &[event("b", b"{}")]).expect("decode");
    assert!(mended.raw.equals(&whole.raw), "{} {}", mended.raw, whole.raw);
}

#[tokio::test]
async fn declared_paths_are_columns_of_events() {
    let paths = [("city".to_owned(), "/address/city".to_owned())].into();
    let webhook =
        SourceSpec { json: JsonSpec { paths, ..JsonSpec::default() }, ..spec("webhook", json!({})) };
    let events = [event("a", b"{\"address\":{\"city\":\"Bonn\"}}")];
    let chunk = kind("webhook").decode_events(&webhook, &context(Vec::new()), &events).expect("decode");
    assert_eq!(names(&chunk), ["address", "city"]);
    assert_eq!(column(&[chunk], "city"), some(&["Bonn"]));
}

#[tokio::test]
async fn a_webhook_source_can_not_be_opened_and_a_csv_source_takes_no_events() {
    let error =
        kind("webhook").open(&spec("webhook", json!({})), context(Vec::new())).await.err().expect("refused");
    assert!(error.is_permanent() && error.code == "KIND_MISMATCH");
    let error = kind("csv")
        .decode_events(&spec("csv", json!({"location": "x"})), &context(Vec::new()), &[])
        .expect_err("refused");
    assert_eq!(error.code, "KIND_MISMATCH");
}

#[tokio::test]
async fn events_come_at_their_rate() {
    let begun = Instant::now();
    let chunks = read(&spec("synthetic", json!({"rate": 400, "count": 300})), &context(Vec::new()))
        .await
        .expect("read");
    assert_eq!(chunks.iter().map(|chunk| chunk.read).collect::<Vec<_>>(), [200, 100]);
    assert!(begun.elapsed() >= Duration::from_millis(740), "{:?}", begun.elapsed());
}
