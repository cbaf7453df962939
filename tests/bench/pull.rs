//! A pull on a platform of its own, from submitted to committed.

use std::time::{Duration, Instant};

use rfe_proto::metadata::RunState;
use rfe_tests::{Ground, Platform, grpc, wait};

use crate::{cost::Cost, data, memory};

const AT_MOST: Duration = Duration::from_secs(1800);

/// Pulls a source named `rows` from `sources.yaml` on a new data folder. Each of so many rows must land.
pub async fn pull(source: &str, rows: u64) -> (Platform, Cost) {
    pull_on(Ground::Embedded, source, rows).await
}

/// As [`pull`], on any ground.
pub async fn pull_on(ground: Ground, source: &str, rows: u64) -> (Platform, Cost) {
    let roots = data::folder().display().to_string();
    let settings = crate::settings().with("RFE_SOURCE_ROOTS", roots);
    let mut platform = Platform::prepare_on(ground, settings);
    platform.restart().await;
    platform.apply(&format!("version: 1\nsources:\n- {source}\n")).await;
    let begun = Instant::now();
    let run_id = platform.submit("rows").await;
    let ended = || async { platform.run(&run_id).await.filter(grpc::has_ended) };
    let run = wait::within(AT_MOST, "the run ends", ended).await;
    let seconds = begun.elapsed().as_secs_f64();
    assert_eq!(run.state(), RunState::Succeeded, "{}: {}", run.error_code, run.error);
    let all = i64::try_from(rows).expect("a number of rows");
    grpc::assert_counts(&run, [all, all, 0, 0]);
    let peak = memory::peak(platform.ready().pid);
    (platform, Cost { seconds, peak, rows })
}
