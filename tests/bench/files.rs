//! Files from submitted to committed, each beside the bare work of another engine on the same file.

use crate::{
    bare,
    cost::Sides,
    data::{self, thousands},
    pull::pull,
    report::{Bar, figure},
    scale::Scale,
};

/// CSV, typed, raw and processed written, beside Polars from scan to sink.
pub async fn csv(scale: &Scale) {
    let rows = scale.rows(10_000_000);
    let file = data::csv(rows);
    let source = format!("{{name: rows, kind: csv, config: {{location: {}}}}}", file.display());
    let sides = sides(&source, "polars-csv", &file.display().to_string(), rows, scale).await;
    let name = format!("CSV of {} rows, submitted to committed", thousands(rows));
    sides.at_most_times(&name, "bare Polars scan_csv to sink_parquet", 1.8);
    figure("  peak memory", sides.peak(), "MB", Bar::AtMost(900.0));
}

/// Four times the rows must not take more memory.
pub async fn csv40(scale: &Scale) {
    let rows = scale.rows(10_000_000);
    let mut peaks = Vec::new();
    for rows in [rows, 4 * rows] {
        let file = data::csv(rows);
        let source = format!("{{name: rows, kind: csv, config: {{location: {}}}}}", file.display());
        let (_, cost) = pull(&source, rows).await;
        println!("  CSV of {} rows: {:.2} s, peak memory {:.0} MB", thousands(rows), cost.seconds, cost.peak);
        peaks.push(cost.peak);
    }
    std::fs::remove_file(data::csv(4 * rows)).expect("a file of the cache can be removed");
    let name = format!("peak memory of {} rows of CSV beside a quarter", thousands(4 * rows));
    figure(&name, peaks[1] / peaks[0], "x", Bar::AtMost(1.1));
}

/// Parquet, beside Polars from scan to sink.
pub async fn parquet(scale: &Scale) {
    let rows = scale.rows(10_000_000);
    let file = data::parquet(rows);
    let source = format!("{{name: rows, kind: parquet, config: {{location: {}}}}}", file.display());
    let sides = sides(&source, "polars-parquet", &file.display().to_string(), rows, scale).await;
    let name = format!("Parquet of {} rows, submitted to committed", thousands(rows));
    sides.at_most_times(&name, "bare Polars scan_parquet to sink_parquet", 1.5);
}

/// NDJSON, beside DuckDB from `read_json` to COPY.
pub async fn ndjson(scale: &Scale) {
    let rows = scale.rows(2_000_000);
    let file = data::ndjson(rows);
    let source = format!("{{name: rows, kind: json, config: {{location: {}}}}}", file.display());
    let mut sides = Sides::default();
    for _ in 0..scale.times {
        let copy = data::folder().join("bare.parquet");
        let sql = format!(
            "COPY (SELECT * FROM read_json('{}')) TO '{}' (FORMAT parquet, COMPRESSION zstd)",
            file.display(),
            copy.display()
        );
        let bare = bare::run_async(&["duckdb", &sql]).await;
        let (_, ours) = pull(&source, rows).await;
        sides.add(ours, bare);
    }
    let name = format!("NDJSON of {} records, submitted to committed", thousands(rows));
    sides.at_most_times(&name, "bare DuckDB read_json to COPY", 1.5);
}

async fn sides(source: &str, work: &str, file: &str, rows: u64, scale: &Scale) -> Sides {
    let mut sides = Sides::default();
    let copy = data::folder().join("bare.parquet").display().to_string();
    for _ in 0..scale.times {
        let bare = bare::run_async(&[work, file, &copy]).await;
        let (_, ours) = pull(source, rows).await;
        sides.add(ours, bare);
    }
    sides
}
