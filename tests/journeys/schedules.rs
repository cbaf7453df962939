//! Sources are read by the clock.

use std::collections::HashSet;

use rfe_proto::scheduler::{self, schedule::Timing};
use rfe_tests::{Platform, grpc::reason, until};
use tonic::Code;

const EVERY_SECOND: &str =
    "version: 1\nsources:\n- {name: ticking, kind: csv, config: {location: t.csv}, schedule: {every: 1s}}\n";

async fn fired(platform: &Platform, at_least: usize) -> Vec<(String, i64)> {
    until(&format!("{at_least} runs of the schedule"), || async {
        let runs = platform.runs("ticking").await;
        let of_the_clock: Vec<_> = runs
            .into_iter()
            .filter_map(|run| Some((run.run_id.clone(), run.scheduled_time?.seconds)))
            .collect();
        (of_the_clock.len() >= at_least).then_some(of_the_clock)
    })
    .await
}

#[tokio::test]
async fn a_source_is_read_at_the_multiples_of_its_interval_and_keeps_its_rows() {
    let platform = Platform::start().await;
    platform.write("t.csv", "id\n1\n2\n");
    platform.apply(EVERY_SECOND).await;
    let runs = fired(&platform, 3).await;
    let instants: HashSet<i64> = runs.iter().map(|(_, instant)| *instant).collect();
    assert_eq!(instants.len(), runs.len(), "an instant fires once: {runs:?}");
    platform.shows("SELECT count(*), count(DISTINCT _run_id) FROM ticking", &["2|1"]).await;
    let schedules = platform.rfe(&["schedule", "ls", "--json"]).await.ok().json_lines();
    assert_eq!((schedules.len(), &schedules[0]["source"]), (1, &"ticking".into()), "{schedules:?}");
    assert_eq!(platform.value("SELECT count(*) FROM meta.schedules").await, "1");
}

#[tokio::test]
async fn the_id_of_a_firing_is_the_same_whoever_computes_it_and_no_kill_makes_two() {
    let mut platform = Platform::start().await;
    platform.write("t.csv", "id\n1\n");
    platform.apply(EVERY_SECOND).await;
    let mut known = 0;
    for _ in 0..4 {
        known = fired(&platform, known + 1).await.len();
        platform.kill_nine();
        platform.restart().await;
    }
    let runs = fired(&platform, known + 1).await;
    for (run_id, instant) in &runs {
        let instant = jiff::Timestamp::from_second(*instant).expect("an instant");
        assert_eq!(*run_id, rfe_model::id::firing("ticking", instant));
    }
    let instants: HashSet<i64> = runs.iter().map(|(_, instant)| *instant).collect();
    assert_eq!(instants.len(), runs.len(), "{runs:?}");
    platform.shows("SELECT count(*) FROM ticking", &["1"]).await;
}

#[tokio::test]
async fn a_paused_schedule_does_not_fire_until_it_is_resumed_but_can_be_triggered() {
    let platform = Platform::start().await;
    platform.write("t.csv", "id\n1\n");
    platform.apply(EVERY_SECOND).await;
    let _some = fired(&platform, 1).await;
    let _paused = platform.rfe(&["schedule", "pause", "ticking"]).await.ok();
    let before = platform.runs("ticking").await.iter().filter(|run| run.scheduled_time.is_some()).count();
    let triggered = platform.rfe(&["schedule", "trigger", "ticking", "--json"]).await.ok().json();
    let run = platform.ended_run(triggered["job_id"].as_str().expect("a job")).await;
    assert_eq!(run.state(), rfe_proto::metadata::RunState::Succeeded);
    let second = std::time::Instant::now();
    until("an instant of the paused schedule passes", || async {
        (second.elapsed().as_millis() > 2100).then_some(())
    })
    .await;
    let after = platform.runs("ticking").await.iter().filter(|run| run.scheduled_time.is_some()).count();
    assert!(
        after <= before + 2,
        "at most the trigger and a firing in flight came on top: {before} then {after}"
    );
    let _resumed = platform.rfe(&["schedule", "resume", "ticking"]).await.ok();
    let _more = fired(&platform, after + 1).await;
}

#[tokio::test]
async fn a_cron_schedule_knows_its_time_zone() {
    let platform = Platform::start().await;
    platform.write("t.csv", "id\n1\n");
    platform.apply("version: 1\nsources:\n- {name: daily, kind: csv, config: {location: t.csv}}\n").await;
    let mut service = platform.scheduler_service();
    let schedule = scheduler::Schedule {
        schedule_id: "mornings".to_owned(),
        source: "daily".to_owned(),
        timing: Some(Timing::Cron("0 6 * * *".to_owned())),
        timezone: "Europe/Berlin".to_owned(),
        ..Default::default()
    };
    let request = scheduler::CreateScheduleRequest { schedule: Some(schedule.clone()) };
    let made =
        service.create_schedule(request).await.expect("it can be made").into_inner().schedule.expect("it");
    let next = made.next_fire_time.expect("it will fire").seconds;
    let next =
        jiff::Timestamp::from_second(next).expect("an instant").in_tz("Europe/Berlin").expect("a zone");
    assert_eq!((next.hour(), next.minute(), next.second()), (6, 0, 0), "{next}");
    assert!(next.timestamp() > jiff::Timestamp::now());

    let wrong = scheduler::Schedule {
        schedule_id: "x".to_owned(),
        timing: Some(Timing::Cron("61 * * * *".to_owned())),
        ..schedule
    };
    let request = scheduler::CreateScheduleRequest { schedule: Some(wrong) };
    let status = service.create_schedule(request).await.expect_err("61 is no minute");
    assert_eq!((status.code(), reason(&status).as_str()), (Code::InvalidArgument, "INVALID_FIELD"));
    let request = scheduler::DeleteScheduleRequest { schedule_id: "mornings".to_owned() };
    service.delete_schedule(request).await.expect("it can be deleted");
    let request = scheduler::GetScheduleRequest { schedule_id: "mornings".to_owned() };
    assert_eq!(service.get_schedule(request).await.expect_err("it is gone").code(), Code::NotFound);
}
