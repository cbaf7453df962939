//! Pull jobs.

use polars::prelude::DataType;
use rfe_proto::metadata::{Layer, RunState};
use serde_json::json;

use crate::node::{Node, csv, texts};

#[tokio::test(flavor = "multi_thread")]
async fn a_csv_file_lands_typed_and_its_text_stays_in_raw() {
    let node = Node::start().await;
    let location = node.file("a.csv", "id,code,amount,day\n1,007,1.50,2026-01-02\n2,,2,2026-01-03\n");
    node.declare(csv("orders", &location)).await;
    let run_id = node.pull("orders").await;
    let run = node.reaches(&run_id, RunState::Succeeded).await;
    let counters = run.counters.expect("counters");
    assert_eq!((counters.read, counters.landed, counters.dead), (2, 2, 0));
    assert!(counters.bytes_read > 0 && counters.bytes_written > 0);

    let rows = node.rows("orders", Layer::Processed).await;
    assert_eq!(rows.column("id").expect("id").dtype(), &DataType::Int64);
    assert_eq!(rows.column("amount").expect("amount").dtype(), &DataType::Float64);
    assert_eq!(rows.column("day").expect("day").dtype(), &DataType::Date);
    assert_eq!(texts(&rows, "code"), ["007", "-"]);
    assert_eq!(texts(&rows, "_source"), ["orders", "orders"]);
    assert_eq!(texts(&rows, "_run_id"), [run_id.as_str(), run_id.as_str()]);
    assert_eq!(texts(&rows, "_schema_version"), ["1", "1"]);
    assert!(rows.column("_event_id").is_err());

    let raw = node.rows("orders", Layer::Raw).await;
    assert_eq!(texts(&raw, "amount"), ["1.50", "2"]);
    assert_eq!(texts(&raw, "_run_id"), [run_id.as_str(), run_id.as_str()]);
    let (file, _) = &node.files("orders", Layer::Raw).await[0];
    let names: Vec<_> = file.raw_columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["id", "code", "amount", "day", "_run_id", "_file", "_line"]);
    let (file, _) = &node.files("orders", Layer::Processed).await[0];
    let id = file.stats.iter().find(|stats| stats.column_id == 1).expect("stats of id");
    assert_eq!((id.min.as_str(), id.max.as_str(), id.nulls), ("1", "2", 0));
    node.idle().await;
    node.metric("rfe_worker_rows_landed_total 2").await;
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn types_do_not_depend_on_row_order_also_where_fields_were_spilled() {
    let node = Node::start_with(|config| rfe_worker::Config {
        chunk_bytes: 4 << 10,
        staged_bytes: 16 << 10,
        row_group_rows: 700,
        part_rows: 5000,
        ..config
    })
    .await;
    let mut text = String::from("id,late\n");
    (0..20_000).for_each(|id| text.push_str(&format!("{id},{}.50\n", id % 10)));
    text.push_str("20000,not a number\n");
    let location = node.file("late.csv", text);
    node.declare(csv("late", &location)).await;
    let run_id = node.pull("late").await;
    let run = node.reaches(&run_id, RunState::Succeeded).await;
    assert_eq!(run.counters.expect("counters").landed, 20_001);
    let files = node.files("late", Layer::Processed).await;
    assert!(files.len() > 2, "parts end where they should: {}", files.len());
    let rows = node.rows("late", Layer::Processed).await;
    let late = texts(&rows, "late");
    assert_eq!((late[3].as_str(), late[20_000].as_str()), ("3.50", "not a number"));
    assert_eq!(texts(&rows, "id"), (0..=20_000).map(|id| id.to_string()).collect::<Vec<_>>());
    assert_eq!(texts(&node.rows("late", Layer::Raw).await, "id").len(), 20_001);
    assert_eq!(
        std::fs::read_dir(node.folder.path().join("scratch")).expect("scratch").count(),
        0,
        "scratch is empty"
    );
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_became_empty_empties_its_dataset() {
    let node = Node::start().await;
    let location = node.file("a.csv", "id\n1\n2\n");
    node.declare(csv("orders", &location)).await;
    let run_id = node.pull("orders").await;
    node.reaches(&run_id, RunState::Succeeded).await;
    assert_eq!(node.rows("orders", Layer::Processed).await.height(), 2);
    node.file("a.csv", "id\n");
    let run_id = node.pull("orders").await;
    let run = node.reaches(&run_id, RunState::Succeeded).await;
    assert_eq!((run.counters.expect("counters").landed, run.files), (0, 0));
    assert_eq!(node.rows("orders", Layer::Processed).await.height(), 0);
    let resolved = node.resolve("orders").await;
    assert_eq!(
        resolved.datasets[0].dataset.as_ref().expect("dataset").columns.len(),
        1,
        "the column stays known"
    );
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_synthetic_job_makes_events_and_bad_ones_become_letters() {
    let node = Node::start().await;
    node.declare(json!({"name": "clicks", "kind": "synthetic", "config": {"count": 3000, "seed": 7, "error_share": 0.01}})).await;
    let run_id = node.pull("clicks").await;
    let run = node.reaches(&run_id, RunState::Succeeded).await;
    let counters = run.counters.expect("counters");
    assert_eq!(counters.read, 3000);
    assert!(counters.dead > 0);
    assert_eq!(counters.landed + counters.dead, 3000);
    let rows = node.rows("clicks", Layer::Processed).await;
    assert_eq!(rows.height() as i64, counters.landed);
    assert!(texts(&rows, "_event_id").iter().all(|id| id != "-"));
    assert_eq!(node.rows("clicks", Layer::Raw).await.height(), rows.height());
    assert_eq!(node.letters("clicks").await.len() as i64, counters.dead);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_job_lands_nothing_and_frees_its_slot() {
    let node = Node::start_with(|config| rfe_worker::Config {
        pull_slots: 1,
        lease: std::time::Duration::from_secs(1),
        ..config
    })
    .await;
    node.declare(json!({"name": "slow", "kind": "synthetic", "config": {"count": 100_000, "rate": 50}}))
        .await;
    let run_id = node.pull("slow").await;
    node.reaches(&run_id, RunState::Running).await;
    node.cancel(&run_id).await;
    node.metric("rfe_worker_runs_total{kind=\"pull\",outcome=\"passed_on\"} 1").await;
    assert_eq!(node.run_record(&run_id).await.state(), RunState::Cancelled);

    let location = node.file("a.csv", "id\n1\n");
    node.declare(csv("orders", &location)).await;
    let next = node.pull("orders").await;
    node.reaches(&next, RunState::Succeeded).await;
    assert_eq!(node.rows("slow", Layer::Processed).await.height(), 0);
    node.stop().await;
}
