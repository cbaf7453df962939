//! What fails, and what becomes of it.

use rfe_proto::metadata::{Layer, RunKind, RunState};
use rfe_registry::{Claim, RunStore as _};
use serde_json::json;

use crate::node::{Node, csv};

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_stays_down_is_tried_again_and_then_leaves_a_letter() {
    let node = Node::start_with(|config| rfe_worker::Config {
        allow_private_hosts: vec!["127.0.0.1".into()],
        ..config
    })
    .await;
    let closed = std::net::TcpListener::bind("127.0.0.1:0").expect("bind");
    let url = format!("http://{}/customers", closed.local_addr().expect("address"));
    drop(closed);
    node.declare(json!({
        "name": "api", "kind": "rest", "config": {"url": url},
        "retry": {"attempts": 3, "base": "10ms", "cap": "20ms"},
    }))
    .await;
    let run_id = node.pull("api").await;
    let run = node.reaches(&run_id, RunState::Failed).await;
    node.idle().await;
    assert_eq!(run.attempts, 3);
    let letters = node.letters("api").await;
    assert_eq!(letters.len(), 1);
    assert_eq!(
        (letters[0].kind.as_str(), letters[0].stage.as_str(), letters[0].attempts),
        ("job", "read", 3)
    );
    node.metric("rfe_worker_runs_total{kind=\"pull\",outcome=\"retried\"} 2").await;
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_not_there_fails_at_once() {
    let node = Node::start().await;
    let location = node.folder.path().join("data/missing.csv").display().to_string();
    node.declare(csv("orders", &location)).await;
    let run_id = node.pull("orders").await;
    let run = node.reaches(&run_id, RunState::Failed).await;
    assert_eq!(run.attempts, 1);
    assert_eq!(node.letters("orders").await[0].code, run.error_code);
    node.idle().await;
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lake_that_is_down_burns_no_attempt() {
    let node = Node::start().await;
    let location = node.file("a.csv", "id\n1\n");
    let mut source = csv("orders", &location);
    source["retry"] = json!({"attempts": 1});
    node.declare(source).await;
    node.flaky.fail_puts(2);
    let run_id = node.pull("orders").await;
    let run = node.reaches(&run_id, RunState::Succeeded).await;
    assert!(node.flaky.is_spent());
    assert_eq!(run.attempts, 3, "claims");
    assert!(node.letters("orders").await.is_empty());
    assert_eq!(node.rows("orders", Layer::Processed).await.height(), 1);
    node.metric("rfe_worker_runs_total{kind=\"pull\",outcome=\"released\"} 2").await;
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_bad_rows_fail_the_run_and_say_which_was_first() {
    let node = Node::start().await;
    let location = node.file("a.csv", "id,x\n1,2\n3\n4\n");
    let mut source = csv("orders", &location);
    source["on_bad_row"] = json!({"quarantine": {"max_rows": 1}});
    node.declare(source).await;
    let run_id = node.pull("orders").await;
    let run = node.reaches(&run_id, RunState::Failed).await;
    assert_eq!(run.error_code, "TOO_MANY_BAD_ROWS");
    assert!(run.error.contains("2 of 3 records") && run.error.contains("a.csv:3"), "{}", run.error);
    assert_eq!(node.rows("orders", Layer::Processed).await.height(), 0);
    let letters = node.letters("orders").await;
    assert_eq!((letters.len(), letters[0].kind.as_str()), (1, "job"));
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_somebody_else_claimed_ends_quietly_and_shows_nothing() {
    let node = Node::start().await;
    node.declare(json!({"name": "slow", "kind": "synthetic", "config": {"count": 100_000, "rate": 50}}))
        .await;
    let run_id = node.pull("slow").await;
    node.reaches(&run_id, RunState::Running).await;
    let claim =
        Claim { run_id: run_id.clone(), source: "slow".into(), kind: RunKind::Pull, worker: "other".into() };
    let claimed = node.registry.claim(&claim).await.expect("claim");
    node.metric("rfe_worker_runs_total{kind=\"pull\",outcome=\"passed_on\"} 1").await;
    let run = node.run_record(&run_id).await;
    assert_eq!((run.state(), run.epoch), (RunState::Running, claimed.run.epoch));
    assert_eq!(node.rows("slow", Layer::Processed).await.height(), 0);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_under_a_stale_epoch_is_refused_and_its_files_stay_unseen() {
    let node = Node::start().await;
    let location = node.file("a.csv", "id\n1\n");
    node.declare(csv("orders", &location)).await;
    node.flaky.steal_before_commit(1);
    let run_id = node.pull("orders").await;
    node.metric("rfe_worker_runs_total{kind=\"pull\",outcome=\"passed_on\"} 1").await;
    assert!(node.flaky.is_spent());
    assert_eq!(node.run_record(&run_id).await.state(), RunState::Running);
    assert_eq!(node.rows("orders", Layer::Processed).await.height(), 0);
    assert_eq!(node.rows("orders", Layer::Raw).await.height(), 0);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn work_that_can_not_drain_is_released() {
    let node =
        Node::start_with(|config| rfe_worker::Config { drain: std::time::Duration::ZERO, ..config }).await;
    node.declare(json!({"name": "slow", "kind": "synthetic", "config": {"count": 100_000, "rate": 50}}))
        .await;
    let run_id = node.pull("slow").await;
    node.reaches(&run_id, RunState::Running).await;
    let (queue, registry) = (node.queue.clone(), node.registry.clone());
    node.stop().await;
    use rfe_queue::QueueControl as _;
    let job = queue.job(&run_id).await.expect("queue").expect("the job");
    assert_eq!(job.state, rfe_proto::ingest::JobState::Queued);
    assert_eq!(job.attempts, 0);
    assert_eq!(registry.run(&run_id).await.expect("runs").expect("run").state(), RunState::Running);
}
