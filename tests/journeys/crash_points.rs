//! The process aborts after every step of the commit in turn. What a restart then shows is what a run without faults shows.

use futures::{StreamExt as _, stream};
use rfe_tests::{Platform, Settings};

const EVENTS: usize = 25;
const WITHOUT_FAULTS: &str = "25|25|300|3|1|1";
const TABLES: &str = "SELECT (SELECT count(*) FROM hooks), (SELECT count(DISTINCT _event_id) FROM hooks), \
    (SELECT sum(n) FROM hooks), (SELECT count(*) FROM lines), (SELECT count(DISTINCT _run_id) FROM lines), \
    (SELECT count(*) FROM meta.ingestion_failures WHERE kind = 'record' AND source_name = 'lines' AND state = 'open')";

#[tokio::test]
async fn a_crash_after_any_step_leaves_the_table_as_without_faults() {
    let expected = crashed_at(None).await;
    assert_eq!(expected, WITHOUT_FAULTS);
    let wrong: Vec<String> = stream::iter(rfe_worker::STEPS)
        .map(|step| async move { (step, crashed_at(Some(step)).await) })
        .buffer_unordered(3)
        .filter_map(|(step, seen)| async move { (seen != WITHOUT_FAULTS).then(|| format!("{step}: {seen}")) })
        .collect()
        .await;
    assert!(wrong.is_empty(), "expected {WITHOUT_FAULTS}, saw\n{}", wrong.join("\n"));
}

/// What the tables hold after a pull job and a batch of events both met this crash point, and a restart.
async fn crashed_at(step: Option<&str>) -> String {
    let mut platform = Platform::start().await;
    platform.write("lines.csv", "id,name\n1,a\n2,b,surplus\n3,c\n4,d\n");
    platform
        .apply("version: 1\nsources:\n- {name: lines, kind: csv, config: {location: lines.csv}}\n- {name: hooks, kind: webhook}\n")
        .await;
    platform.stop().await;

    restart_with(&mut platform, step).await;
    let run_id = platform.submit("lines").await;
    after_the_crash(&mut platform, step).await;
    let _ended = platform.ended_run(&run_id).await;
    platform.stop().await;

    restart_with(&mut platform, step).await;
    let payloads: Vec<String> = (0..EVENTS).map(|n| format!("{{\"n\": {n}}}")).collect();
    let sent = platform.send_events("hooks", "e", &payloads).await;
    assert!(sent.is_ok(), "{sent:?}");
    after_the_crash(&mut platform, step).await;
    platform.shows("SELECT count(*) >= 25 FROM hooks", &["true"]).await;
    // Whatever is redelivered late shows as a duplicate, which must not land.
    let again = platform.send_events("hooks", "e", &payloads).await.expect("duplicates are no error");
    assert_eq!(again.len(), EVENTS);
    let marker = platform.send_events("after", "m", &["{}".to_owned()]).await;
    assert!(marker.is_err(), "an unknown source takes no events");
    platform.value(TABLES).await
}

async fn restart_with(platform: &mut Platform, step: Option<&str>) {
    platform.settings = match step {
        Some(step) => Settings::default().with("RFE_CRASH_POINT", step),
        None => Settings::default(),
    };
    platform.restart().await;
}

async fn after_the_crash(platform: &mut Platform, step: Option<&str>) {
    if let Some(step) = step {
        let status = platform.await_end().await;
        assert!(!status.success(), "{step}: the process aborts, {status}");
        platform.settings = Settings::default();
        platform.restart().await;
    }
}
