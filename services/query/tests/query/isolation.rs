//! Two roles in one process.

use rfe_query::Config;

use crate::fixture;

#[tokio::test]
async fn two_engines_with_different_settings_live_in_one_process() {
    let utc = fixture::serve().await;
    let berlin = fixture::serve_with(Config {
        time_zone: "Europe/Berlin".into(),
        threads: 1,
        max_sql_bytes: 100,
        ..Config::default()
    })
    .await;
    let sql = "SELECT TIMESTAMPTZ '2026-01-01 00:30:00+01'::VARCHAR";
    assert_eq!(utc.text(sql).await, ["2025-12-31 23:30:00+00"]);
    assert_eq!(berlin.text(sql).await, ["2026-01-01 00:30:00+01"]);
    let long = format!("SELECT '{}'", "x".repeat(200));
    assert!(berlin.rows(&long).await.is_err() && utc.rows(&long).await.is_ok());
}
