//! `SELECT count(*)` through ADBC, warm.

use std::fmt::Write as _;

use crate::report::{Bar, figure, quantile};

const ROWS: usize = 100_000;
const TIMES: &str = "300";

pub async fn run() {
    let platform = crate::platform().await;
    let mut text = String::from("id,name,amount\n");
    for id in 0..ROWS {
        writeln!(text, "{id},name {},{}.5", id % 100, id % 1000).expect("memory can be written");
    }
    platform.write("rows.csv", text);
    platform
        .apply("version: 1\nsources:\n- {name: numbers, kind: csv, config: {location: rows.csv}}\n")
        .await;
    let _run = platform.pulled("numbers").await;
    for (name, sql, bar) in [
        ("SELECT count(*) through ADBC, warm, p50", "SELECT count(*) FROM numbers", 10.0),
        ("  grouped by name, p50", "SELECT name, sum(amount) FROM numbers GROUP BY name", 50.0),
    ] {
        let answer = platform.python("count_latency.py", &[sql, TIMES]).await.ok();
        let latencies: Vec<f64> = serde_json::from_str(&answer.stdout).expect("a list of milliseconds");
        figure(name, quantile(&latencies, 0.5), "ms", Bar::AtMost(bar));
        println!("  p99 {:.2} ms of {TIMES}, over {ROWS} rows", quantile(&latencies, 0.99));
    }
}
