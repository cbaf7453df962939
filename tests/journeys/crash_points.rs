//! The process aborts after every step of the commit in turn. What a restart then shows is what a run without faults shows.

use futures::{StreamExt as _, stream};
use rfe_proto::{ingest::GetQueueStatsRequest, metadata::RunState};
use rfe_tests::{MockApi, Platform, Role, Settings, fixture::files_below, until};

const SOURCES: &str = "version: 1\nsources:\n- {name: lines, kind: csv, config: {location: lines.csv}}\n\
    - {name: absent, kind: csv, config: {location: absent.csv}}\n\
    - {name: hooks, kind: webhook, columns: {n: BIGINT}}\n\
    - {name: paged, kind: rest, config: {url: \"API/customers\", records: /data, \
    pagination: {kind: page, page_param: page, limit_param: limit, limit: 10}}}\n";
const GOOD_EVENTS: usize = 25;
const TABLES: &str = "SELECT (SELECT count(*) FROM hooks), (SELECT count(DISTINCT _event_id) FROM hooks), \
    (SELECT sum(n) FROM hooks), (SELECT count(*) FROM raw.hooks), (SELECT count(*) FROM lines), \
    (SELECT count(DISTINCT _run_id) FROM lines), (SELECT count(*) FROM paged), \
    (SELECT count(DISTINCT id) FROM paged), (SELECT string_agg(letter, ', ' ORDER BY letter) FROM \
    (SELECT source_name || ' ' || kind || ' ' || state AS letter FROM meta.ingestion_failures WHERE kind <> 'attempt'))";
const WITHOUT_FAULTS: &str = "25|25|300|25|3|1|45|45|absent job open, hooks record open, lines record open";

#[tokio::test]
async fn a_crash_after_any_step_leaves_the_tables_as_without_faults() {
    assert_eq!(crashed_at(None).await, WITHOUT_FAULTS);
    let wrong: Vec<String> = stream::iter(rfe_worker::STEPS)
        .map(|step| async move { (step, crashed_at(Some(step)).await) })
        .buffer_unordered(3)
        .filter_map(|(step, seen)| async move { (seen != WITHOUT_FAULTS).then(|| format!("{step}: {seen}")) })
        .collect()
        .await;
    assert!(wrong.is_empty(), "expected {WITHOUT_FAULTS}, saw\n{}", wrong.join("\n"));
}

/// What the tables hold after a pull job and a batch of events both met this crash point, and a restart each.
async fn crashed_at(step: Option<&'static str>) -> String {
    let mut platform = Platform::start().await;
    let api = MockApi::start(45).await;
    platform.write("lines.csv", "id,name\n1,a\n2,b,surplus\n3,c\n4,d\n");
    platform.apply(&SOURCES.replace("API", &api.url)).await;

    let fails = step.is_some_and(|step| step.ends_with("_fail"));
    // Only readers that can go on where they died make checkpoints.
    let saves = step.is_some_and(|step| step.ends_with("_checkpoint"));
    let [crashing, others @ ..] = match (fails, saves) {
        (true, _) => ["absent", "lines", "paged"],
        (_, true) => ["paged", "lines", "absent"],
        _ => ["lines", "paged", "absent"],
    };
    arm(&mut platform, step).await;
    let run_id = platform.submit(crashing).await;
    recover(&mut platform, step).await;
    let expected = if fails { RunState::Failed } else { RunState::Succeeded };
    assert_eq!(platform.ended_run(&run_id).await.state(), expected, "{step:?}");
    for other in others {
        let _other = platform.pull(other).await;
    }

    let step = step.filter(|_| !fails && !saves);
    arm(&mut platform, step).await;
    let mut payloads: Vec<String> = (0..GOOD_EVENTS).map(|n| format!("{{\"n\": {n}}}")).collect();
    payloads.push("{\"n\": \"bad\"}".to_owned());
    let sent = platform.send_events("hooks", "e", &payloads).await;
    assert!(sent.is_ok(), "{step:?}: {sent:?}");
    recover(&mut platform, step).await;
    landed(&platform).await;
    // Whatever is delivered again must not land again.
    let again = platform.send_events("hooks", "e", &payloads).await.expect("duplicates are no error");
    assert_eq!(again.len(), payloads.len());
    landed(&platform).await;
    let halves = platform.data().join("lake/.tmp");
    until(&format!("{step:?}: no half a file is left"), || async {
        files_below(&halves, "").is_empty().then_some(())
    })
    .await;
    platform.value(TABLES).await
}

async fn landed(platform: &Platform) {
    until("the queue is empty", || async {
        let stats = platform.ingest_service().get_queue_stats(GetQueueStatsRequest::default()).await;
        let total = stats.expect("there are counts").into_inner().total.unwrap_or_default();
        (total.events == 0 && total.queued_jobs + total.running_jobs + total.delayed_jobs == 0).then_some(())
    })
    .await;
}

async fn arm(platform: &mut Platform, step: Option<&str>) {
    if let Some(step) = step {
        platform.stop_role(Role::Worker, 0).await;
        platform.settings = Settings::default().with("RFE_CRASH_POINT", step);
        platform.start_role(Role::Worker, 0).await;
    }
}

async fn recover(platform: &mut Platform, step: Option<&str>) {
    if let Some(step) = step {
        let status = platform.await_crash(Role::Worker, 0).await;
        assert!(!status.success(), "{step}: the process aborts, {status}");
        platform.settings = Settings::default();
        platform.start_role(Role::Worker, 0).await;
    }
}
