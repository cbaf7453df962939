//! Sources are read by the clock.

use std::collections::HashSet;

use rfe_proto::scheduler::{self, MisfirePolicy, OverlapPolicy, schedule::Timing};
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

#[tokio::test]
async fn a_schedule_is_made_changed_listed_triggered_and_deleted_over_grpc() {
    let platform = Platform::start().await;
    platform.write("t.csv", "id\n1\n");
    platform
        .apply("version: 1\nsources:\n- {name: t, kind: csv, config: {location: t.csv}}\n- {name: hook, kind: webhook}\n")
        .await;
    let mut service = platform.scheduler_service();
    let hourly = |id: &str| scheduler::Schedule {
        schedule_id: id.to_owned(),
        source: "t".to_owned(),
        timing: Some(Timing::Every(prost_types::Duration { seconds: 3600, nanos: 0 })),
        ..Default::default()
    };
    for id in ["b", "a", ""] {
        let request = scheduler::CreateScheduleRequest { schedule: Some(hourly(id)) };
        let made = service.create_schedule(request).await.expect("made").into_inner().schedule.expect("it");
        assert!(!made.schedule_id.is_empty() && made.created_time.is_some(), "{made:?}");
        assert_eq!((made.overlap(), made.misfire()), (OverlapPolicy::Skip, MisfirePolicy::Latest));
        assert_eq!(made.next_fire_time.expect("an instant").seconds % 3600, 0);
    }
    let request = scheduler::CreateScheduleRequest { schedule: Some(hourly("a")) };
    let twice = service.create_schedule(request).await.expect_err("it exists");
    assert_eq!((twice.code(), reason(&twice).as_str()), (Code::AlreadyExists, "SCHEDULE_EXISTS"));
    let hook = scheduler::Schedule { source: "hook".to_owned(), ..hourly("c") };
    let request = scheduler::CreateScheduleRequest { schedule: Some(hook) };
    let refused = service.create_schedule(request).await.expect_err("nothing reads it");
    assert_eq!(reason(&refused), "SOURCE_KIND_MISMATCH");

    let list = |page_size, page_token| scheduler::ListSchedulesRequest {
        source: "t".to_owned(),
        page_size,
        page_token,
    };
    let first = service.list_schedules(list(2, String::new())).await.expect("listed").into_inner();
    let rest = service.list_schedules(list(2, first.next_page_token)).await.expect("listed").into_inner();
    assert_eq!((first.schedules.len(), rest.schedules.len(), rest.next_page_token.as_str()), (2, 1, ""));

    let daily = scheduler::Schedule {
        timing: Some(Timing::Cron("0 6 * * *".to_owned())),
        timezone: "America/New_York".to_owned(),
        overlap: OverlapPolicy::BufferAll.into(),
        misfire: MisfirePolicy::All.into(),
        ..hourly("a")
    };
    let request = scheduler::UpdateScheduleRequest { schedule: Some(daily.clone()) };
    service.update_schedule(request).await.expect("changed");
    let request = scheduler::GetScheduleRequest { schedule_id: "a".to_owned() };
    let changed =
        service.get_schedule(request.clone()).await.expect("there").into_inner().schedule.expect("it");
    assert_eq!((changed.timing, changed.timezone), (daily.timing, daily.timezone));
    assert_eq!((changed.overlap, changed.misfire), (daily.overlap, daily.misfire));

    let trigger = scheduler::TriggerScheduleRequest {
        schedule_id: "a".to_owned(),
        request_id: uuid::Uuid::now_v7().to_string(),
    };
    for _ in 0..2 {
        let job_id = service.trigger_schedule(trigger.clone()).await.expect("triggered").into_inner().job_id;
        assert_eq!(job_id, trigger.request_id, "the same call is the same job");
    }
    let _run = platform.ended_run(&trigger.request_id).await;
    let fired = platform.rfe(&["schedule", "firings", "a", "--json"]).await.ok().json_lines();
    assert_eq!(
        (fired.len(), &fired[0]["outcome"], &fired[0]["job_id"]),
        (1, &"submitted".into(), &trigger.request_id.into())
    );

    let delete = scheduler::DeleteScheduleRequest { schedule_id: "a".to_owned() };
    service.delete_schedule(delete.clone()).await.expect("deleted");
    let gone = [
        service.delete_schedule(delete).await.expect_err("gone"),
        service.get_schedule(request).await.expect_err("gone"),
    ];
    assert!(gone.iter().all(|status| reason(status) == "SCHEDULE_NOT_FOUND"), "{gone:?}");
    let _not_found = platform.rfe(&["schedule", "firings", "a"]).await.exits(4);
}

#[tokio::test]
async fn a_preview_of_instants_knows_when_clocks_change() {
    let platform = Platform::start().await;
    for zone in ["Europe/Berlin", "America/New_York"] {
        let preview =
            ["schedule", "preview", "--cron", "30 2 * * *", "--timezone", zone, "--count", "400", "--json"];
        let shown = platform.rfe(&preview).await.ok().json_lines();
        assert_eq!(shown.len(), 400);
        let local: Vec<jiff::Zoned> = shown
            .iter()
            .map(|line| {
                line["fire_time"]
                    .as_str()
                    .expect("an instant")
                    .parse::<jiff::Timestamp>()
                    .expect("an instant")
            })
            .map(|instant| instant.in_tz(zone).expect("a zone"))
            .collect();
        let clocks: HashSet<String> = local.iter().map(|at| at.strftime("%H:%M").to_string()).collect();
        // On one day a year 02:30 does not exist; the time after the gap does.
        assert_eq!(clocks, HashSet::from(["02:30".to_owned(), "03:00".to_owned()]), "{zone}");
        let days: HashSet<_> = local.iter().map(jiff::Zoned::date).collect();
        assert_eq!(days.len(), 400, "once a day, also where 02:30 comes twice: {zone}");
    }
    let every = platform.rfe(&["schedule", "preview", "--every", "90s", "--count", "3", "--json"]).await.ok();
    let every: Vec<i64> = every
        .json_lines()
        .iter()
        .map(|line| {
            line["fire_time"]
                .as_str()
                .expect("an instant")
                .parse::<jiff::Timestamp>()
                .expect("one")
                .as_second()
        })
        .collect();
    assert!(every.iter().all(|second| second % 90 == 0) && every[2] - every[0] == 180, "{every:?}");
    let wrong = platform
        .rfe(&["schedule", "preview", "--cron", "0 6 * * *", "--timezone", "Mars/Base"])
        .await
        .exits(1);
    assert!(wrong.stderr.contains("Mars/Base"), "{}", wrong.stderr);
}
