//! What only a mesh shows: one process of it dies, or there are several of a role.

use std::collections::BTreeSet;

use rfe_proto::{ingest::GetQueueStatsRequest, metadata::RunState};
use rfe_tests::{MockApi, Platform, Role, Settings, mock_api::Mood, until};

const PAGED: &str = "version: 1\nsources:\n- {name: paged, kind: rest, config: {url: \"API/customers\", records: /data, \
    pagination: {kind: page, page_param: page, limit_param: limit, limit: 10}}}\n";

#[tokio::test]
async fn the_work_of_a_worker_that_dies_is_done_by_another() {
    let api = MockApi::start(45).await;
    let mut platform = Settings::default().scaled(Role::Worker, 2).start().await;
    platform.apply(&PAGED.replace("API", &api.url)).await;
    api.be(Mood::StuckFrom(3));
    let run_id = platform.submit("paged").await;
    until("a worker is in the middle of the run", || async { (api.calls().len() >= 3).then_some(()) }).await;
    // Whichever has it, it dies; the other one goes on or comes back.
    platform.kill_role(Role::Worker, 0);
    api.be(Mood::Well);
    let run = platform.ended_run(&run_id).await;
    assert_eq!(run.state(), RunState::Succeeded, "{run:?}");
    assert_eq!(platform.value("SELECT count(*), count(DISTINCT id) FROM paged").await, "45|45");
    platform.start_role(Role::Worker, 0).await;
}

#[tokio::test]
async fn several_processes_of_each_role_are_one_platform() {
    let settings = Role::ALL.into_iter().fold(Settings::default(), |settings, role| settings.scaled(role, 2));
    let platform = settings.start().await;
    platform.write("t.csv", "id\n1\n2\n");
    platform.apply("version: 1\nsources:\n- {name: t, kind: csv, config: {location: t.csv}, schedule: {every: 1s}}\n").await;
    let edges: Vec<String> = (0..2).map(|edge| platform.address_of(Role::Edge, edge)).collect();
    for number in 0..20 {
        let url = format!("http://{}/webhooks/hooks", edges[number % 2]);
        // Each id comes twice, once by each edge.
        let request = reqwest::Client::new().post(url).header("ce-id", (number / 2).to_string());
        let sent = request.header("content-type", "application/json").body("{\"a\": 1}").send().await;
        assert_eq!(sent.expect("the edge answers").status().as_u16(), 200);
    }
    platform.shows("SELECT count(*), count(DISTINCT _event_id) FROM hooks", &["10|10"]).await;
    let runs = until("the schedule has fired three times", || async {
        let mut runs = platform.runs("t").await;
        runs.retain(|run| run.scheduled_time.is_some());
        (runs.len() >= 3).then_some(runs)
    })
    .await;
    let instants: BTreeSet<i64> =
        runs.iter().filter_map(|run| run.scheduled_time).map(|at| at.seconds).collect();
    assert_eq!(instants.len(), runs.len(), "two schedulers fire an instant once: {runs:?}");
    assert_eq!(platform.value("SELECT count(*) FROM t").await, "2");
}

#[tokio::test]
async fn while_one_role_is_dead_the_others_do_what_they_can() {
    let mut platform = Platform::start().await;
    platform.apply("version: 1\nsources:\n- {name: hooks, kind: webhook}\n").await;
    assert_eq!(platform.webhook("hooks").json("{\"n\": 1}").await.status, 200);
    platform.shows("SELECT n FROM hooks", &["1"]).await;

    platform.kill_role(Role::Query, 0);
    assert_eq!(platform.webhook("hooks").json("{\"n\": 2}").await.status, 200);
    platform.start_role(Role::Query, 0).await;
    platform.shows("SELECT n FROM hooks ORDER BY n", &["1", "2"]).await;

    until("the queue is empty", || async { (events_in_queue(&platform).await == 0).then_some(()) }).await;
    platform.kill_role(Role::Worker, 0);
    assert_eq!(platform.webhook("hooks").json("{\"n\": 3}").await.status, 200);
    assert_eq!(events_in_queue(&platform).await, 1, "it waits");
    assert_eq!(platform.value("SELECT count(*) FROM hooks").await, "2", "queries go on");
    platform.start_role(Role::Worker, 0).await;
    platform.shows("SELECT n FROM hooks ORDER BY n", &["1", "2", "3"]).await;
}

async fn events_in_queue(platform: &Platform) -> i64 {
    let stats = platform.ingest_service().get_queue_stats(GetQueueStatsRequest::default()).await;
    stats.expect("there are counts").into_inner().total.unwrap_or_default().events
}
