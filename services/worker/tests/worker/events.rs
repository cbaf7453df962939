//! Batches of events.

use rfe_proto::metadata::{Layer, RunState};
use serde_json::json;

use crate::node::{Node, texts, webhook};

fn sorted(mut texts: Vec<String>) -> Vec<String> {
    texts.sort();
    texts
}

fn body(n: u32) -> String {
    format!("{{\"n\": {n}, \"text\": \"0{n}\"}}")
}

#[tokio::test(flavor = "multi_thread")]
async fn events_land_once_with_their_ids_and_exact_bytes() {
    let node = Node::start().await;
    node.declare(webhook("hooks")).await;
    let events: Vec<(String, String)> = (0..50).map(|n| (format!("e{n:02}"), body(n))).collect();
    let events: Vec<(&str, String)> = events.iter().map(|(id, body)| (id.as_str(), body.clone())).collect();
    node.send("hooks", &events).await;
    node.idle().await;
    let rows = node.rows("hooks", Layer::Processed).await;
    let ids: Vec<String> = events.iter().map(|(id, _)| (*id).to_owned()).collect();
    assert_eq!(sorted(texts(&rows, "_event_id")), ids);
    assert!(texts(&rows, "_received_at").iter().all(|at| at != "-"));
    let raw = node.rows("hooks", Layer::Raw).await;
    let bodies = raw.column("body").expect("body").binary().expect("bytes").clone();
    let mut bodies: Vec<Vec<u8>> = bodies.iter().flatten().map(<[u8]>::to_vec).collect();
    bodies.sort();
    let mut sent: Vec<Vec<u8>> = events.iter().map(|(_, body)| body.clone().into_bytes()).collect();
    sent.sort();
    assert_eq!(bodies, sent);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_that_landed_before_are_left_out_of_both_layers() {
    let node = Node::start().await;
    node.declare(webhook("hooks")).await;
    node.send("hooks", &[("a", body(1)), ("b", body(2))]).await;
    node.idle().await;
    node.send("hooks", &[("b", body(2)), ("c", body(3)), ("a", body(1))]).await;
    node.idle().await;
    assert_eq!(sorted(texts(&node.rows("hooks", Layer::Processed).await, "_event_id")), ["a", "b", "c"]);
    assert_eq!(sorted(texts(&node.rows("hooks", Layer::Raw).await, "_event_id")), ["a", "b", "c"]);
    let counters = node.runs("hooks").await[0].counters.expect("counters");
    assert_eq!((counters.read, counters.landed, counters.duplicate), (3, 1, 2));

    node.send("hooks", &[("a", body(1))]).await;
    node.idle().await;
    assert_eq!(node.rows("hooks", Layer::Processed).await.height(), 3);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_is_no_json_becomes_a_letter_and_the_others_land() {
    let node = Node::start().await;
    node.declare(webhook("hooks")).await;
    node.send("hooks", &[("a", body(1)), ("bad", "{".to_owned()), ("c", body(3))]).await;
    node.idle().await;
    assert_eq!(node.rows("hooks", Layer::Processed).await.height(), 2);
    let letters = node.letters("hooks").await;
    assert_eq!(letters.len(), 1);
    assert_eq!((letters[0].event_id.as_str(), letters[0].raw_base64.as_slice()), ("bad", b"{".as_slice()));
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_event_that_a_frozen_schema_refuses_costs_no_other_event() {
    let node = Node::start().await;
    let mut source = webhook("hooks");
    source["schema_policy"] = json!("freeze");
    node.declare(source).await;
    node.send("hooks", &[("first", body(0))]).await;
    node.idle().await;
    let ids: Vec<String> = (0..9).map(|n| format!("e{n}")).collect();
    let events: Vec<(&str, String)> = ids
        .iter()
        .zip(0..)
        .map(|(id, n)| (id.as_str(), if n == 5 { "{\"n\": 5, \"new\": true}".to_owned() } else { body(n) }))
        .collect();
    node.send("hooks", &events).await;
    node.idle().await;
    let rows = node.rows("hooks", Layer::Processed).await;
    let mut expected: Vec<String> = ids.iter().filter(|id| *id != "e5").cloned().collect();
    expected.push("first".to_owned());
    assert_eq!(sorted(texts(&rows, "_event_id")), expected);
    let letters = node.letters("hooks").await;
    assert_eq!(letters.len(), 1, "{letters:?}");
    assert_eq!((letters[0].event_id.as_str(), letters[0].code.as_str()), ("e5", "UNKNOWN_COLUMN"));
    assert_eq!(letters[0].stage, "contract");
    assert!(node.runs("hooks").await.iter().all(|run| run.state() == RunState::Succeeded));
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_to_a_commit_duplicates_nothing() {
    let node = Node::start().await;
    node.declare(webhook("hooks")).await;
    node.flaky.lose_commits(1);
    node.send("hooks", &[("a", body(1)), ("b", body(2))]).await;
    node.idle().await;
    assert!(node.flaky.is_spent());
    assert_eq!(sorted(texts(&node.rows("hooks", Layer::Processed).await, "_event_id")), ["a", "b"]);
    assert_eq!(node.runs("hooks").await.len(), 1);
    node.stop().await;
}
