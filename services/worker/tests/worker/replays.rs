//! Replays of dead letters.

use rfe_proto::metadata::{Layer, RunState};
use rfe_registry::RegistryError;
use serde_json::json;

use crate::node::{Node, csv, texts, webhook};

#[tokio::test(flavor = "multi_thread")]
async fn a_record_lands_once_when_its_letter_is_replayed_twice() {
    let node = Node::start().await;
    let location = node.file("a.csv", "id,x\n1,2\n3\n4,5\n");
    node.declare(csv("orders", &location)).await;
    let run_id = node.pull("orders").await;
    node.reaches(&run_id, RunState::Succeeded).await;
    let letter = node.letters("orders").await.remove(0);
    assert_eq!(letter.raw_base64, b"3".to_vec(), "{letter:?}");

    let first = node.replay(&letter, Some(b"3,33")).await;
    node.reaches(&first, RunState::Succeeded).await;
    let rows = node.rows("orders", Layer::Processed).await;
    assert_eq!(texts(&rows, "x").into_iter().filter(|x| x == "33").count(), 1);
    assert_eq!(rows.height(), 3, "a replay adds to what a replace source shows");
    let replayed = node.letters("orders").await.remove(0);
    assert_eq!((replayed.state.as_str(), replayed.replay_run_id.as_str()), ("replayed", first.as_str()));

    let again = rfe_registry::NewRun {
        run_id: rfe_model::id::new(),
        source: "orders".into(),
        kind: rfe_proto::metadata::RunKind::Replay,
        letter_id: Some(letter.id.clone()),
        replay_raw: None,
        scheduled_micros: None,
    };
    let refused = rfe_registry::RunStore::create_run(node.registry.as_ref(), &again).await;
    assert!(matches!(refused, Err(RegistryError::LetterNotOpen { .. })), "{refused:?}");
    assert_eq!(node.rows("orders", Layer::Processed).await.height(), 3);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_is_still_bad_leaves_its_letter_open() {
    let node = Node::start().await;
    let location = node.file("a.csv", "id,x\n1,2\n3\n");
    node.declare(csv("orders", &location)).await;
    let run_id = node.pull("orders").await;
    node.reaches(&run_id, RunState::Succeeded).await;
    let letter = node.letters("orders").await.remove(0);
    let replay = node.replay(&letter, None).await;
    node.reaches(&replay, RunState::Failed).await;
    let letters = node.letters("orders").await;
    assert_eq!(letters.len(), 1, "no second letter: {letters:?}");
    assert_eq!((letters[0].id.as_str(), letters[0].state.as_str()), (letter.id.as_str(), "open"));
    assert!(letters[0].attempts > letter.attempts);
    node.idle().await;
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_landed_meanwhile_is_no_second_row_when_replayed() {
    let node = Node::start().await;
    node.declare(webhook("hooks")).await;
    node.send("hooks", &[("a", "{".to_owned())]).await;
    node.idle().await;
    let letter = node.letters("hooks").await.remove(0);
    node.send("hooks", &[("a", "{\"n\": 1}".to_owned())]).await;
    node.idle().await;
    let replay = node.replay(&letter, Some(b"{\"n\": 1}")).await;
    let run = node.reaches(&replay, RunState::Succeeded).await;
    let counters = run.counters.expect("counters");
    assert_eq!((counters.read, counters.landed, counters.duplicate), (1, 0, 1));
    assert_eq!(texts(&node.rows("hooks", Layer::Processed).await, "_event_id"), ["a"]);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_letter_reads_its_source_again_and_replaces_what_an_earlier_job_landed() {
    let node = Node::start().await;
    let location = node.folder.path().join("data/a.csv").display().to_string();
    let mut source = csv("orders", &location);
    source["retry"] = json!({"attempts": 1});
    node.declare(source).await;
    node.file("a.csv", "id\n1\n2\n");
    let earlier = node.pull("orders").await;
    node.reaches(&earlier, RunState::Succeeded).await;
    std::fs::remove_file(&location).expect("the file goes");
    let run_id = node.pull("orders").await;
    node.reaches(&run_id, RunState::Failed).await;
    let letter = node.letters("orders").await.remove(0);
    assert_eq!(letter.kind, "job");
    node.file("a.csv", "id\n1\n2\n");
    let replay = node.replay(&letter, None).await;
    node.reaches(&replay, RunState::Succeeded).await;
    assert_eq!(node.rows("orders", Layer::Processed).await.height(), 2);
    assert_eq!(node.letters("orders").await[0].state, "replayed");
    node.stop().await;
}
