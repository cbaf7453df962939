//! Instants that passed while nothing could fire.

use rfe_proto::scheduler::{MisfirePolicy, OverlapPolicy};

use super::*;

const MISSED: [&str; 3] = ["2026-03-01T12:01:00Z", "2026-03-01T12:02:00Z", "2026-03-01T12:03:00Z"];
const POLICIES: [(&str, MisfirePolicy); 3] =
    [("latest", MisfirePolicy::Unspecified), ("all", MisfirePolicy::All), ("skip", MisfirePolicy::Skip)];

async fn with_policies(bench: &Bench) {
    for (id, misfire) in POLICIES {
        bench.made(Schedule { misfire: misfire.into(), ..every_minute(id, id) }).await;
    }
}

// The outcomes of the three minutes, oldest first.
async fn outcomes(bench: &Bench, id: &str) -> Vec<String> {
    let mut firings = bench.firings(id).await;
    firings.reverse();
    assert_eq!(firings.iter().map(|(instant, _)| instant.as_str()).collect::<Vec<_>>(), MISSED);
    firings.into_iter().map(|(_, outcome)| outcome).collect()
}

#[tokio::test]
async fn after_a_downtime_they_follow_the_policy() {
    let mut bench = bench().await;
    with_policies(&bench).await;
    bench.clock.watch = Watch::new(at("2026-03-01T12:03:30Z"));
    bench.tick("2026-03-01T12:03:30Z").await;
    assert_eq!(outcomes(&bench, "skip").await, ["missed"; 3]);
    assert_eq!(outcomes(&bench, "latest").await, ["missed", "missed", "submitted"]);
    assert_eq!(
        outcomes(&bench, "all").await,
        ["submitted", "buffered", "buffered"],
        "also where overlap is skip"
    );
    for (id, _) in POLICIES {
        assert_eq!(bench.next(id).await.as_deref(), Some("2026-03-01T12:04:00Z"), "{id}");
    }
    for second in [40, 50] {
        bench.ended("all");
        bench.tick(&format!("2026-03-01T12:03:{second}Z")).await;
    }
    assert_eq!(outcomes(&bench, "all").await, ["submitted"; 3]);
    let made_up: Vec<String> = bench
        .world
        .submitted()
        .into_iter()
        .filter(|(of, _)| of == "all")
        .map(|(_, request)| request)
        .collect();
    assert_eq!(made_up, MISSED.map(|minute| id::firing("all", at(minute))), "oldest first");
}

#[tokio::test]
async fn after_an_outage_of_ingest_the_newest_fires_and_the_others_follow_the_policy() {
    let bench = bench().await;
    with_policies(&bench).await;
    *bench.world.refuse.lock().expect("lock") =
        Some(Fault::new(ErrorCode::Unavailable, reason::BACKEND_UNAVAILABLE, "down"));
    for minute in MISSED {
        bench.tick(minute).await;
    }
    *bench.world.refuse.lock().expect("lock") = None;
    bench.tick("2026-03-01T12:03:55Z").await;
    assert_eq!(outcomes(&bench, "skip").await, ["missed", "missed", "submitted"]);
    assert_eq!(outcomes(&bench, "latest").await, ["missed", "missed", "submitted"]);
    assert_eq!(outcomes(&bench, "all").await, ["submitted", "buffered", "skipped"]);
}

#[tokio::test]
async fn a_clock_that_is_a_little_late_misses_nothing() {
    let bench = bench().await;
    let every_second = Schedule {
        timing: Some(Timing::Every(prost_types::Duration { seconds: 1, nanos: 0 })),
        overlap: OverlapPolicy::BufferAll.into(),
        misfire: MisfirePolicy::Skip.into(),
        ..every_minute("s", "a")
    };
    bench.made(every_second).await;
    bench.tick("2026-03-01T12:00:34Z").await;
    let outcomes: Vec<String> = bench.firings("s").await.into_iter().map(|(_, outcome)| outcome).collect();
    assert_eq!(outcomes, ["buffered", "buffered", "buffered", "submitted"]);
}

#[tokio::test]
async fn not_more_than_a_thousand_instants_are_made_up_for() {
    let mut bench = bench().await;
    bench.made(Schedule { misfire: MisfirePolicy::All.into(), ..every_minute("s", "a") }).await;
    let later = "2026-03-03T12:00:00Z";
    bench.clock.watch = Watch::new(at(later));
    bench.tick(later).await;
    let firings = bench.firings("s").await;
    assert_eq!((firings.len(), firings[0].0.as_str()), (1000, later), "the newest ones");
}

#[tokio::test]
async fn nothing_is_made_up_for_a_pause() {
    let bench = bench().await;
    bench.made(Schedule { misfire: MisfirePolicy::All.into(), ..every_minute("s", "a") }).await;
    bench.schedules.pause("s").await.expect("paused");
    bench.tick("2026-03-01T12:03:30Z").await;
    bench.schedules.resume("s", at("2026-03-01T12:05:10Z")).await.expect("resumed");
    bench.tick("2026-03-01T12:06:00Z").await;
    assert_eq!(bench.firings("s").await, [pair("2026-03-01T12:06:00Z", "submitted")]);
}
