//! Instants that find their source at work.

use rfe_proto::scheduler::OverlapPolicy;

use super::*;

const MINUTES: [&str; 4] =
    ["2026-03-01T12:01:00Z", "2026-03-01T12:02:00Z", "2026-03-01T12:03:00Z", "2026-03-01T12:04:00Z"];

fn overlapping(id: &str, overlap: OverlapPolicy) -> Schedule {
    Schedule { overlap: overlap.into(), ..every_minute(id, "a") }
}

// Outcomes of the minutes that were noted, oldest first.
async fn outcomes(bench: &Bench, id: &str) -> Vec<String> {
    let mut firings = bench.firings(id).await;
    firings.reverse();
    firings.into_iter().map(|(_, outcome)| outcome).collect()
}

#[tokio::test]
async fn an_instant_passes_while_a_run_is_at_work() {
    let bench = bench().await;
    bench.made(overlapping("s", OverlapPolicy::Unspecified)).await;
    bench.tick(MINUTES[0]).await;
    bench.tick(MINUTES[1]).await;
    bench.ended("a");
    bench.tick(MINUTES[2]).await;
    assert_eq!(outcomes(&bench, "s").await, ["submitted", "skipped", "submitted"]);
}

#[tokio::test]
async fn one_waits_and_further_ones_pass() {
    let bench = bench().await;
    bench.made(overlapping("s", OverlapPolicy::BufferOne)).await;
    for minute in &MINUTES[..3] {
        bench.tick(minute).await;
    }
    assert_eq!(outcomes(&bench, "s").await, ["submitted", "buffered", "skipped"]);
    assert_eq!(bench.world.submitted().len(), 1, "what waits is not submitted");
    bench.ended("a");
    bench.tick("2026-03-01T12:03:10Z").await;
    assert_eq!(outcomes(&bench, "s").await, ["submitted", "submitted", "skipped"]);
    let waited = id::firing("s", at(MINUTES[1]));
    assert_eq!(bench.world.submitted()[1], ("a".to_owned(), waited), "under the id of its instant");
}

#[tokio::test]
async fn all_wait_in_order_and_each_runs_after_the_one_before() {
    let bench = bench().await;
    bench.made(overlapping("s", OverlapPolicy::BufferAll)).await;
    for minute in MINUTES {
        bench.tick(minute).await;
    }
    assert_eq!(outcomes(&bench, "s").await, ["submitted", "buffered", "buffered", "buffered"]);
    for (done, now) in ["12:04:10", "12:04:20", "12:04:30"].into_iter().enumerate() {
        bench.ended("a");
        for _ in 0..2 {
            bench.tick(&format!("2026-03-01T{now}Z")).await;
        }
        assert_eq!(bench.world.open.lock().expect("lock").len(), 1, "never two");
        assert_eq!(bench.world.submitted().len(), done + 2);
    }
    let submitted: Vec<String> = bench.world.submitted().into_iter().map(|(_, request)| request).collect();
    assert_eq!(submitted, MINUTES.map(|minute| id::firing("s", at(minute))));
    assert_eq!(outcomes(&bench, "s").await, ["submitted"; 4]);
}

#[tokio::test]
async fn a_new_instant_waits_behind_those_that_wait() {
    let bench = bench().await;
    bench.made(overlapping("s", OverlapPolicy::BufferAll)).await;
    bench.tick(MINUTES[0]).await;
    bench.tick(MINUTES[1]).await;
    bench.ended("a");
    bench.tick(MINUTES[2]).await;
    assert_eq!(outcomes(&bench, "s").await, ["submitted", "submitted", "buffered"]);
}

#[tokio::test]
async fn a_job_that_somebody_else_queued_is_not_taken_for_the_instants_own() {
    let bench = bench().await;
    bench.made(overlapping("skips", OverlapPolicy::Skip)).await;
    bench.made(overlapping("waits", OverlapPolicy::BufferAll)).await;
    let others = ("a".to_owned(), id::new());
    bench.world.queued_by_others.lock().expect("lock").extend([others]);
    bench.tick(MINUTES[0]).await;
    assert_eq!(outcomes(&bench, "skips").await, ["skipped"]);
    assert_eq!(outcomes(&bench, "waits").await, ["buffered"]);
    bench.world.queued_by_others.lock().expect("lock").clear();
    bench.tick("2026-03-01T12:01:10Z").await;
    assert_eq!(outcomes(&bench, "waits").await, ["submitted"]);
}

#[tokio::test]
async fn what_waits_goes_on_waiting_while_schedule_or_source_is_paused() {
    let bench = bench().await;
    bench.made(overlapping("s", OverlapPolicy::BufferAll)).await;
    bench.world.paused.lock().expect("lock").insert("a".to_owned());
    bench.tick(MINUTES[0]).await;
    assert_eq!(outcomes(&bench, "s").await, ["buffered"]);
    bench.schedules.pause("s").await.expect("paused");
    bench.world.paused.lock().expect("lock").clear();
    bench.tick("2026-03-01T12:01:10Z").await;
    assert_eq!(outcomes(&bench, "s").await, ["buffered"]);
    bench.schedules.resume("s", at("2026-03-01T12:01:20Z")).await.expect("resumed");
    bench.tick("2026-03-01T12:01:30Z").await;
    assert_eq!(outcomes(&bench, "s").await, ["submitted"]);
}

#[tokio::test]
async fn the_number_of_those_that_wait_is_bounded() {
    let mut bench = bench().await;
    bench.made(overlapping("s", OverlapPolicy::BufferAll)).await;
    bench.world.open.lock().expect("lock").insert("another".to_owned(), "a".to_owned());
    // Under `all`, what was missed waits as well.
    let schedule = Schedule {
        misfire: rfe_proto::scheduler::MisfirePolicy::All.into(),
        ..bench.book.get("s").await.expect("schedule")
    };
    bench.schedules.update(Some(schedule), at(NOON)).await.expect("updated");
    bench.clock.watch = Watch::new(at("2026-03-02T12:00:00Z"));
    bench.tick("2026-03-02T12:00:00Z").await;
    bench.tick("2026-03-02T12:01:00Z").await;
    let outcomes = outcomes(&bench, "s").await;
    assert_eq!(outcomes.iter().filter(|outcome| *outcome == "buffered").count(), 1000);
    assert_eq!(outcomes.last().map(String::as_str), Some("skipped"));
}
