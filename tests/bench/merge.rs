//! A dataset of mode `merge` beside the same rows plain.

use std::fs;

use rfe_tests::Platform;

use crate::{
    data::{self, thousands},
    fetch::ask,
    report::{beside, quantile},
    scale::Scale,
};

const TIMES: usize = 30;

pub async fn run(scale: &Scale) {
    let rows = scale.rows(1_000_000);
    let file = data::parquet(rows);
    let platform = crate::platform().await;
    let folder = platform.work().join("merged");
    fs::create_dir(&folder).expect("a folder can be made");
    fs::copy(&file, folder.join("a.parquet")).expect("a file can be copied");
    platform
        .apply(
            "version: 1
sources:
- {name: plain, kind: parquet, config: {location: merged/a.parquet}}
- {name: merged, kind: parquet, config: {location: merged/*.parquet}, mode: merge, merge: {key: [id], order_by: seen_at}}
",
        )
        .await;
    let _plain = platform.pulled("plain").await;
    let _first = platform.pulled("merged").await;
    fs::copy(&file, folder.join("b.parquet")).expect("a file can be copied");
    let _second = platform.pulled("merged").await;
    assert_eq!(platform.value("SELECT count(*) FROM merged").await, rows.to_string(), "each key once");
    let plain = median(&platform, "SELECT count(*) FROM plain").await;
    let merged = median(&platform, "SELECT count(*) FROM merged").await;
    let name = format!("count(*) of {} keys in mode merge, each twice, p50", thousands(rows));
    beside(&name, merged, "ms", ("a plain dataset of as many rows", plain));
}

async fn median(platform: &Platform, sql: &str) -> f64 {
    let mut client = platform.flight_sql();
    let mut latencies = Vec::new();
    for _ in 0..TIMES {
        latencies.push(ask(&mut client, sql).await.0 * 1000.0);
    }
    latencies.sort_by(f64::total_cmp);
    quantile(&latencies, 0.5)
}
