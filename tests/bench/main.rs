//! The figures of the platform, each with its bar and, where there is one, the raw cost beside it. `rfe-bench [ready|webhooks|
//! events|query]...` runs some or all. Everything stays on loopback and ends by itself.

mod events;
mod query;
mod ready;
mod report;
mod webhooks;

use rfe_tests::{Platform, Settings};

/// A platform as users start it, but for its ports.
async fn platform() -> Platform {
    settings().start().await
}

fn settings() -> Settings {
    ["RFE_BATCH_MAX_AGE_MS", "RFE_LEASE_SECONDS", "BACKOFF_BASE_SECONDS"]
        .into_iter()
        .fold(Settings::default(), Settings::without)
}

#[tokio::main]
async fn main() {
    let chosen: Vec<String> = std::env::args().skip(1).collect();
    let is_chosen = |name: &str| chosen.is_empty() || chosen.iter().any(|chosen| chosen == name);
    report::heading();
    if is_chosen("ready") {
        ready::run().await;
    }
    if is_chosen("webhooks") {
        webhooks::run().await;
    }
    if is_chosen("events") {
        events::run().await;
    }
    if is_chosen("query") {
        query::run().await;
    }
}
