//! What a source remembers between and within its runs.

use std::time::Duration;

use rfe_lake::{Bucket, Lake as _};
use rfe_proto::metadata::{Layer, Run, RunKind, RunState};
use rfe_registry::{Claim, Commit, MemoryStore as _, Page, RunStore as _};
use serde_json::{Value, json};

use crate::node::{Node, texts};

fn pages(name: &str, mode: &str, config: Value) -> Value {
    json!({
        "name": name, "kind": "pages", "mode": mode, "config": config,
        "retry": {"attempts": 4, "base": "10ms", "cap": "20ms"},
    })
}

fn ids(pages: impl IntoIterator<Item = u64>) -> Vec<String> {
    pages.into_iter().flat_map(|page| page * 10 - 9..=page * 10).map(|id| id.to_string()).collect()
}

async fn landed(node: &Node, source: &str) -> Vec<String> {
    let mut ids = texts(&node.rows(source, Layer::Processed).await, "id");
    ids.sort_by_key(|id| id.parse::<u64>().expect("a number"));
    ids
}

async fn objects(node: &Node, source: &str) -> Vec<String> {
    let all = node.lake.list(Bucket::Raw, &format!("{source}/"), None, 1000).await.expect("list");
    all.into_iter().map(|object| object.key).filter(|key| key.contains("/checkpoints/")).collect()
}

async fn done(node: &Node, source: &str) -> Run {
    let run_id = node.pull(source).await;
    node.reaches(&run_id, RunState::Succeeded).await
}

async fn checkpoints_are_gone(node: &Node, source: &str) {
    node.until("no checkpoint is left", async || objects(node, source).await.is_empty().then_some(())).await;
}

async fn saved(node: &Node, run_id: &str) -> u64 {
    let run = node.run_record(run_id).await;
    let page = Page { after: None, limit: 1000 };
    let all = node.registry.checkpoints(run_id, run.epoch, &page).await.unwrap_or_default();
    all.last().map_or(0, |last| last.place + u64::from(last.count))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_whose_source_dies_goes_on_at_the_page_where_it_died() {
    let node = Node::start().await;
    node.declare(pages("api", "replace", json!({}))).await;
    node.api.has(30);
    node.api.fails_at(7, 1);
    node.api.fails_at(21, 1);
    let run = done(&node, "api").await;
    let mut expected: Vec<u64> = (1..=7).collect();
    expected.extend(7..=21);
    expected.extend(21..=30);
    assert_eq!(node.api.asked(), expected);
    assert_eq!(run.attempts, 3);
    let counters = run.counters.expect("counters");
    assert_eq!(
        (counters.read, counters.landed, counters.dead),
        (300, 300, 0),
        "what was read before counts as read"
    );
    assert_eq!(landed(&node, "api").await, ids(1..=30));
    assert_eq!(node.rows("api", Layer::Raw).await.height(), 300);
    checkpoints_are_gone(&node, "api").await;
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lake_that_is_down_while_checkpoints_are_saved_burns_no_attempt() {
    let node = Node::start().await;
    let mut source = pages("api", "replace", json!({}));
    source["retry"]["attempts"] = json!(1);
    node.declare(source).await;
    node.api.has(12);
    node.flaky.fail_puts(1);
    let run = done(&node, "api").await;
    assert!(node.flaky.is_spent());
    // Claimed again, unless all was read before the lake failed: then no checkpoint is needed any more.
    assert!((1..=2).contains(&run.attempts), "{} claims", run.attempts);
    assert_eq!(landed(&node, "api").await, ids(1..=12));
    assert!(node.letters("api").await.is_empty());
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reading_waits_while_more_is_read_than_can_be_saved() {
    let node = Node::start().await;
    node.declare(pages("api", "replace", json!({}))).await;
    node.api.has(40);
    node.api.pads(4 << 20);
    node.flaky.hold_puts(true);
    let run_id = node.pull("api").await;
    node.until("64 MiB wait", async || (node.api.calls() >= 15).then_some(())).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(node.api.calls() <= 20, "{} pages of 4 MiB", node.api.calls());
    node.flaky.hold_puts(false);
    node.reaches(&run_id, RunState::Succeeded).await;
    assert_eq!(landed(&node, "api").await, ids(1..=40));
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waited_when_a_worker_froze_is_read_again_and_nothing_that_it_saves_counts() {
    let node = Node::start().await;
    node.declare(pages("api", "replace", json!({}))).await;
    node.api.has(12);
    node.api.close_from(6);
    let run_id = node.pull("api").await;
    node.until("five pages are saved", async || (saved(&node, &run_id).await == 5).then_some(())).await;
    let claim =
        Claim { run_id: run_id.clone(), source: "api".into(), kind: RunKind::Pull, worker: "other".into() };
    let claimed = node.registry.claim(&claim).await.expect("claim");
    assert_eq!(claimed.checkpoints, 5, "the next claim inherits them");
    node.api.open();
    node.metric("rfe_worker_runs_total{kind=\"pull\",outcome=\"passed_on\"} 1").await;
    assert_eq!(saved(&node, &run_id).await, 5);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_that_is_lost_or_broken_is_read_from_the_source_again() {
    for broken in [false, true] {
        let node = Node::start().await;
        node.declare(pages("api", "replace", json!({}))).await;
        node.api.has(9);
        node.api.close_from(4);
        node.api.fails_at(4, 1);
        let run_id = node.pull("api").await;
        node.until("three pages are saved", async || (saved(&node, &run_id).await == 3).then_some(())).await;
        let last = objects(&node, "api").await.pop().expect("an object");
        if broken {
            let path = node.lake.local_path(Bucket::Raw, &last).expect("a path");
            std::fs::write(path, b"something else").expect("write");
        } else {
            node.lake.delete(Bucket::Raw, &last).await.expect("delete");
        }
        node.api.open();
        let run = node.reaches(&run_id, RunState::Succeeded).await;
        assert_eq!(run.counters.expect("counters").landed, 90);
        assert_eq!(landed(&node, "api").await, ids(1..=9));
        let asked = node.api.asked();
        assert!(asked.iter().filter(|page| **page == 3).count() == 2, "{asked:?}");
        checkpoints_are_gone(&node, "api").await;
        node.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn checkpoints_end_with_a_run_that_gives_up() {
    let node = Node::start().await;
    let mut source = pages("api", "replace", json!({}));
    source["retry"]["attempts"] = json!(2);
    node.declare(source).await;
    node.api.has(9);
    node.api.fails_at(5, 2);
    let run_id = node.pull("api").await;
    node.reaches(&run_id, RunState::Failed).await;
    assert_eq!(node.api.asked(), [1, 2, 3, 4, 5, 5]);
    checkpoints_are_gone(&node, "api").await;
    let run = done(&node, "api").await;
    assert_eq!(run.counters.expect("counters").landed, 90);
    assert_eq!(node.api.asked(), (1..=9).collect::<Vec<_>>(), "another run asks for all");
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_incremental_run_begins_where_the_last_committed_one_left_off() {
    let node = Node::start().await;
    node.declare(pages("api", "incremental", json!({}))).await;
    node.api.has(2);
    done(&node, "api").await;
    node.api.has(5);
    node.api.fails_at(4, 9);
    let failed = node.pull("api").await;
    node.reaches(&failed, RunState::Failed).await;
    node.api.fails_at(4, 0);
    node.api.asked();
    let run = done(&node, "api").await;
    assert_eq!(node.api.asked(), [3, 4, 5]);
    assert_eq!(run.counters.expect("counters").landed, 30);
    let nothing = done(&node, "api").await;
    assert_eq!(nothing.counters.expect("counters").read, 0);
    assert_eq!(landed(&node, "api").await, ids(1..=5));
    let cursors: Vec<Option<String>> = node.api.cursors();
    assert_eq!(cursors.first(), Some(&None));
    assert_eq!(cursors.last(), Some(&Some("50".to_owned())));
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_appends_reads_each_file_once() {
    let node = Node::start().await;
    node.declare(pages("files", "append", json!({"files": true}))).await;
    node.api.has(2);
    done(&node, "files").await;
    node.api.has(3);
    node.api.fails_at(3, 9);
    let failed = node.pull("files").await;
    node.reaches(&failed, RunState::Failed).await;
    node.api.fails_at(3, 0);
    node.api.asked();
    let letter = node.letters("files").await.remove(0);
    let replay = node.replay(&letter, None).await;
    node.reaches(&replay, RunState::Succeeded).await;
    assert_eq!(node.api.asked(), [3], "the replay of a job reads what no run has committed");
    done(&node, "files").await;
    assert_eq!(node.api.asked(), [] as [u64; 0]);
    assert_eq!(landed(&node, "files").await, ids(1..=3));
    node.api.rewrite("2");
    done(&node, "files").await;
    assert_eq!(node.api.asked(), [1, 2, 3], "files that changed are others");
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_was_replaced_and_appends_now_adds_only_what_is_new() {
    let node = Node::start().await;
    node.declare(pages("files", "replace", json!({"files": true}))).await;
    node.api.has(2);
    done(&node, "files").await;
    done(&node, "files").await;
    node.declare(pages("files", "append", json!({"files": true}))).await;
    node.api.has(3);
    node.api.asked();
    done(&node, "files").await;
    assert_eq!(node.api.asked(), [3]);
    assert_eq!(landed(&node, "files").await, ids(1..=3));
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_runs_that_read_the_same_file_the_second_reads_again() {
    let node = Node::start().await;
    node.declare(pages("files", "append", json!({"files": true}))).await;
    node.api.has(3);
    node.api.close_from(3);
    let run_id = node.pull("files").await;
    node.until("it reads the last file", async || node.api.asked().contains(&3).then_some(())).await;
    let other = rfe_registry::NewRun {
        run_id: rfe_model::id::new(),
        source: "files".into(),
        kind: RunKind::Pull,
        letter_id: None,
        replay_raw: None,
        scheduled_micros: None,
    };
    node.registry.create_run(&other).await.expect("create");
    let claim = Claim {
        run_id: other.run_id.clone(),
        source: "files".into(),
        kind: RunKind::Pull,
        worker: "other".into(),
    };
    let claimed = node.registry.claim(&claim).await.expect("claim").run;
    let mark = node.api.mark(2);
    let commit = Commit {
        run_id: claimed.run_id,
        epoch: claimed.epoch,
        schema_version: 0,
        files: Vec::new(),
        event_ids: Vec::new(),
        letters: Vec::new(),
        counters: Default::default(),
        cursor: None,
        files_read: vec![rfe_proto::metadata::FileMark {
            path: mark.path,
            bytes: mark.bytes,
            version: mark.version,
        }],
        discarded_columns: Vec::new(),
    };
    node.registry.commit(&commit).await.expect("commit");
    node.api.open();
    let run = node.reaches(&run_id, RunState::Succeeded).await;
    assert_eq!(run.attempts, 2);
    assert_eq!(landed(&node, "files").await, ids([1, 3]), "what the other run read is not landed again");
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_without_its_merge_key_fails_the_run_and_is_named() {
    let node = Node::start().await;
    let mut source = pages("merged", "merge", json!({}));
    source["merge"] = json!({"key": ["ID"]});
    node.declare(source.clone()).await;
    node.api.has(2);
    node.api.forgets_id_at(2);
    let run_id = node.pull("merged").await;
    let run = node.reaches(&run_id, RunState::Failed).await;
    assert_eq!((run.error_code.as_str(), run.attempts), ("MERGE_KEY_MISSING", 1));
    assert!(run.error.contains("`ID`") && run.error.contains("page 2, record 3"), "{}", run.error);
    node.api.forgets_id_at(9);
    for pages in [2, 3] {
        node.api.has(pages);
        done(&node, "merged").await;
    }
    assert_eq!(landed(&node, "merged").await, ids(1..=3), "it adds to what was there");
    node.stop().await;
}
