//! A run goes on where an attempt of it died, and asks the API for each page once.

use rfe_proto::metadata::RunState;
use rfe_tests::{MockApi, Platform, grpc::assert_counts, mock_api::Mood, until};

const CUSTOMERS: usize = 250;
const DIES_AT: usize = 15;

async fn platform_with(api: &MockApi) -> Platform {
    let platform = Platform::start().await;
    let yaml = format!(
        "version: 1\nsources:\n  - name: customers\n    kind: rest\n    config:\n      url: {}/customers\n      \
         records: /data\n      pagination: {{kind: page, page_param: page, limit_param: limit, limit: 10}}\n    \
         retry: {{attempts: 50, base: 50ms, cap: 100ms}}\n",
        api.url
    );
    platform.apply(&yaml).await;
    platform
}

fn times(api: &MockApi, page: usize) -> usize {
    api.calls().iter().filter(|call| **call == format!("page={page}&limit=10")).count()
}

async fn lands_whole(platform: &Platform, run_id: &str) {
    let run = platform.ended_run(run_id).await;
    assert_eq!(run.state(), RunState::Succeeded, "{run:?}");
    let rows = i64::try_from(CUSTOMERS).expect("few");
    assert_counts(&run, [rows, rows, 0, 0]);
    for table in ["main", "raw"] {
        let counted = format!("SELECT count(*), count(DISTINCT _run_id) FROM {table}.customers");
        assert_eq!(platform.value(&counted).await, format!("{CUSTOMERS}|1"));
    }
    assert_eq!(platform.value("SELECT count(DISTINCT id) FROM customers").await, CUSTOMERS.to_string());
    until("the checkpoints of the run are deleted", || async {
        let objects = platform.objects().await;
        (!objects.iter().any(|name| name.contains("/checkpoints/"))).then_some(())
    })
    .await;
}

#[tokio::test]
async fn after_kill_nine_at_most_a_page_or_two_is_asked_for_again() {
    let api = MockApi::start(CUSTOMERS).await;
    let mut platform = platform_with(&api).await;
    api.be(Mood::StuckFrom(DIES_AT));
    let run_id = platform.submit("customers").await;
    let read = i64::try_from((DIES_AT - 1) * 10).expect("few");
    until("the run is in the middle", || async {
        platform.run(&run_id).await.filter(|run| run.counters.unwrap_or_default().read == read)
    })
    .await;
    platform.kill_nine();
    api.be(Mood::Well);
    platform.restart().await;
    lands_whole(&platform, &run_id).await;
    for page in 1..=DIES_AT - 3 {
        assert_eq!(times(&api, page), 1, "page {page}: {:?}", api.calls());
    }
}
