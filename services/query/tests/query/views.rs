//! View files, read by a bare DuckDB.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use duckdb::Connection;
use rfe_lake::{Bucket, Lake, LakeError};
use rfe_proto::metadata::{DataFile, MergeOptions, ResolvedDataset};
use rfe_query::Config;

use crate::{
    fixture::{NEWEST, Served, dataset, datasets, serve_datasets, serve_on},
    made::{Made, Maker},
};

const SOON: Duration = Duration::from_secs(5);

fn key(dataset: &str) -> String {
    format!("_views/{dataset}.sql")
}

async fn text(lake: &Arc<dyn Lake>, dataset: &str) -> Option<String> {
    match lake.get(Bucket::Processed, &key(dataset)).await {
        Ok(bytes) => Some(String::from_utf8(bytes.to_vec()).expect("text")),
        Err(LakeError::NotFound { .. }) => None,
        Err(error) => panic!("{error}"),
    }
}

fn snapshot(text: &str) -> u64 {
    let (_, rest) = text.split_once(", snapshot ").expect("a header");
    rest.split(',').next().expect("a number").parse().expect("a number")
}

/// Waits until what lies there is as wanted, at most for as long as a view may be old.
async fn published(lake: &Arc<dyn Lake>, dataset: &str, is: impl Fn(Option<&str>) -> bool) -> Option<String> {
    let begun = Instant::now();
    loop {
        let lies = text(lake, dataset).await;
        if is(lies.as_deref()) {
            return lies;
        }
        assert!(begun.elapsed() < SOON, "the view of {dataset} is too old: {lies:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn numbered(lake: &dyn Lake, dataset: &str, place: (u64, u32), from: u64) -> DataFile {
    let columns: [Made<'_>; 2] = [
        (1, "id", "BIGINT", format!("({from} + i) % 7")),
        (2, "value", "VARCHAR", format!("'v' || ({from} + i)")),
    ];
    Maker::new().file(lake, dataset, place, &columns, "range(10) AS r(i)")
}

fn made(lake: &dyn Lake, name: &str, merge: bool) -> ResolvedDataset {
    let mut made = dataset(name, "parquet", false, &[(1, "id", "BIGINT"), (2, "value", "VARCHAR")]);
    made.dataset.as_mut().expect("a dataset").snapshot = NEWEST;
    made.processed = vec![numbered(lake, name, (1, 0), 0), numbered(lake, name, (2, 0), 5)];
    made.merge = merge.then(|| MergeOptions { key: vec!["id".to_owned()], ..MergeOptions::default() });
    made
}

async fn served() -> Served {
    serve_datasets(Config::default(), |lake| {
        let mut all = datasets(lake);
        all.extend([made(lake, "plain", false), made(lake, "merged", true)]);
        all
    })
    .await
}

/// Rows as DuckDB's own text, in order.
fn bare(texts: &[String], sql: &str) -> Vec<String> {
    let connection = Connection::open_in_memory().expect("DuckDB");
    connection.execute_batch("SET TimeZone = 'UTC'").expect("time zone");
    texts.iter().for_each(|text| connection.execute_batch(text).expect("a view"));
    let mut statement = connection.prepare(sql).expect("a statement");
    let rows = statement.query_map([], |row| row.get::<_, String>(0)).expect("rows");
    rows.collect::<Result<_, _>>().expect("rows")
}

#[tokio::test]
async fn a_bare_duckdb_sees_through_the_views_what_the_platform_answers() {
    let served = served().await;
    let mut texts = Vec::new();
    for dataset in ["finance_csv", "clicks", "nested", "empty_one", "plain", "merged"] {
        texts.extend(published(&served.lake, dataset, |text| text.is_some()).await);
    }
    for dataset in ["finance_csv", "clicks", "nested", "empty_one", "plain", "merged"] {
        let sql = format!("SELECT CAST(r AS VARCHAR) FROM {dataset} AS r ORDER BY 1");
        assert_eq!(bare(&texts, &sql), served.text(&sql).await, "{dataset}");
        let sql = format!("SELECT column_name || ' ' || column_type FROM (DESCRIBE {dataset})");
        assert_eq!(bare(&texts, &sql), served.text(&sql).await, "{dataset}");
    }
    assert_eq!(bare(&texts, "SELECT count(*)::VARCHAR FROM merged"), ["7"]);
    let first = texts[0].lines().next().expect("a line");
    assert!(first.starts_with("-- dataset finance_csv, snapshot 2, published 20"), "{first}");
    assert!(first.ends_with("Z by rfe"), "{first}");
}

#[tokio::test]
async fn a_view_follows_commits_is_left_alone_between_them_and_goes_with_its_dataset() {
    let served = served().await;
    let lake = &served.lake;
    let first = published(lake, "plain", |text| text.is_some()).await;
    let other = published(lake, "merged", |text| text.is_some()).await;
    let snapshot_of_more = served.shown.commit("plain", numbered(lake.as_ref(), "plain", (3, 0), 20));
    let more = published(lake, "plain", |text| text.map(snapshot) >= Some(snapshot_of_more)).await;
    assert_ne!(first, more);
    let texts = [more.expect("a view")];
    assert_eq!(bare(&texts, "SELECT count(*)::VARCHAR FROM plain"), ["30"]);
    assert_eq!(text(lake, "merged").await, other, "nothing changed there");

    served.shown.drop_dataset("plain");
    published(lake, "plain", |text| text.is_none()).await;
    assert_eq!(text(lake, "merged").await, other);
}

#[tokio::test]
async fn an_older_view_that_a_late_publisher_put_is_mended() {
    let served = served().await;
    let lake = &served.lake;
    let old = published(lake, "plain", |text| text.is_some()).await.expect("a view");
    let newer = served.shown.commit("plain", numbered(lake.as_ref(), "plain", (3, 0), 20));
    published(lake, "plain", |text| text.map(snapshot) >= Some(newer)).await;
    // At once, and when all has settled.
    for wait in [0, 6] {
        tokio::time::sleep(Duration::from_secs(wait)).await;
        lake.put(Bucket::Processed, &key("plain"), old.clone().into()).await.expect("put");
        published(lake, "plain", |text| text.map(snapshot) >= Some(newer)).await;
    }
    lake.delete(Bucket::Processed, &key("plain")).await.expect("delete");
    published(lake, "plain", |text| text.map(snapshot) >= Some(newer)).await;
}

#[tokio::test]
async fn one_process_publishes_at_a_time_and_another_takes_over_without_going_back() {
    let first = served().await;
    let lake = Arc::clone(&first.lake);
    published(&lake, "plain", |text| text.is_some()).await;
    let holder = first.shown.holder().expect("a holder");
    let folder = tempfile::tempdir().expect("folder");
    let second = serve_on(Config::default(), Arc::clone(&lake), first.shown.clone(), folder).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(first.shown.holder(), Some(holder.clone()));
    assert_eq!(second.metric("rfe_query_views_written_total"), 0);

    let (_folder, _, shown) = first.end().await;
    let newer = shown.commit("plain", numbered(lake.as_ref(), "plain", (3, 0), 20));
    published(&lake, "plain", |text| text.map(snapshot) >= Some(newer)).await;
    assert!(shown.holder().is_some_and(|now| now != holder));
    assert_eq!(second.metric("rfe_query_views_written_total"), 1, "the others were right as they were");
}
