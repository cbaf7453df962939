//! A dataset of ten thousand files: how long a statement takes to know which of them it reads, and the engine to bind them. Each
//! time a commit has just made another file, so that nothing is known from before.

use std::time::Instant;

use rfe_proto::ingest::GetQueueStatsRequest;
use rfe_tests::{Platform, Role, fixture::files_below, wait};

use crate::{
    data::thousands,
    fetch::ask,
    pruned::{AT_MOST, fill, send},
    report::{Bar, beside, figure, quantile},
    scale::Scale,
};

const ROWS_A_FILE: u64 = 10;
const TURNS: u64 = 20;

pub async fn run(scale: &Scale) {
    let files = scale.rows(100_000) / ROWS_A_FILE;
    let platform = crate::settings()
        .with("RFE_BATCH_MAX_ROWS", ROWS_A_FILE.to_string())
        .with("RFE_COMPACT_SECONDS", "86400")
        .start()
        .await;
    platform.apply("version: 1\nsources:\n- {name: rows, kind: webhook}\n").await;
    fill(&platform, files, ROWS_A_FILE).await;
    let (mut listing, mut pruning, mut binding) = (Vec::new(), Vec::new(), Vec::new());
    let mut service = platform.ingest_service();
    for turn in 0..TURNS {
        send(&mut service, files + turn, ROWS_A_FILE).await;
        landed(&platform).await;
        let keyed =
            |key: u64| format!("SELECT * FROM rows WHERE key BETWEEN {key} AND {}", key + ROWS_A_FILE - 1);
        let resolve = "rfe_query_resolve_seconds";
        listing.push(took(&platform, resolve, &keyed(turn * 131), ROWS_A_FILE).await);
        pruning.push(took(&platform, resolve, &keyed(turn * 131 + 50), ROWS_A_FILE).await);
        binding.push(took(&platform, "rfe_query_bind_seconds", "SELECT * FROM rows LIMIT 0", 0).await);
    }
    let files = thousands(files);
    tell(&format!("list and pruning of {files} files, just after a commit, p50"), listing, 20.0);
    tell("  the same at a snapshot that was asked before, p50", pruning, 20.0);
    let bind = tell("  the engine's bind of all of them, just after a commit, p50", binding, 150.0);
    let bare = tokio::task::spawn_blocking(move || bare(&platform)).await.expect("DuckDB binds");
    beside(
        "  that bind beside bare DuckDB, types by the first file",
        bind,
        "ms",
        ("read_parquet of the list", bare),
    );
}

/// Tells the median of some milliseconds.
fn tell(name: &str, mut millis: Vec<f64>, most: f64) -> f64 {
    millis.sort_by(f64::total_cmp);
    let median = quantile(&millis, 0.5);
    figure(name, median, "ms", Bar::AtMost(most));
    println!("  p99 {:.2} ms of {TURNS}", quantile(&millis, 0.99));
    median
}

async fn landed(platform: &Platform) {
    wait::within(AT_MOST, "the new events have landed", || async {
        let stats = platform.ingest_service().get_queue_stats(GetQueueStatsRequest::default()).await;
        let total = stats.expect("there are counts").into_inner().total.unwrap_or_default();
        (total.events == 0 && total.running_jobs == 0).then_some(())
    })
    .await;
}

/// Milliseconds that a statement added to a histogram of the query role.
async fn took(platform: &Platform, histogram: &str, sql: &str, expected: u64) -> f64 {
    let (sum, count) = observed(platform, histogram).await;
    let (_, rows) = ask(&mut platform.flight_sql(), sql).await;
    assert_eq!(rows, expected, "{sql}");
    let (later, more) = observed(platform, histogram).await;
    assert_eq!(more - count, 1.0, "{sql} is the only statement");
    (later - sum) * 1000.0
}

async fn observed(platform: &Platform, histogram: &str) -> (f64, f64) {
    let page = platform.page(Role::Query, "/metrics").await.text;
    let value = |suffix: &str| {
        let name = format!("{histogram}_{suffix} ");
        let text = page.lines().find_map(|line| line.strip_prefix(&name)).expect("the metric is there");
        text.parse::<f64>().expect("a number")
    };
    (value("sum"), value("count"))
}

/// Milliseconds that DuckDB takes to bind the same files by their list, median.
fn bare(platform: &Platform) -> f64 {
    let files = files_below(&platform.data().join("lake/processed/rows"), ".parquet");
    let files: Vec<String> = files.iter().map(|file| format!("'{}'", file.display())).collect();
    let sql = format!("SELECT * FROM read_parquet([{}]) LIMIT 0", files.join(", "));
    let connection = duckdb::Connection::open_in_memory().expect("DuckDB starts");
    let mut millis: Vec<f64> = (0..TURNS)
        .map(|_| {
            let begun = Instant::now();
            let _bound = connection.prepare(&sql).expect("DuckDB understands");
            begun.elapsed().as_secs_f64() * 1000.0
        })
        .collect();
    millis.sort_by(f64::total_cmp);
    quantile(&millis, 0.5)
}
