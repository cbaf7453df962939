//! The figures of the platform, each with its bar and, where there is one, the bare cost beside it. `rfe-bench [FIGURE]...
//! [--rows N] [--times N]` runs some or all, with other sizes and repetitions. Everything stays on loopback and ends by itself;
//! what it reads is made once and kept in the cache folder.

mod bare;
mod commits;
mod cost;
mod data;
mod enqueue;
mod events;
mod fetch;
mod files;
mod ground;
mod many_files;
mod memory;
mod merge;
mod mesh;
mod paged_api;
mod pruned;
mod pull;
mod query;
mod ready;
mod report;
mod scale;
mod webhooks;

use std::process::ExitCode;

use rfe_tests::{Platform, Settings};
use scale::Scale;

/// In the order in which they run; `csv40` only when it is asked for.
const FIGURES: [&str; 17] = [
    "ready",
    "webhooks",
    "events",
    "query",
    "csv",
    "csv40",
    "parquet",
    "ndjson",
    "rest",
    "fetch",
    "pruned",
    "merge",
    "ground",
    "commits",
    "manyfiles",
    "enqueue",
    "mesh",
];

/// A platform as users start it, but for its ports.
async fn platform() -> Platform {
    settings().start().await
}

fn settings() -> Settings {
    ["RFE_BATCH_MAX_AGE_MS", "RFE_LEASE_SECONDS", "BACKOFF_BASE_SECONDS"]
        .into_iter()
        .fold(Settings::default(), Settings::without)
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // Polars has a runtime of its own and must not run within another.
    if let Some(("bare", work)) = arguments.split_first().map(|(first, rest)| (first.as_str(), rest)) {
        bare::main(work);
        return ExitCode::SUCCESS;
    }
    match Scale::read(&arguments, &FIGURES) {
        Ok(scale) => {
            let runtime = tokio::runtime::Runtime::new().expect("a runtime starts");
            runtime.block_on(measure(&scale));
            ExitCode::SUCCESS
        }
        Err(wrong) => {
            eprintln!("rfe-bench: {wrong}");
            ExitCode::from(2)
        }
    }
}

async fn measure(scale: &Scale) {
    report::heading();
    for figure in FIGURES.into_iter().filter(|figure| scale.has(figure)) {
        match figure {
            "ready" => ready::run().await,
            "webhooks" => webhooks::run().await,
            "events" => events::run().await,
            "query" => query::run().await,
            "csv" => files::csv(scale).await,
            "csv40" if scale.names(figure) => files::csv40(scale).await,
            "parquet" => files::parquet(scale).await,
            "ndjson" => files::ndjson(scale).await,
            "rest" => paged_api::run(scale).await,
            "fetch" => fetch::run(scale).await,
            "pruned" => pruned::run(scale).await,
            "merge" => merge::run(scale).await,
            "ground" => ground::run(scale).await,
            "commits" => commits::run(scale).await,
            "manyfiles" => many_files::run(scale).await,
            "enqueue" => enqueue::run(scale).await,
            "mesh" => mesh::run().await,
            _ => {}
        }
    }
}
