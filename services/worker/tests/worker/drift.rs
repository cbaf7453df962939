//! What schema policies do to the records and columns of a run.

use rfe_proto::metadata::{DiscardedColumn, Layer, RunCounters, RunState};
use rfe_registry::{CatalogStore, Page};
use serde_json::{Value, json};

use crate::node::{Node, csv, texts, webhook};

fn with_policy(mut source: Value, policy: &str) -> Value {
    source["schema_policy"] = json!(policy);
    source
}

fn counts(counters: Option<RunCounters>) -> [i64; 4] {
    let counters = counters.expect("counters");
    [counters.read, counters.landed, counters.dead, counters.discarded]
}

async fn landed(node: &Node, source: &str, state: RunState) -> rfe_proto::metadata::Run {
    let run_id = node.pull(source).await;
    node.reaches(&run_id, state).await
}

#[tokio::test(flavor = "multi_thread")]
async fn quarantine_makes_letters_of_records_that_drift_and_lands_the_others() {
    let node = Node::start().await;
    let location = node.file("a.csv", "id,x\n1,2\n");
    node.declare(with_policy(csv("orders", &location), "quarantine")).await;
    landed(&node, "orders", RunState::Succeeded).await;
    node.file("a.csv", "id,x,extra\n1,2,\n2,3,new\n3,2.5,\n007,4,\n,5,\n");
    let run = landed(&node, "orders", RunState::Succeeded).await;
    assert_eq!((counts(run.counters), run.schema_version), ([5, 2, 3, 0], 1));
    assert_eq!(texts(&node.rows("orders", Layer::Processed).await, "x"), ["2", "5"]);
    let mut letters = node.letters("orders").await;
    letters.sort_by_key(|letter| letter.position.clone().expect("position").line);
    let told: Vec<(&str, &str, &str)> = letters
        .iter()
        .map(|letter| (letter.stage.as_str(), letter.code.as_str(), letter.field_path.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            ("contract", "UNKNOWN_COLUMN", "extra"),
            ("contract", "BAD_VALUE", "x"),
            ("contract", "BAD_VALUE", "id")
        ]
    );
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_whose_every_record_drifts_fails_its_run_and_says_why() {
    let node = Node::start().await;
    let location = node.file("a.csv", "id\n1\n");
    let mut source = with_policy(csv("orders", &location), "quarantine");
    source["on_bad_row"] = json!({"quarantine": {"max_rows": 2}});
    node.declare(source).await;
    landed(&node, "orders", RunState::Succeeded).await;
    node.file("a.csv", "id,extra\n1,a\n2,b\n3,c\n");
    let run = landed(&node, "orders", RunState::Failed).await;
    assert_eq!(run.error_code, "TOO_MANY_BAD_ROWS");
    assert!(run.error.contains("no column `extra`") && run.error.contains("quarantine"), "{}", run.error);
    assert_eq!(texts(&node.rows("orders", Layer::Processed).await, "id"), ["1"], "what was there stays");
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn discard_leaves_columns_and_misfits_out_and_counts_both() {
    let node = Node::start().await;
    let location = node.file("a.csv", "id,x\n1,2\n");
    let mut source = with_policy(csv("orders", &location), "discard");
    source["columns"] = json!({"y": "BIGINT"});
    node.declare(source).await;
    landed(&node, "orders", RunState::Succeeded).await;
    node.file("a.csv", "id,x,extra,y\n1,2,a,1\n2,2.5,b,2\n3,4,,3\n4,5,c,bad\n");
    let run = landed(&node, "orders", RunState::Succeeded).await;
    assert_eq!(counts(run.counters), [4, 2, 1, 1]);
    assert_eq!(run.discarded_columns, [DiscardedColumn { name: "extra".to_owned(), values: 1 }]);
    let rows = node.rows("orders", Layer::Processed).await;
    assert_eq!(texts(&rows, "id"), ["1", "3"]);
    assert!(rows.column("extra").is_err());
    let raw = node.rows("orders", Layer::Raw).await;
    assert_eq!(texts(&raw, "extra"), ["a", "-"], "raw is lossless");
    let letters = node.letters("orders").await;
    assert_eq!(letters.len(), 1, "a value that does not fit its declared type is a letter under any policy");
    assert_eq!((letters[0].stage.as_str(), letters[0].field_path.as_str()), ("validate", "y"));
    let page = Page { after: None, limit: 1 };
    let newest = node.registry.schema_versions("orders", &page).await.expect("versions").remove(0);
    assert_eq!(
        (newest.left_out[0].name.as_str(), newest.left_out[0].run_id.as_str()),
        ("extra", run.run_id.as_str())
    );
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_source_fails_once_with_a_letter_and_nothing_lands() {
    let node = Node::start().await;
    let location = node.file("a.csv", "id,x\n1,2\n");
    node.declare(with_policy(csv("orders", &location), "freeze")).await;
    landed(&node, "orders", RunState::Succeeded).await;
    for (text, named) in [
        ("id,x,extra\n2,3,\n", "new column `extra`"),
        ("id,x\n2,2.5\n", "column `x` widens from BIGINT to DOUBLE"),
        ("id\n2\n", "column `x` is missing"),
    ] {
        node.file("a.csv", text);
        let run = landed(&node, "orders", RunState::Failed).await;
        assert_eq!(
            (run.error_code.as_str(), run.attempts),
            ("SCHEMA_POLICY_VIOLATED", 1),
            "trying again can't help"
        );
        assert!(run.error.contains(named), "{}", run.error);
        assert_eq!(texts(&node.rows("orders", Layer::Processed).await, "id"), ["1"]);
    }
    let letters = node.letters("orders").await;
    assert_eq!(letters.len(), 3);
    assert!(letters.iter().all(|letter| letter.kind == "job" && letter.stage == "contract"), "{letters:?}");
    let mut relaxed = with_policy(csv("orders", &location), "freeze");
    relaxed["columns"] = json!({"extra": "VARCHAR"});
    node.declare(relaxed).await;
    node.file("a.csv", "id,x,extra\n2,3,e\n");
    landed(&node, "orders", RunState::Succeeded).await;
    assert_eq!(
        texts(&node.rows("orders", Layer::Processed).await, "extra"),
        ["e"],
        "what is declared is no drift"
    );
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_drifts_from_a_frozen_or_quarantined_dataset_costs_no_other() {
    let node = Node::start().await;
    for policy in ["freeze", "quarantine"] {
        node.declare(with_policy(webhook(policy), policy)).await;
        node.send(policy, &[("first", r#"{"n": 1, "s": "a"}"#.to_owned())]).await;
        node.idle().await;
        let events = [
            ("good", r#"{"n": 2}"#),
            ("null", r#"{"n": 3, "extra": null}"#),
            ("new", r#"{"n": 4, "extra": {"a": 1}}"#),
            ("wide", r#"{"n": 5.5}"#),
            ("text", r#"{"n": "6"}"#),
            ("also good", r#"{"n": 7, "s": "b"}"#),
        ];
        let events: Vec<(&str, String)> = events.iter().map(|(id, body)| (*id, (*body).to_owned())).collect();
        node.send(policy, &events).await;
        node.idle().await;
        let mut ids = texts(&node.rows(policy, Layer::Processed).await, "_event_id");
        ids.sort();
        assert_eq!(ids, ["also good", "first", "good", "null"], "{policy}");
        let mut letters = node.letters(policy).await;
        letters.sort_by(|a, b| a.event_id.cmp(&b.event_id));
        let told: Vec<(&str, &str)> =
            letters.iter().map(|letter| (letter.event_id.as_str(), letter.code.as_str())).collect();
        assert_eq!(
            told,
            [("new", "UNKNOWN_COLUMN"), ("text", "BAD_VALUE"), ("wide", "BAD_VALUE")],
            "{policy}"
        );
        assert_eq!(node.runs(policy).await.len(), 2, "no batch was split for it");
    }
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_does_not_fit_is_discarded_and_counted() {
    let node = Node::start().await;
    node.declare(with_policy(webhook("hooks"), "discard")).await;
    node.send("hooks", &[("1", r#"{"n": 1}"#.to_owned())]).await;
    node.idle().await;
    node.send("hooks", &[("2", r#"{"n": "x"}"#.to_owned()), ("3", r#"{"n": 3, "extra": 1}"#.to_owned())])
        .await;
    node.idle().await;
    assert_eq!(texts(&node.rows("hooks", Layer::Processed).await, "_event_id"), ["1", "3"]);
    let run = node.runs("hooks").await.remove(0);
    assert_eq!(counts(run.counters), [2, 1, 0, 1]);
    assert_eq!(run.discarded_columns, [DiscardedColumn { name: "extra".to_owned(), values: 1 }]);
    assert!(node.letters("hooks").await.is_empty());
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_is_replayed_against_the_schema_of_today() {
    let node = Node::start().await;
    let location = node.file("a.csv", "id,x\n1,2\n");
    node.declare(with_policy(csv("orders", &location), "quarantine")).await;
    landed(&node, "orders", RunState::Succeeded).await;
    node.file("a.csv", "id,x,extra\n1,2,\n2,3,new\n");
    landed(&node, "orders", RunState::Succeeded).await;
    let letter = node.letters("orders").await.remove(0);

    let still_bad = node.replay(&letter, None).await;
    let run = node.reaches(&still_bad, RunState::Failed).await;
    assert_eq!(run.error_code, "UNKNOWN_COLUMN");
    let edited = node.replay(&letter, Some(b"2,many,new")).await;
    node.reaches(&edited, RunState::Failed).await;
    let open = node.letters("orders").await.remove(0);
    assert_eq!((open.state.as_str(), open.attempts), ("open", letter.attempts + 2));
    assert_eq!(
        (open.code.as_str(), open.field_path.as_str()),
        ("BAD_VALUE", "x"),
        "the reason is the new one"
    );
    assert_eq!(open.raw_base64, letter.raw_base64, "the bytes are the old ones");

    let mut declared = with_policy(csv("orders", &location), "quarantine");
    declared["columns"] = json!({"extra": "VARCHAR"});
    node.declare(declared).await;
    let replay = node.replay(&letter, None).await;
    let run = node.reaches(&replay, RunState::Succeeded).await;
    assert_eq!(run.schema_version, 2, "today's declaration brings the column");
    let page = Page { after: None, limit: 1 };
    let newest = node.registry.schema_versions("orders", &page).await.expect("versions").remove(0);
    assert!(newest.columns.iter().all(|column| !column.missing), "one record lacks nothing: {newest:?}");
    assert_eq!(node.rows("orders", Layer::Raw).await.height(), 2);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_of_what_a_later_reading_superseded_lands_nothing() {
    let node = Node::start().await;
    let location = node.file("a.csv", "id,x\n1,2\n3\n");
    node.declare(csv("orders", &location)).await;
    landed(&node, "orders", RunState::Succeeded).await;
    let letter = node.letters("orders").await.remove(0);
    node.file("a.csv", "id,x\n1,2\n3,4\n");
    let second = landed(&node, "orders", RunState::Succeeded).await;
    let again = rfe_registry::NewRun {
        run_id: rfe_model::id::new(),
        source: "orders".into(),
        kind: rfe_proto::metadata::RunKind::Replay,
        letter_id: Some(letter.id.clone()),
        replay_raw: None,
        scheduled_micros: None,
    };
    let refused = rfe_registry::RunStore::create_run(node.registry.as_ref(), &again).await;
    assert!(refused.expect_err("superseded").to_string().contains("discarded"));
    let closed = node.letters("orders").await.remove(0);
    assert_eq!(
        (closed.discard_reason.as_str(), closed.closed_by),
        ("superseded", format!("run {}", second.run_id))
    );
    assert_eq!(node.rows("orders", Layer::Processed).await.height(), 2);
    node.stop().await;
}
