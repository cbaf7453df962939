//! What is left in the lake: what snapshots show, and for a while what they showed.

use std::collections::BTreeSet;

use rfe_proto::metadata::{ListRunsRequest, RunKind, RunState};
use rfe_tests::{Platform, Role, Settings, until};

const LINES: &str = "version: 1\nsources:\n- {name: lines, kind: csv, config: {location: lines.csv}}\n";
const HOOKS: &str = "version: 1\nsources:\n- {name: hooks, kind: webhook, columns: {n: BIGINT}}\n";

/// About a second, in hours.
const SECOND: &str = "0.0003";

/// Keys of data files that lie in the lake.
async fn objects(platform: &Platform) -> BTreeSet<String> {
    let all = platform.objects().await;
    all.into_iter().filter(|object| object.ends_with(".parquet")).collect()
}

/// Keys of data files that are visible.
async fn visible(platform: &Platform) -> BTreeSet<String> {
    let sql = "SELECT layer || '/' || key FROM meta.data_files WHERE end_snapshot IS NULL";
    platform.sql(sql).await.into_iter().collect()
}

async fn only_visible_files_are_left(platform: &Platform) {
    until("only visible files are left", || async {
        (objects(platform).await == visible(platform).await).then_some(())
    })
    .await;
}

#[tokio::test]
async fn files_that_were_replaced_are_deleted_after_a_while() {
    let settings = Settings::default().with("RFE_SNAPSHOT_HOURS", "24").with("RFE_COLLECT_SECONDS", "0.5");
    let mut platform = settings.start().await;
    platform.write("lines.csv", "id\n1\n2\n");
    platform.apply(LINES).await;
    let first = platform.pulled("lines").await;
    platform.write("lines.csv", "id\n3\n");
    platform.pulled("lines").await;
    let of_the_first = |object: &String| object.contains(&first.run_id);
    assert_eq!(
        objects(&platform).await.iter().filter(|object| of_the_first(object)).count(),
        2,
        "kept for a day"
    );

    platform.stop().await;
    platform.settings = platform.settings.clone().with("RFE_SNAPSHOT_HOURS", SECOND);
    platform.restart().await;
    only_visible_files_are_left(&platform).await;
    assert!(!objects(&platform).await.iter().any(of_the_first));
    assert_eq!(platform.value("SELECT sum(id) FROM lines").await, "3");
    assert_eq!(platform.value("SELECT count(*) FROM raw.lines").await, "1");
}

#[tokio::test]
async fn small_files_become_few_and_no_row_is_lost_or_doubled() {
    let platform = Settings::default()
        .with("RFE_COMPACT_FILES", "8")
        .with("RFE_COMPACT_SECONDS", "0.2")
        .with("RFE_SNAPSHOT_HOURS", SECOND)
        .with("RFE_COLLECT_SECONDS", "0.5")
        .start()
        .await;
    platform.apply(HOOKS).await;
    for number in 1..=30 {
        let event = [format!("{{\"n\": {number}}}")];
        platform.send_events("hooks", &number.to_string(), &event).await.expect("accepted");
        platform
            .shows(
                "SELECT count(*), sum(n) FROM hooks",
                &[&format!("{number}|{}", number * (number + 1) / 2)],
            )
            .await;
    }
    let dataset = until("small files are few", || async {
        Some(platform.dataset("hooks").await).filter(|dataset| dataset.files < 16)
    })
    .await;
    assert_eq!(dataset.rows, 30);
    assert_eq!(platform.value("SELECT count(*) FROM raw.hooks").await, "30");
    assert_eq!(platform.value("SELECT count(DISTINCT _event_id) FROM hooks").await, "30");
    assert_eq!(platform.value("SELECT count(DISTINCT _run_id) FROM hooks").await, "30", "lineage stays");
    let request = ListRunsRequest { kinds: vec![RunKind::Compaction.into()], ..Default::default() };
    let runs =
        platform.metadata_service().list_runs(request).await.expect("runs are listed").into_inner().runs;
    assert!(runs.iter().any(|run| run.state() == RunState::Succeeded), "{runs:?}");
    assert!(runs.iter().all(|run| run.state() != RunState::Failed), "{runs:?}");
    assert!(platform.runs("hooks").await.iter().all(|run| run.kind() == RunKind::Events));
    assert!(platform.letters("hooks").await.is_empty());
    only_visible_files_are_left(&platform).await;
    assert_eq!(platform.value("SELECT count(*) FROM hooks").await, "30");
}

#[tokio::test]
async fn what_a_crash_left_in_the_lake_is_collected() {
    let quick = Settings::default().with("RFE_ORPHAN_HOURS", SECOND).with("RFE_COLLECT_SECONDS", "0.5");
    let mut platform = quick.clone().with("RFE_CRASH_POINT", "before_commit").start().await;
    platform.write("lines.csv", "id\n1\n2\n");
    platform.apply(LINES).await;
    let run_id = platform.submit("lines").await;
    let status = platform.await_crash(Role::Worker, 0).await;
    assert!(!status.success(), "it crashes: {status}");
    let left = objects(&platform).await;
    assert_eq!(left.len(), 2, "{left:?}");

    platform.settings = quick;
    platform.start_role(Role::Worker, 0).await;
    assert_eq!(platform.ended_run(&run_id).await.state(), RunState::Succeeded);
    only_visible_files_are_left(&platform).await;
    assert!(objects(&platform).await.is_disjoint(&left));
    assert_eq!(platform.value("SELECT count(*) FROM lines").await, "2");
}
