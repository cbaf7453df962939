//! A node is a library, without globals: two of them, configured differently, live in one process.

use std::path::Path;

use rfe_client::{Client, Endpoints};
use rfe_node::{
    Node,
    config::{Flags, load},
    node::Surroundings,
};
use rfe_tests::{Ground, until};

async fn node(ground: &Ground, folder: &Path, unknown_sources: &str) -> Node {
    let setting = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    let variables = [
        ("RFE_HTTP_ADDR", "127.0.0.1:0"),
        ("RFE_GRPC_ADDR", "127.0.0.1:0"),
        ("RFE_BATCH_MAX_AGE_MS", "50"),
        ("RFE_EDGE_UNKNOWN_SOURCES", unknown_sources),
    ];
    let flags = Flags { data_dir: Some(folder.to_owned()) };
    let variables = variables.map(setting).into_iter().chain(ground.environment());
    let loaded = load(variables, &flags).expect("the settings are right");
    Node::start(&loaded.config, Surroundings::default()).await.expect("the node starts")
}

async fn post(node: &Node, body: &'static str) -> u16 {
    let url = format!("http://{}/webhooks/stranger", node.http());
    let request = reqwest::Client::new().post(url).header("content-type", "application/json").body(body);
    request.send().await.expect("the edge answers").status().as_u16()
}

async fn rows(node: &Node, sql: &str) -> Option<usize> {
    let client = Client::connect(Endpoints::single(format!("http://{}", node.grpc()))).expect("an address");
    let batches = client.query(sql).await.ok()?.all().await.ok()?;
    Some(batches.iter().map(arrow_array::RecordBatch::num_rows).sum())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_in_one_process_do_not_meet() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let grounds = [Ground::default(), Ground::default()];
    let open = node(&grounds[0], &folder.path().join("open"), "create").await;
    let shut = node(&grounds[1], &folder.path().join("shut"), "reject").await;
    assert_eq!((post(&open, r#"{"a": 1}"#).await, post(&shut, r#"{"a": 2}"#).await), (200, 404));
    until("the event is visible", || async {
        rows(&open, "SELECT a FROM stranger WHERE a = 1").await.filter(|rows| *rows == 1)
    })
    .await;
    assert_eq!(rows(&shut, "SELECT 1 FROM meta.sources").await, Some(0));
    assert!(shut.drain().await, "it drains");
    assert_eq!(post(&open, r#"{"a": 3}"#).await, 200, "the other one goes on");
    assert!(open.drain().await, "it drains");
    let again = node(&grounds[0], &folder.path().join("open"), "create").await;
    until("both events are there", || async {
        rows(&again, "SELECT a FROM stranger").await.filter(|rows| *rows == 2)
    })
    .await;
    assert!(again.drain().await, "it drains");
}
