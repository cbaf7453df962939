//! `rfe datasets drop`: who is refused, what is left, and what comes back.

use rfe_tests::{Platform, Settings, until};

const OTHER: &str = "- {name: other, kind: webhook}\n";
const GONE: &str = "- {name: gone, kind: csv, config: {location: gone.csv}, mode: append}\n";
const HOOKS: &str = "- {name: hooks, kind: webhook, columns: {n: BIGINT}}\n";

/// What has ended is deleted about as soon as it has.
fn quick() -> Settings {
    Settings::default().with("RFE_SNAPSHOT_HOURS", "0.0003").with("RFE_COLLECT_SECONDS", "0.5")
}

async fn declare(platform: &Platform, sources: &[&str]) {
    platform.write("sources.yaml", format!("version: 1\nsources:\n{}", sources.concat()));
    let _applied = platform.rfe(&["apply", "-f", "sources.yaml", "--prune"]).await.ok();
}

async fn files_of(platform: &Platform, dataset: &str) -> Vec<String> {
    let folders = [format!("raw/{dataset}/"), format!("processed/{dataset}/")];
    let objects = platform.objects().await;
    objects.into_iter().filter(|object| folders.iter().any(|folder| object.starts_with(folder))).collect()
}

#[tokio::test]
async fn a_dropped_dataset_leaves_nothing_and_begins_anew_if_it_is_declared_again() {
    let platform = quick().start().await;
    platform.write("gone.csv", "id,name\n1,a\n2,b\n");
    declare(&platform, &[OTHER, GONE]).await;
    platform.pulled("gone").await;
    let in_use = platform.rfe(&["datasets", "drop", "gone", "--yes"]).await.exits(1);
    assert!(in_use.stderr.contains("--prune"), "it says how: {}", in_use.stderr);

    declare(&platform, &[OTHER]).await;
    assert_eq!(platform.value("SELECT count(*) FROM gone").await, "2", "it outlives its source");
    let unasked = platform.rfe(&["datasets", "drop", "gone"]).await.exits(2);
    assert!(unasked.stderr.contains("--yes"), "{}", unasked.stderr);
    let dropped = platform.rfe(&["datasets", "drop", "gone", "--yes"]).await.ok();
    assert!(dropped.stdout.contains("dropped gone at snapshot"), "{}", dropped.stdout);
    assert!(dropped.stdout.contains("2 rows in 2 files"), "{}", dropped.stdout);
    let again = platform.rfe(&["datasets", "drop", "gone", "--yes"]).await.exits(4);
    assert!(again.stderr.contains("`gone` does not exist"), "{}", again.stderr);
    let refused = platform.refused("SELECT * FROM gone").await;
    assert!(refused.message().contains("gone"), "{refused}");
    let listed = platform.rfe(&["datasets", "--json"]).await.ok();
    assert_eq!(listed.json_lines().len(), 1, "{}", listed.stdout);
    assert_eq!(platform.sql("SELECT source_name FROM meta.sources").await, ["other"]);
    until("its files are deleted", || async { files_of(&platform, "gone").await.is_empty().then_some(()) })
        .await;

    platform.write("gone.csv", "other,id\nx,1\ny,2\nz,3\n");
    declare(&platform, &[OTHER, GONE]).await;
    let run = platform.pulled("gone").await;
    assert_eq!(run.schema_version, 2, "versions count on");
    platform.shows("SELECT other, id FROM gone ORDER BY id", &["x|1", "y|2", "z|3"]).await;
    let columns = platform.columns("gone").await;
    assert!(!columns.iter().any(|column| column.starts_with("name ")), "{columns:?}");
}

#[tokio::test]
async fn events_that_were_accepted_before_a_drop_bring_the_dataset_back() {
    let platform = quick().start().await;
    declare(&platform, &[OTHER, HOOKS]).await;
    let events = |from: i64, to: i64| (from..to).map(|n| format!("{{\"n\": {n}}}")).collect::<Vec<_>>();
    platform.send_events("hooks", "first", &events(0, 5)).await.expect("accepted");
    platform.shows("SELECT count(*) FROM hooks", &["5"]).await;
    let _paused = platform.rfe(&["pause", "hooks"]).await.ok();
    platform.send_events("hooks", "late", &events(5, 8)).await.expect("accepted");
    declare(&platform, &[OTHER]).await;
    let _dropped = platform.rfe(&["datasets", "drop", "hooks", "--yes"]).await.ok();
    let _refused = platform.refused("SELECT * FROM hooks").await;
    let _resumed = platform.rfe(&["resume", "hooks"]).await.ok();
    platform.shows("SELECT count(*), min(n), max(n) FROM hooks", &["3|5|7"]).await;
    let _dropped = platform.rfe(&["datasets", "drop", "hooks", "--yes"]).await.ok();
    let _refused = platform.refused("SELECT * FROM hooks").await;
}
