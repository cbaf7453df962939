//! Small files become large ones: a planned run is leased, and the same rows show.

use std::{path::Path, time::Duration};

use polars::prelude::*;
use polars_parquet::read::read_metadata;
use rfe_lake::{Bucket, Lake as _};
use rfe_model::backoff::Backoff;
use rfe_proto::metadata::{Layer, Run, RunCounters, RunState};
use rfe_registry::{CatalogStore as _, Page};
use rfe_worker::Config;
use serde_json::json;

use crate::node::{Node, csv, texts, webhook};

const BATCHES: usize = 12;
const ROWS: usize = 20_000;

/// Batches of two events each, one after the other.
async fn send_batches(node: &Node) {
    node.declare(webhook("hooks")).await;
    for batch in 0..BATCHES {
        let event = |half: usize| {
            let number = 2 * batch + half;
            (format!("e{number:02}"), format!("{{\"n\": {number}, \"t\":  \"a\\u00e9 {number}\"}}"))
        };
        let events = [event(0), event(1)];
        node.send("hooks", &events.each_ref().map(|(id, body)| (id.as_str(), body.clone()))).await;
        node.idle().await;
    }
}

async fn compact_all(node: &Node) -> Vec<Run> {
    let planned = node.plan_compactions().await;
    let mut runs = Vec::new();
    for run in &planned {
        node.compact(run).await;
        runs.push(node.reaches(&run.run_id, RunState::Succeeded).await);
    }
    runs
}

#[tokio::test(flavor = "multi_thread")]
async fn many_small_batches_become_one_file_a_layer_with_the_same_rows() {
    let node = Node::start().await;
    send_batches(&node).await;
    let before = node.resolve("hooks").await.snapshot;
    let (rows, raw) = (node.rows("hooks", Layer::Processed).await, node.rows("hooks", Layer::Raw).await);
    assert_eq!(node.files("hooks", Layer::Raw).await.len(), BATCHES);

    let runs = compact_all(&node).await;
    assert_eq!(runs.len(), 2, "a layer each");
    for run in &runs {
        let RunCounters { read, landed, bytes_read, bytes_written, .. } = run.counters.expect("counters");
        assert_eq!((read, landed, run.files), (2 * BATCHES as i64, 2 * BATCHES as i64, 1));
        assert!(bytes_written > 0 && bytes_written < bytes_read, "{bytes_written} of {bytes_read}");
    }
    let after = node.rows("hooks", Layer::Processed).await;
    assert!(after.equals_missing(&rows), "{after} is not {rows}");
    assert!(node.rows("hooks", Layer::Raw).await.equals_missing(&raw), "bodies are as they came");
    let ids: Vec<String> = (0..2 * BATCHES).map(|number| format!("e{number:02}")).collect();
    assert_eq!(texts(&after, "_event_id"), ids, "in their order");

    let files = node.files("hooks", Layer::Processed).await;
    let (file, path) = &files[0];
    assert_eq!((files.len(), file.rows, file.run_id.as_str()), (1, 24, runs[0].run_id.as_str()));
    let n = file.stats.iter().find(|stats| stats.column_id == 1).expect("stats of n");
    assert_eq!((n.min.as_str(), n.max.as_str(), n.nulls, n.r#type.as_str()), ("0", "23", 0, "BIGINT"));
    assert_eq!(ids_of(path), [1, 2, 1_000_001, 1_000_002, 1_000_003, 1_000_004, 1_000_005, 1_000_006]);
    let page = Page { after: None, limit: 1000 };
    let (old, _) = node.registry.files("hooks", before, Layer::Processed, &page).await.expect("files");
    assert_eq!(old.len(), BATCHES, "who reads an older snapshot still sees the small ones");

    assert!(node.letters("hooks").await.is_empty());
    node.metric("rfe_worker_runs_total{kind=\"compaction\",outcome=\"completed\"} 2").await;
    node.metric("rfe_worker_compacted_files_total 24").await;
    node.metric("rfe_worker_compacting_files_total 2").await;
    node.stop().await;
}

fn ids_of(path: &Path) -> Vec<i32> {
    let metadata = read_metadata(&mut std::fs::File::open(path).expect("open")).expect("metadata");
    let fields = metadata.schema().fields().iter();
    fields.map(|field| field.get_field_info().id.expect("a field id")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_a_lake_that_is_far_are_fetched_and_scratch_is_left_empty() {
    let node = Node::start().await;
    send_batches(&node).await;
    let (rows, raw) = (node.rows("hooks", Layer::Processed).await, node.rows("hooks", Layer::Raw).await);
    node.flaky.move_lake_away();
    compact_all(&node).await;
    node.idle().await;
    assert_eq!(node.files("hooks", Layer::Processed).await.len(), 1);
    assert!(node.rows("hooks", Layer::Processed).await.equals_missing(&rows));
    assert!(node.rows("hooks", Layer::Raw).await.equals_missing(&raw));
    let scratch = || std::fs::read_dir(node.folder.path().join("scratch")).expect("scratch").count();
    node.until("scratch is empty", async || (scratch() == 0).then_some(())).await;
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_column_that_older_files_lack_is_null_in_their_rows() {
    let node = Node::start().await;
    let location = node.folder.path().join("data/*.csv").display().to_string();
    let mut source = csv("orders", &location);
    source["mode"] = json!("append");
    node.declare(source).await;
    let texts_of_files = ["id\n1\n", "id\n2\n", "id,amount\n3,1.5\n", "id\n4\n", "id,amount\n5,2.5\n"];
    for (number, text) in texts_of_files.iter().enumerate() {
        node.file(&format!("{number}.csv"), text);
        let run_id = node.pull("orders").await;
        node.reaches(&run_id, RunState::Succeeded).await;
    }
    compact_all(&node).await;
    let files = node.files("orders", Layer::Processed).await;
    assert_eq!((files.len(), files[0].0.schema_version), (1, 2));
    let rows = node.rows("orders", Layer::Processed).await;
    assert_eq!(rows.column("amount").expect("amount").dtype(), &DataType::Float64);
    assert_eq!(texts(&rows, "id"), ["1", "2", "3", "4", "5"]);
    assert_eq!(texts(&rows, "amount"), ["-", "-", "1.5", "-", "2.5"]);
    assert_eq!(
        texts(&rows, "_schema_version"),
        ["1", "1", "2", "2", "2"],
        "each row says by what it was written"
    );
    // Raw files are what was read: only those of the same columns go together.
    let raw: Vec<i64> = node.files("orders", Layer::Raw).await.iter().map(|(file, _)| file.rows).collect();
    assert_eq!(raw.iter().sum::<i64>(), 5);
    assert!(raw.len() < 5, "{raw:?}");
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nested_exact_and_timed_values_are_the_same_in_both_layers() {
    let node = Node::start().await;
    let location = node.folder.path().join("data/*.parquet").display().to_string();
    let source =
        json!({"name": "parts", "kind": "parquet", "mode": "append", "config": {"location": location}});
    node.declare(source).await;
    for number in 0..4 {
        let path = node.folder.path().join("data").join(format!("{number}.parquet"));
        let mut frame = typed(number * 10);
        ParquetWriter::new(std::fs::File::create(path).expect("create")).finish(&mut frame).expect("write");
        let run_id = node.pull("parts").await;
        node.reaches(&run_id, RunState::Succeeded).await;
    }
    let (rows, raw) = (node.rows("parts", Layer::Processed).await, node.rows("parts", Layer::Raw).await);
    let columns = node.files("parts", Layer::Raw).await[0].0.raw_columns.clone();
    compact_all(&node).await;
    for (layer, before) in [(Layer::Processed, rows), (Layer::Raw, raw)] {
        assert_eq!(node.files("parts", layer).await.len(), 1);
        let after = node.rows("parts", layer).await;
        assert_eq!(after.schema(), before.schema());
        assert!(after.equals_missing(&before), "{after} is not {before}");
    }
    assert_eq!(node.files("parts", Layer::Raw).await[0].0.raw_columns, columns);
    node.stop().await;
}

fn typed(first: i64) -> DataFrame {
    let numbers: Vec<Option<i64>> = (first..first + 7).map(|n| (n % 3 != 0).then_some(n)).collect();
    let series = Series::new("n".into(), &numbers);
    let as_type =
        |name: &str, dtype: DataType| series.cast(&dtype).expect("cast").with_name(name.into()).into_column();
    let lists: Vec<Series> = numbers.iter().map(|n| Series::new("".into(), vec![*n; 2])).collect();
    let structs = StructChunked::from_series("s".into(), numbers.len(), [series.clone()].iter());
    let columns = vec![
        as_type("small", DataType::Int16),
        as_type("price", DataType::Decimal(20, 4)),
        as_type("at", DataType::Datetime(TimeUnit::Microseconds, Some(TimeZone::UTC))),
        as_type("local", DataType::Datetime(TimeUnit::Microseconds, None)),
        as_type("bytes", DataType::String).cast(&DataType::Binary).expect("bytes"),
        Column::new("list".into(), lists),
        structs.expect("structs").into_series().into_column(),
    ];
    DataFrame::new(numbers.len(), columns).expect("frame")
}

/// A source of many rows in small files of each layer, pulled once. Of its runs the compaction of `main` is the second that
/// commits.
async fn parts(settings: impl FnOnce(Config) -> Config) -> (Node, Run) {
    let node = Node::start_with(|config| {
        settings(Config { chunk_bytes: 4 << 10, row_group_rows: 700, part_rows: 5000, ..config })
    })
    .await;
    node.file("a.csv", lines(ROWS));
    let location = node.folder.path().join("data/a.csv").display().to_string();
    node.declare(csv("orders", &location)).await;
    let run_id = node.pull("orders").await;
    node.reaches(&run_id, RunState::Succeeded).await;
    node.idle().await;
    assert!(node.files("orders", Layer::Processed).await.len() > 2);
    let planned = node.plan_compactions().await.swap_remove(0);
    node.compact(&planned).await;
    (node, planned)
}

fn lines(rows: usize) -> String {
    let mut text = "id,name\n".to_owned();
    (0..rows).for_each(|id| text.push_str(&format!("{id},name {id}\n")));
    text
}

/// Waits until a compaction has put its files.
async fn has_put(node: &Node, run: &Run) {
    node.until("the compacted file is put", async || {
        let objects = node.lake.list(Bucket::Processed, "", None, 1000).await.expect("list");
        objects.iter().any(|object| object.key.contains(&run.run_id)).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_were_replaced_meanwhile_end_a_compaction_quietly() {
    let freeze_point = Some("before_commit:2=1.5".to_owned());
    let (node, compaction) = parts(|config| Config { freeze_point, ..config }).await;
    has_put(&node, &compaction).await;
    node.file("a.csv", lines(3));
    let run_id = node.pull("orders").await;
    node.reaches(&run_id, RunState::Succeeded).await;
    let ended = node.reaches(&compaction.run_id, RunState::Cancelled).await;
    assert_eq!(ended.attempts, 1);
    node.metric("rfe_worker_runs_total{kind=\"compaction\",outcome=\"completed\"} 1").await;
    node.idle().await;
    assert_eq!(texts(&node.rows("orders", Layer::Processed).await, "id"), ["0", "1", "2"]);
    assert!(node.letters("orders").await.is_empty());
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_workers_at_one_compaction_the_one_that_froze_is_refused() {
    let freeze_point = Some("before_commit:2=1.5".to_owned());
    let lease = Duration::from_millis(600);
    let (node, compaction) =
        parts(|config| Config { freeze_point, lease, compaction_slots: 2, ..config }).await;
    let run = node.reaches(&compaction.run_id, RunState::Succeeded).await;
    assert_eq!(run.attempts, 2);
    node.metric("rfe_stale_commits_refused_total 1").await;
    node.idle().await;
    assert_eq!(node.files("orders", Layer::Processed).await.len(), 1);
    let ids = texts(&node.rows("orders", Layer::Processed).await, "id");
    assert!(ids.iter().enumerate().all(|(at, id)| *id == at.to_string()), "in their order, once");
    assert_eq!(ids.len(), ROWS);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compaction_that_is_cancelled_changes_nothing() {
    let freeze_point = Some("before_commit:2=1.5".to_owned());
    let (node, compaction) = parts(|config| Config { freeze_point, ..config }).await;
    let before = node.files("orders", Layer::Processed).await;
    has_put(&node, &compaction).await;
    node.cancel(&compaction.run_id).await;
    node.metric("rfe_stale_commits_refused_total 1").await;
    assert_eq!(node.run_record(&compaction.run_id).await.state(), RunState::Cancelled);
    assert_eq!(node.files("orders", Layer::Processed).await, before);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_gone_from_the_lake_is_named_and_makes_no_letter() {
    let backoff = Backoff { attempts: 2, base: Duration::from_millis(10), cap: Duration::from_millis(10) };
    let node = Node::start_with(|config| Config { backoff, ..config }).await;
    send_batches(&node).await;
    let files = node.files("hooks", Layer::Processed).await;
    node.lake.delete(Bucket::Processed, &files[3].0.key).await.expect("delete");
    let planned = node.plan_compactions().await;
    node.compact(&planned[0]).await;
    let run = node.reaches(&planned[0].run_id, RunState::Failed).await;
    assert_eq!((run.attempts, run.error_code.as_str()), (2, "INPUT_MISSING"));
    assert!(run.error.contains(&format!("processed/{}", files[3].0.key)), "{}", run.error);
    node.metric("rfe_worker_runs_total{kind=\"compaction\",outcome=\"retried\"} 1").await;
    assert!(node.letters("hooks").await.is_empty());
    assert_eq!(node.files("hooks", Layer::Processed).await.len(), BATCHES);
    node.stop().await;
}
