//! The scheduler on a real store, with metadata and ingest as small as they can be.

mod overlap;
mod past;
mod stand_in;

use std::sync::Arc;

use jiff::Timestamp;
use rfe_mesh::Metrics;
use rfe_model::{ErrorCode, Fault, fault::reason, id, time};
use rfe_proto::{
    metadata as pb,
    scheduler::{Schedule, schedule::Timing},
};
use rfe_registry::{Page, SqliteRegistry};
use stand_in::World;

use crate::{
    Config, book::Book, clock::Clock, declared::Declared, firing::Firer, misfire::Watch,
    schedules::Schedules, sources::Sources,
};

const NOON: &str = "2026-03-01T12:00:30Z";

struct Bench {
    world: Arc<World>,
    book: Book,
    clock: Clock,
    schedules: Schedules,
    _folder: tempfile::TempDir,
}

async fn bench() -> Bench {
    let folder = tempfile::tempdir().expect("folder");
    let store = SqliteRegistry::open(&folder.path().join("registry.db")).await.expect("registry");
    let world = Arc::new(World::default());
    let channel = world.channel();
    let config = Config::default();
    let sources = Sources::new(channel.clone(), channel, config.call_timeout);
    let book = Book::new(Arc::new(store));
    let clock = Clock {
        config,
        book: book.clone(),
        firer: Firer::new(sources.clone(), &Metrics::default()),
        declared: Declared::new(sources.clone(), book.clone()),
        watch: Watch::new(at(NOON)),
    };
    Bench { world, schedules: Schedules::new(book.clone(), sources), book, clock, _folder: folder }
}

fn at(text: &str) -> Timestamp {
    text.parse().expect("instant")
}

fn every_minute(id: &str, source: &str) -> Schedule {
    Schedule {
        schedule_id: id.to_owned(),
        source: source.to_owned(),
        timing: Some(Timing::Every(prost_types::Duration { seconds: 60, nanos: 0 })),
        ..Schedule::default()
    }
}

impl Bench {
    /// Makes a schedule at half a minute past noon.
    async fn made(&self, schedule: Schedule) -> Schedule {
        self.world.declare(&schedule.source, "csv", None);
        self.schedules.create(Some(schedule), at(NOON)).await.expect("made")
    }

    async fn next(&self, id: &str) -> Option<String> {
        self.book
            .get(id)
            .await
            .expect("schedule")
            .next_fire_time
            .map(|next| time::from_proto(&next).expect("instant").to_string())
    }

    async fn tick(&self, now: &str) {
        self.clock.tick(at(now)).await.expect("tick");
    }

    /// The runs of a source end.
    fn ended(&self, source: &str) {
        self.world.open.lock().expect("lock").retain(|_, of| of != source);
    }

    /// Instant and outcome of firings, newest first.
    async fn firings(&self, id: &str) -> Vec<(String, String)> {
        let page = Page { after: None, limit: 5000 };
        let firings = self.book.firings(id, &page).await.expect("firings");
        firings.into_iter().map(|firing| (instant(firing.scheduled_time), firing.outcome)).collect()
    }
}

fn instant(at: Option<prost_types::Timestamp>) -> String {
    at.and_then(|at| time::from_proto(&at)).expect("instant").to_string()
}

fn pair(instant: &str, outcome: &str) -> (String, String) {
    (instant.to_owned(), outcome.to_owned())
}

#[tokio::test]
async fn an_instant_makes_one_job_however_often_it_fires() {
    let bench = bench().await;
    let schedule = bench.made(every_minute("s", "a")).await;
    bench.clock.tick(at("2026-03-01T12:00:59Z")).await.expect("tick");
    assert!(bench.world.submitted().is_empty(), "nothing is due yet");
    bench.clock.tick(at("2026-03-01T12:01:00Z")).await.expect("tick");
    assert_eq!(bench.next("s").await.as_deref(), Some("2026-03-01T12:02:00Z"));
    // As after a crash between the job and the note of it.
    bench.book.hold().await.put(&schedule).await.expect("put");
    bench.clock.tick(at("2026-03-01T12:01:01Z")).await.expect("tick");
    let firing = id::firing("s", at("2026-03-01T12:01:00Z"));
    assert_eq!(bench.world.submitted(), [("a".to_owned(), firing.clone()), ("a".to_owned(), firing)]);
    assert_eq!(bench.world.open.lock().expect("lock").len(), 1);
    assert_eq!(bench.firings("s").await, [pair("2026-03-01T12:01:00Z", "submitted")]);
}

#[tokio::test]
async fn an_instant_stays_due_while_ingest_is_away_and_moves_on_when_it_refuses() {
    let bench = bench().await;
    bench.made(every_minute("s", "a")).await;
    *bench.world.refuse.lock().expect("lock") =
        Some(Fault::new(ErrorCode::Unavailable, reason::BACKEND_UNAVAILABLE, "down"));
    bench.clock.tick(at("2026-03-01T12:01:00Z")).await.expect("tick");
    assert_eq!(bench.next("s").await.as_deref(), Some("2026-03-01T12:01:00Z"));
    assert!(bench.firings("s").await.is_empty());
    *bench.world.refuse.lock().expect("lock") =
        Some(Fault::new(ErrorCode::FailedPrecondition, reason::SOURCE_DELETED, "gone"));
    bench.clock.tick(at("2026-03-01T12:01:05Z")).await.expect("tick");
    assert_eq!(bench.firings("s").await, [pair("2026-03-01T12:01:00Z", "failed")]);
    assert_eq!(bench.next("s").await.as_deref(), Some("2026-03-01T12:02:00Z"));
}

#[tokio::test]
async fn what_is_paused_does_not_fire() {
    let bench = bench().await;
    bench.made(every_minute("schedule", "a")).await;
    bench.made(every_minute("source", "b")).await;
    bench.schedules.pause("schedule").await.expect("paused");
    bench.world.paused.lock().expect("lock").insert("b".to_owned());
    bench.clock.tick(at("2026-03-01T12:01:00Z")).await.expect("tick");
    assert!(bench.world.submitted().is_empty());
    assert_eq!(bench.next("schedule").await, None);
    assert_eq!(bench.firings("source").await, [pair("2026-03-01T12:01:00Z", "skipped")]);
    let resumed = bench.schedules.resume("schedule", at("2026-03-01T12:05:10Z")).await.expect("resumed");
    assert_eq!(instant(resumed.next_fire_time), "2026-03-01T12:06:00Z");
}

#[tokio::test]
async fn declared_schedules_appear_change_and_go_with_their_sources() {
    let mut bench = bench().await;
    let spec = |seconds| Some(pb::SourceSchedule { every_seconds: seconds, ..pb::SourceSchedule::default() });
    bench.world.declare("a", "csv", spec(60.0));
    bench.made(every_minute("mine", "b")).await;
    bench.clock.declared.follow(at(NOON)).await.expect("followed");
    assert_eq!(bench.next("a").await.as_deref(), Some("2026-03-01T12:01:00Z"), "not at once");
    bench.clock.tick(at("2026-03-01T12:01:00Z")).await.expect("tick");
    bench.schedules.pause("a").await.expect("paused");

    bench.world.declare("a", "csv", spec(300.0));
    bench.clock.declared.follow(at("2026-03-01T12:01:30Z")).await.expect("followed");
    let changed = bench.book.get("a").await.expect("schedule");
    assert!(changed.paused && changed.declared, "a pause outlives a change");
    assert_eq!(instant(changed.last_fire_time), "2026-03-01T12:01:00Z");
    let resumed = bench.schedules.resume("a", at("2026-03-01T12:01:40Z")).await.expect("resumed");
    assert_eq!(instant(resumed.next_fire_time), "2026-03-01T12:05:00Z");

    bench.world.delete("a");
    bench.clock.declared.follow(at("2026-03-01T12:02:00Z")).await.expect("followed");
    let left = bench.book.all().await.expect("all");
    assert_eq!(left.iter().map(|schedule| schedule.schedule_id.as_str()).collect::<Vec<_>>(), ["mine"]);
}

#[tokio::test]
async fn a_declared_schedule_is_changed_in_its_spec_only() {
    let mut bench = bench().await;
    let spec = pb::SourceSchedule {
        cron: "0 6 * * *".to_owned(),
        timezone: "Europe/Berlin".to_owned(),
        ..pb::SourceSchedule::default()
    };
    bench.world.declare("a", "csv", Some(spec));
    bench.clock.declared.follow(at(NOON)).await.expect("followed");
    assert_eq!(bench.next("a").await.as_deref(), Some("2026-03-02T05:00:00Z"));
    let reasons = [
        bench.schedules.delete("a").await.expect_err("refused").reason,
        bench.schedules.update(Some(every_minute("a", "a")), at(NOON)).await.expect_err("refused").reason,
    ];
    assert_eq!(reasons, [reason::SCHEDULE_DECLARED, reason::SCHEDULE_DECLARED]);
}

#[tokio::test]
async fn a_schedule_that_can_not_fire_is_refused_with_the_field_at_fault() {
    let bench = bench().await;
    bench.world.declare("a", "csv", None);
    bench.world.declare("hook", "webhook", None);
    let cron = |text: &str, zone: &str| Schedule {
        timing: Some(Timing::Cron(text.to_owned())),
        timezone: zone.to_owned(),
        ..every_minute("s", "a")
    };
    for (schedule, paths) in [
        (cron("* * *", "Mars/Base"), vec!["schedule.cron", "schedule.timezone"]),
        (cron("0 0 30 2 *", ""), vec!["schedule.cron"]),
        (Schedule { timing: None, ..every_minute("s", "a") }, vec!["schedule.timing"]),
        (every_minute("s", ""), vec!["schedule.source"]),
        (every_minute("no id", "a"), vec!["schedule.schedule_id"]),
        (
            Schedule {
                timing: Some(Timing::Every(prost_types::Duration { seconds: 0, nanos: 5 })),
                ..every_minute("s", "a")
            },
            vec!["schedule.every"],
        ),
    ] {
        let fault = bench.schedules.create(Some(schedule), at(NOON)).await.expect_err("refused");
        assert_eq!(
            fault.violations.iter().map(|violation| violation.path.as_str()).collect::<Vec<_>>(),
            paths
        );
    }
    for (source, reason) in [("hook", reason::SOURCE_KIND_MISMATCH), ("nothing", reason::SOURCE_NOT_FOUND)] {
        let fault =
            bench.schedules.create(Some(every_minute("s", source)), at(NOON)).await.expect_err("refused");
        assert_eq!(fault.reason, reason);
    }
    bench.made(every_minute("s", "a")).await;
    let twice = bench.schedules.create(Some(every_minute("s", "a")), at(NOON)).await.expect_err("refused");
    assert_eq!(twice.reason, reason::SCHEDULE_EXISTS);
}

#[tokio::test]
async fn a_trigger_fires_now_and_leaves_the_next_instant() {
    let bench = bench().await;
    bench.made(every_minute("s", "a")).await;
    let request = id::new();
    for _ in 0..2 {
        assert_eq!(
            bench.schedules.trigger("s", request.clone(), at("2026-03-01T12:00:40Z")).await,
            Ok(request.clone())
        );
    }
    assert_eq!(bench.next("s").await.as_deref(), Some("2026-03-01T12:01:00Z"));
    assert_eq!(bench.firings("s").await, [pair("2026-03-01T12:00:40Z", "submitted")]);
    let wrong = bench.schedules.trigger("s", "no-uuid".to_owned(), at(NOON)).await.expect_err("refused");
    assert_eq!(wrong.violations[0].path, "request_id");
    let unknown = bench.schedules.trigger("t", String::new(), at(NOON)).await.expect_err("refused");
    assert_eq!(unknown.reason, reason::SCHEDULE_NOT_FOUND);
}

#[tokio::test]
async fn a_change_of_timing_while_it_fires_is_not_written_over() {
    let bench = bench().await;
    let before = bench.made(every_minute("s", "a")).await;
    let hourly = Schedule {
        timing: Some(Timing::Every(prost_types::Duration { seconds: 3600, nanos: 0 })),
        ..before.clone()
    };
    bench.schedules.update(Some(hourly), at("2026-03-01T12:00:59Z")).await.expect("updated");
    let instant = at("2026-03-01T12:01:00Z");
    let firing = bench.clock.firer.fire(&before, instant, 0).await.expect("fired");
    bench.book.fired(&before, &[firing], instant).await.expect("noted");
    assert_eq!(bench.next("s").await.as_deref(), Some("2026-03-01T13:00:00Z"));
}

#[tokio::test]
async fn a_preview_shows_instants_and_fires_nothing() {
    let berlin = Schedule {
        timing: Some(Timing::Cron("30 2 * * *".to_owned())),
        timezone: "Europe/Berlin".to_owned(),
        ..Schedule::default()
    };
    let instants = Schedules::preview(Some(berlin), 2, at("2026-03-28T12:00:00Z")).expect("preview");
    let shown: Vec<String> = instants.into_iter().map(|at| instant(Some(at))).collect();
    assert_eq!(shown, ["2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"]);
    assert_eq!(Schedules::preview(Some(every_minute("", "")), 0, at(NOON)).expect("preview").len(), 10);
}
