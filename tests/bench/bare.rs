//! The bare side of a figure, in a process of its own so that its memory is its own as well: `rfe-bench bare WORK ARGUMENT...`
//! does the work and prints its cost as JSON.

use std::{process::Command, sync::Arc, time::Instant};

use polars::prelude::{
    Engine, FileWriteFormat, LazyCsvReader, LazyFileListReader as _, LazyFrame, ParquetWriteOptions,
    PlRefPath, PolarsResult, SinkDestination, SinkTarget, StrptimeOptions, TimeUnit, UnifiedSinkArgs, col,
    lit,
};

use crate::{cost::Cost, memory, paged_api};

/// Runs work in a process of its own.
pub fn run(work: &[&str]) -> Cost {
    let this = std::env::current_exe().expect("a running program has a path");
    let output = Command::new(this).arg("bare").args(work).output().expect("the bench can run itself");
    assert!(output.status.success(), "{work:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("a cost is printed")
}

/// As [`run`], without keeping the runtime's threads waiting.
pub async fn run_async(work: &[&str]) -> Cost {
    let work: Vec<String> = work.iter().map(ToString::to_string).collect();
    let run = move || run(&work.iter().map(String::as_str).collect::<Vec<_>>());
    tokio::task::spawn_blocking(run).await.expect("the work ends")
}

/// Does work in this process.
pub fn main(work: &[String]) {
    let words: Vec<&str> = work.iter().map(String::as_str).collect();
    let begun = Instant::now();
    let rows = match words[..] {
        ["polars-csv", from, to] => polars_csv(from, to),
        ["polars-parquet", from, to] => polars_parquet(from, to),
        ["duckdb", sql] => duckdb(sql),
        ["rest", url] => paged_api::read_barely(url),
        _ => panic!("{words:?} is no bare work"),
    };
    let seconds = begun.elapsed().as_secs_f64();
    let cost = Cost { seconds, peak: memory::peak(std::process::id()), rows };
    println!("{}", serde_json::to_string(&cost).expect("a cost is JSON"));
}

// Formats are told: guessing them takes Polars twice as long.
fn polars_csv(from: &str, to: &str) -> u64 {
    let format = |text: &'static str| StrptimeOptions { format: Some(text.into()), ..Default::default() };
    let times = [
        col("day").str().to_date(format("%Y-%m-%d")),
        col("at").str().to_datetime(
            Some(TimeUnit::Microseconds),
            None,
            format("%Y-%m-%d %H:%M:%S"),
            lit("raise"),
        ),
    ];
    let scan = LazyCsvReader::new(PlRefPath::new(from)).finish();
    scan.and_then(|scan| sink(scan.with_columns(times), to)).expect("Polars reads the file");
    written_rows(to)
}

fn polars_parquet(from: &str, to: &str) -> u64 {
    let scan = LazyFrame::scan_parquet(PlRefPath::new(from), Default::default());
    scan.and_then(|scan| sink(scan, to)).expect("Polars reads the file");
    written_rows(to)
}

// The options are Polars' own: zstd of its usual level.
fn sink(scan: LazyFrame, to: &str) -> PolarsResult<()> {
    let target = SinkDestination::File { target: SinkTarget::Path(PlRefPath::new(to)) };
    let format = FileWriteFormat::Parquet(Arc::new(ParquetWriteOptions::default()));
    scan.sink(target, format, UnifiedSinkArgs::default())?.collect_with_engine(Engine::Streaming)?;
    Ok(())
}

fn written_rows(path: &str) -> u64 {
    let file = std::fs::File::open(path).expect("the file was written");
    let reader = parquet::file::serialized_reader::SerializedFileReader::new(file).expect("it is Parquet");
    parquet::file::reader::FileReader::metadata(&reader).file_metadata().num_rows() as u64
}

// Rows of the answer; those of a COPY are those that it copied.
fn duckdb(sql: &str) -> u64 {
    let connection = duckdb::Connection::open_in_memory().expect("DuckDB starts");
    if sql.starts_with("COPY") {
        return connection.execute(sql, []).expect("DuckDB copies") as u64;
    }
    let mut statement = connection.prepare(sql).expect("DuckDB understands");
    statement.stream_arrow([]).expect("DuckDB answers").map(|batch| batch.num_rows() as u64).sum()
}
