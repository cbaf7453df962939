//! Ten rows by their key out of a thousand files.

use std::time::Duration;

use rfe_proto::ingest::{Event, SubmitEventsRequest, ingest_service_client::IngestServiceClient};
use rfe_tests::{Platform, wait};
use tonic::transport::Channel;

use crate::{
    data::thousands,
    fetch::ask,
    report::{Bar, figure, quantile},
    scale::Scale,
};

const ROWS_A_FILE: u64 = 1000;
const SELECTS: u64 = 300;
/// How long all events may take to be visible.
pub const AT_MOST: Duration = Duration::from_secs(600);

pub async fn run(scale: &Scale) {
    let files = scale.rows(1_000_000) / ROWS_A_FILE;
    // A call of events fills a batch, and a batch is a file.
    let platform = crate::settings()
        .with("RFE_BATCH_MAX_ROWS", ROWS_A_FILE.to_string())
        .with("RFE_COMPACT_SECONDS", "86400")
        .start()
        .await;
    platform.apply("version: 1\nsources:\n- {name: rows, kind: webhook}\n").await;
    fill(&platform, files, ROWS_A_FILE).await;
    let mut latencies = Vec::new();
    let mut client = platform.flight_sql();
    for turn in 0..SELECTS {
        let key = (turn * 7_919 + 13) % (files * ROWS_A_FILE - 10);
        let sql = format!("SELECT * FROM rows WHERE key BETWEEN {key} AND {}", key + 9);
        let (seconds, rows) = ask(&mut client, &sql).await;
        latencies.push(seconds * 1000.0);
        assert_eq!(rows, 10);
    }
    latencies.sort_by(f64::total_cmp);
    let name = format!("SELECT of 10 rows by key over {} files, p50", thousands(files));
    figure(&name, quantile(&latencies, 0.5), "ms", Bar::AtMost(10.0));
    println!("  p99 {:.2} ms of {SELECTS}", quantile(&latencies, 0.99));
}

/// Makes so many files of so many rows each. The platform must make a batch of so many events.
pub async fn fill(platform: &Platform, files: u64, rows: u64) {
    let mut service = platform.ingest_service();
    for file in 0..files {
        send(&mut service, file, rows).await;
    }
    let expected = (files * rows).to_string();
    wait::within(AT_MOST, "all events are visible", || async {
        Some(platform.value("SELECT count(*) FROM rows").await).filter(|count| *count == expected)
    })
    .await;
    let count = "SELECT count(*) FROM meta.data_files WHERE dataset = 'rows' AND layer = 'processed'";
    assert_eq!(platform.value(count).await, files.to_string(), "each call makes one file");
}

/// Sends the rows of one file.
pub async fn send(service: &mut IngestServiceClient<Channel>, file: u64, rows: u64) {
    let event = |key: u64| Event {
        event_id: key.to_string(),
        payload: format!(r#"{{"key":{key},"name":"customer {}","amount":{key}.25}}"#, key % 977).into_bytes(),
        ..Default::default()
    };
    let events = (file * rows..(file + 1) * rows).map(event).collect();
    let request = SubmitEventsRequest { source: "rows".to_owned(), events };
    service.submit_events(request).await.expect("the call is accepted");
}
