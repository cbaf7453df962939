//! Made-up events, in the numbers asked for.

use rfe_tests::{Platform, grpc::assert_counts, until};

#[tokio::test]
async fn a_job_makes_as_many_events_as_its_count_says_and_each_is_landed_or_explained() {
    let platform = Platform::start().await;
    platform
        .apply(
            "version: 1\nsources:\n- {name: clicks, kind: synthetic, config: {rate: 0, count: 2000, seed: 7, error_share: 0.01}}\n",
        )
        .await;
    let run = platform.pulled("clicks").await;
    let counters = run.counters.expect("a run has counters");
    assert_eq!((counters.read, counters.duplicate), (2000, 0), "{counters:?}");
    assert!(counters.dead > 0 && counters.dead < 100, "about one in a hundred is bad: {counters:?}");
    assert_eq!(counters.landed + counters.dead, 2000);
    let ids = platform.value("SELECT count(*), count(DISTINCT _event_id) FROM clicks").await;
    assert_eq!(ids, format!("{0}|{0}", counters.landed));
    let letters = until("the letters are listed", || async {
        Some(platform.letters("clicks").await).filter(|letters| !letters.is_empty())
    })
    .await;
    assert_eq!(letters.len() as i64, counters.dead);

    let second = platform.pulled("clicks").await;
    let again = second.counters.expect("a run has counters");
    let both = platform
        .value("SELECT count(*), count(DISTINCT _event_id), count(DISTINCT _run_id) FROM clicks")
        .await;
    assert_eq!(both, format!("{0}|{0}|2", counters.landed + again.landed), "events are appended");
}

#[tokio::test]
async fn a_stream_without_errors_lands_whole() {
    let platform = Platform::start().await;
    platform
        .apply("version: 1\nsources:\n- {name: clean, kind: synthetic, config: {rate: 0, seed: 1}}\n")
        .await;
    assert_counts(&platform.pulled("clean").await, [1000, 1000, 0, 0]);
    assert_eq!(platform.value("SELECT count(*) FROM raw.clean").await, "1000");
}
