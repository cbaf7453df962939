//! Schedules whose source is busy, and schedules whose scheduler was off.

use std::{collections::HashMap, time::Instant};

use rfe_proto::{
    metadata::{Run, RunState},
    scheduler::{Firing, ListFiringsRequest},
};
use rfe_tests::{MockApi, Platform, mock_api::Mood, until};

fn busy(api: &MockApi, overlap: &str) -> String {
    format!(
        "version: 1\nsources:\n- {{name: busy, kind: rest, schedule: {{every: 1s, overlap: {overlap}}}, \
         config: {{url: {}/customers, records: /data}}}}\n",
        api.url
    )
}

async fn firings(platform: &Platform, schedule: &str) -> Vec<Firing> {
    let request =
        ListFiringsRequest { schedule_id: schedule.to_owned(), page_size: 1000, ..Default::default() };
    let answer = platform.scheduler_service().list_firings(request).await;
    // Just applied, the schedule is there within a second.
    answer.map(|answer| answer.into_inner().firings).unwrap_or_default()
}

fn count(firings: &[Firing], outcome: &str) -> usize {
    firings.iter().filter(|firing| firing.outcome == outcome).count()
}

async fn when(platform: &Platform, what: &str, is_so: impl Fn(&[Firing]) -> bool) -> Vec<Firing> {
    until(what, || async { Some(firings(platform, "busy").await).filter(|firings| is_so(firings)) }).await
}

async fn pause(platform: &Platform) {
    let _paused = platform.rfe(&["schedule", "pause", "busy"]).await.ok();
}

fn span(run: &Run) -> ((i64, i32), (i64, i32)) {
    let at = |time: Option<prost_types::Timestamp>| time.map_or((0, 0), |at| (at.seconds, at.nanos));
    (at(run.started_time), at(run.finished_time))
}

fn assert_one_after_the_other(mut runs: Vec<Run>) {
    runs.retain(|run| run.started_time.is_some());
    runs.sort_by_key(span);
    for pair in runs.windows(2) {
        assert!(span(&pair[0]).1 <= span(&pair[1]).0, "two at a time: {pair:?}");
    }
}

#[tokio::test]
async fn by_skip_instants_pass_while_a_run_is_at_work() {
    let api = MockApi::start(3).await;
    let platform = Platform::start().await;
    api.be(Mood::Stuck);
    platform.apply(&busy(&api, "skip")).await;
    let passed = when(&platform, "three instants pass", |firings| count(firings, "skipped") >= 3).await;
    assert_eq!(count(&passed, "submitted"), 1, "{passed:?}");
    assert!(passed.iter().all(|firing| firing.job_id.is_empty() == (firing.outcome == "skipped")));
    api.be(Mood::Well);
    let _on = when(&platform, "it goes on", |firings| count(firings, "submitted") >= 2).await;
    assert_one_after_the_other(platform.runs("busy").await);
}

#[tokio::test]
async fn by_buffer_one_a_single_instant_waits() {
    let api = MockApi::start(3).await;
    let platform = Platform::start().await;
    api.be(Mood::Stuck);
    platform.apply(&busy(&api, "buffer_one")).await;
    let waits = when(&platform, "further ones pass", |firings| count(firings, "skipped") >= 2).await;
    assert_eq!((count(&waits, "submitted"), count(&waits, "buffered")), (1, 1), "{waits:?}");
    let waiting = waits.into_iter().find(|firing| firing.outcome == "buffered").expect("one waits");
    pause(&platform).await;
    api.be(Mood::Well);
    let _resumed = platform.rfe(&["schedule", "resume", "busy"]).await.ok();
    let run = platform.ended_run(&waiting.firing_id).await;
    assert_eq!((run.state(), run.scheduled_time), (RunState::Succeeded, waiting.scheduled_time));
    assert_one_after_the_other(platform.runs("busy").await);
}

#[tokio::test]
async fn by_buffer_all_every_instant_has_its_run_one_after_the_other_also_after_a_kill() {
    let api = MockApi::start(3).await;
    let mut platform = Platform::start().await;
    api.be(Mood::Stuck);
    platform.apply(&busy(&api, "buffer_all")).await;
    let _waiting = when(&platform, "three wait", |firings| count(firings, "buffered") >= 3).await;
    // One more by hand, among them.
    let by_hand = platform.submit("busy").await;
    platform.kill_nine();
    platform.restart().await;
    let waiting = when(&platform, "more wait", |firings| count(firings, "buffered") >= 5).await;
    // What came while nothing ran is missed by policy; nothing is skipped.
    let waiting: Vec<Firing> = waiting.into_iter().filter(|firing| firing.outcome != "missed").collect();
    assert_eq!(count(&waiting, "submitted") + count(&waiting, "buffered"), waiting.len(), "{waiting:?}");
    api.be(Mood::Well);
    for firing in waiting.iter().rev() {
        let run = until("the instant's run", || platform.run(&firing.firing_id)).await;
        assert_eq!(run.scheduled_time, firing.scheduled_time);
        assert_eq!(platform.ended_run(&firing.firing_id).await.state(), RunState::Succeeded);
    }
    assert_eq!(platform.ended_run(&by_hand).await.state(), RunState::Succeeded);
    pause(&platform).await;
    let runs = platform.runs("busy").await;
    let mut order: Vec<_> =
        runs.iter().filter(|run| run.started_time.is_some() && run.scheduled_time.is_some()).collect();
    order.sort_by_key(|run| span(run));
    let instants: Vec<i64> =
        order.iter().filter_map(|run| run.scheduled_time).map(|instant| instant.seconds).collect();
    assert!(instants.is_sorted(), "in the order of their instants: {instants:?}");
    assert_one_after_the_other(runs);
    let last = firings(&platform, "busy").await;
    assert!(
        last.iter()
            .filter(|firing| firing.outcome == "submitted")
            .all(|firing| firing.job_id == firing.firing_id)
    );
}

#[tokio::test]
async fn after_a_downtime_instants_follow_the_misfire_policy() {
    let mut platform = Platform::start().await;
    platform.write("t.csv", "id\n1\n");
    let source = |name: &str| {
        format!(
            "- {{name: by_{name}, kind: csv, config: {{location: t.csv}}, schedule: {{every: 1s, misfire: {name}}}}}\n"
        )
    };
    let policies = ["skip", "latest", "all"];
    platform.apply(&format!("version: 1\nsources:\n{}", policies.map(source).concat())).await;
    until("all have fired", || async {
        let all = futures::future::join_all(policies.map(|name| {
            let (platform, name) = (&platform, format!("by_{name}"));
            async move { firings(platform, &name).await.len() }
        }));
        all.await.into_iter().all(|fired| fired > 0).then_some(())
    })
    .await;
    platform.stop().await;
    let from = jiff::Timestamp::now().as_second() + 1;
    let down = Instant::now();
    until("instants pass", || async { (down.elapsed().as_secs() >= 5).then_some(()) }).await;
    // The newest instant before the start is a little late, and no more.
    let until_instant = jiff::Timestamp::now().as_second() - 1;
    platform.restart().await;
    let expected = (from..until_instant).count();
    let of_the_downtime = |name: &str| {
        let (platform, name) = (&platform, format!("by_{name}"));
        async move {
            let all = firings(platform, &name).await;
            let went_on = all
                .iter()
                .filter_map(|firing| firing.scheduled_time)
                .any(|at| at.seconds > until_instant + 3);
            let down = all.into_iter().filter(|firing| {
                firing.scheduled_time.is_some_and(|at| (from..until_instant).contains(&at.seconds))
            });
            let mut outcomes: HashMap<String, usize> = HashMap::new();
            for firing in down {
                *outcomes.entry(firing.outcome).or_default() += 1;
            }
            went_on.then_some(outcomes)
        }
    };
    for name in ["skip", "latest"] {
        let outcomes = until("it goes on", || of_the_downtime(name)).await;
        assert_eq!(outcomes, HashMap::from([("missed".to_owned(), expected)]), "{name}");
    }
    until("all are made up for", || async {
        let outcomes = of_the_downtime("all").await?;
        (outcomes == HashMap::from([("submitted".to_owned(), expected)])).then_some(())
    })
    .await;
    assert_one_after_the_other(platform.runs("by_all").await);
    let made_up = platform.runs("by_all").await;
    let made_up = made_up.iter().filter_map(|run| run.scheduled_time);
    assert_eq!(made_up.filter(|at| (from..until_instant).contains(&at.seconds)).count(), expected);
}
