//! Workers that freeze past their lease and go on: somebody else has done their work, and what they do still is refused.

use std::time::Duration;

use rfe_proto::metadata::{Layer, RunState};
use rfe_worker::Config;

use crate::node::{Node, csv, texts, webhook};

const REFUSED: &str = "rfe_stale_commits_refused_total";

/// Two slots of each kind, and the first run that passes the step freezes for far longer than its lease.
async fn freezing(step: &str) -> Node {
    let freeze_point = Some(format!("{step}=1.5"));
    Node::start_with(|config| Config { lease: Duration::from_millis(600), freeze_point, ..config }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_frozen_before_its_commit_is_refused_once_another_committed() {
    let node = freezing("before_commit").await;
    let location = node.file("a.csv", "id\n1\n2\n");
    node.declare(csv("orders", &location)).await;
    let run_id = node.pull("orders").await;
    let run = node.reaches(&run_id, RunState::Succeeded).await;
    assert_eq!(run.attempts, 2, "the other slot's claim");
    assert_eq!(refused(&node), 0, "it is frozen still");
    node.metric(&format!("{REFUSED} 1")).await;
    node.metric("rfe_worker_runs_total{kind=\"pull\",outcome=\"passed_on\"} 1").await;
    assert_eq!(node.run_record(&run_id).await, run, "nothing has changed");
    assert_eq!(texts(&node.rows("orders", Layer::Processed).await, "id"), ["1", "2"]);
    assert_eq!(node.rows("orders", Layer::Raw).await.height(), 2);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_frozen_before_its_commit_lands_once() {
    let node = freezing("before_commit").await;
    node.declare(webhook("hooks")).await;
    node.send("hooks", &[("a", "{\"n\": 1}".to_owned()), ("b", "{\"n\": 2}".to_owned())]).await;
    node.metric(&format!("{REFUSED} 1")).await;
    node.idle().await;
    let rows = node.rows("hooks", Layer::Processed).await;
    assert_eq!(texts(&rows, "_event_id"), ["a", "b"]);
    assert!(node.letters("hooks").await.is_empty());
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wherever_a_run_freezes_its_rows_are_there_once() {
    for step in ["after_lease", "after_claim", "after_read", "after_write", "after_put", "after_commit"] {
        let node = freezing(step).await;
        let location = node.file("a.csv", "id\n1\n2\n");
        node.declare(csv("orders", &location)).await;
        let run_id = node.pull("orders").await;
        node.reaches(&run_id, RunState::Succeeded).await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(texts(&node.rows("orders", Layer::Processed).await, "id"), ["1", "2"], "{step}");
        assert_eq!(node.rows("orders", Layer::Raw).await.height(), 2, "{step}");
        node.idle().await;
        node.stop().await;
    }
}

fn refused(node: &Node) -> u64 {
    let shown = node.metrics.render();
    let value = shown.lines().find_map(|line| line.strip_prefix(&format!("{REFUSED} "))?.parse().ok());
    value.unwrap_or_else(|| panic!("no metric {REFUSED}:\n{shown}"))
}
