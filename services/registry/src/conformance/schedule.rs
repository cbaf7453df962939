//! Schedules and firings.

use prost_types::{Duration, Timestamp};
use rfe_proto::scheduler::{Firing, MisfirePolicy, OverlapPolicy, Schedule, schedule::Timing};

use super::{Stores, fixture::first};
use crate::{Page, WaitingFiring};

pub(super) async fn suite(stores: Stores<'_>) {
    a_schedule_reads_back_and_is_replaced(stores).await;
    a_firing_moves_its_schedule_and_is_noted_once(stores).await;
    firings_wait_until_they_are_settled(stores).await;
}

fn at(seconds: i64) -> Timestamp {
    Timestamp { seconds, nanos: 0 }
}

fn schedule(id: &str, timing: Timing) -> Schedule {
    Schedule {
        schedule_id: id.to_owned(),
        source: "clocked".to_owned(),
        timing: Some(timing),
        timezone: "Europe/Berlin".to_owned(),
        overlap: OverlapPolicy::BufferOne.into(),
        misfire: MisfirePolicy::All.into(),
        next_fire_time: Some(at(2000)),
        created_time: Some(at(1000)),
        ..Default::default()
    }
}

async fn a_schedule_reads_back_and_is_replaced(stores: Stores<'_>) {
    let mut every = schedule("clock_a", Timing::Every(Duration { seconds: 5, nanos: 500_000_000 }));
    let cron = schedule("clock_b", Timing::Cron("0 6 * * *".to_owned()));
    for schedule in [&every, &cron] {
        stores.schedules.put_schedule(schedule).await.expect("put");
    }
    assert_eq!(stores.schedules.schedule("clock_a").await.expect("get"), Some(every.clone()));
    every.paused = true;
    every.next_fire_time = None;
    stores.schedules.put_schedule(&every).await.expect("replace");
    let listed = stores.schedules.schedules(Some("clocked"), &first(10)).await.expect("list");
    assert_eq!(listed, [every, cron]);
    let after = Page { after: Some("clock_a".to_owned()), limit: 10 };
    assert_eq!(stores.schedules.schedules(Some("clocked"), &after).await.expect("page").len(), 1);
    stores.schedules.delete_schedule("clock_a").await.expect("delete");
    stores.schedules.delete_schedule("clock_a").await.expect("deleting twice is fine");
    assert_eq!(stores.schedules.schedule("clock_a").await.expect("get"), None);
}

fn firing(id: &str, seconds: i64, outcome: &str) -> Firing {
    Firing {
        firing_id: id.to_owned(),
        schedule_id: "clock_b".to_owned(),
        scheduled_time: Some(at(seconds)),
        job_id: if outcome == "submitted" { format!("job-{id}") } else { String::new() },
        outcome: outcome.to_owned(),
    }
}

async fn a_firing_moves_its_schedule_and_is_noted_once(stores: Stores<'_>) {
    for (id, seconds) in [("f1", 2000), ("f2", 3000), ("f1", 2000), ("f3", 4000)] {
        let fired = [firing(id, seconds, "submitted")];
        stores.schedules.fired("clock_b", &fired, Some(at(seconds + 1000))).await.expect("fired");
    }
    let moved = stores.schedules.schedule("clock_b").await.expect("get").expect("there");
    assert_eq!((moved.last_fire_time, moved.next_fire_time), (Some(at(4000)), Some(at(5000))));
    let newest = stores.schedules.firings("clock_b", &first(2)).await.expect("firings");
    assert_eq!(newest, [firing("f3", 4000, "submitted"), firing("f2", 3000, "submitted")]);
    let after = Page { after: Some("f2".to_owned()), limit: 2 };
    let page = stores.schedules.firings("clock_b", &after).await.expect("page");
    assert_eq!(page, [firing("f1", 2000, "submitted")]);
}

async fn firings_wait_until_they_are_settled(stores: Stores<'_>) {
    assert_eq!(stores.schedules.waiting().await.expect("waiting"), []);
    let several =
        [firing("f4", 5000, "missed"), firing("f6", 7000, "buffered"), firing("f5", 6000, "buffered")];
    stores.schedules.fired("clock_b", &several, Some(at(8000))).await.expect("fired");
    let waiting = |id, seconds, count| vec![WaitingFiring { firing: firing(id, seconds, "buffered"), count }];
    assert_eq!(stores.schedules.waiting().await.expect("waiting"), waiting("f5", 6000, 2));
    stores.schedules.settle_firing(&firing("f5", 6000, "submitted")).await.expect("settled");
    assert_eq!(stores.schedules.waiting().await.expect("waiting"), waiting("f6", 7000, 1));
    let moved = stores.schedules.schedule("clock_b").await.expect("get").expect("there");
    assert_eq!((moved.last_fire_time, moved.next_fire_time), (Some(at(7000)), Some(at(8000))));
    stores.schedules.fired("clock_b", &[firing("f7", 9000, "missed")], None).await.expect("fired");
    let missed = stores.schedules.schedule("clock_b").await.expect("get").expect("there");
    assert_eq!(
        (missed.last_fire_time, missed.next_fire_time),
        (Some(at(7000)), None),
        "one that is missed did not fire"
    );
    stores.schedules.delete_schedule("clock_b").await.expect("delete");
    assert_eq!(stores.schedules.waiting().await.expect("waiting"), [], "they go with their schedule");
}
