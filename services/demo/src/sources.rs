//! The demo sources.

use std::{path::Path, time::Duration};

/// Names of the demo sources that are read by jobs, in the order in which they are read first.
pub const PULLED: [&str; 4] = ["customers_api", "finance_csv", "orders_parquet", "synthetic_stream"];

/// The demo's `sources.yaml`, reading files below `data` and firing every `interval`.
pub fn yaml(data: &Path, interval: Duration) -> String {
    let folder = data.display().to_string().replace('\\', "/").replace('"', "\\\"");
    include_str!("sources.yaml")
        .replace("@DATA@", &folder)
        .replace("@INTERVAL@", &format!("{}s", interval.as_secs_f64()))
}
