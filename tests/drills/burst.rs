//! One source floods the queue; nine others go on with an event a second each. They take turns, so these wait for nobody.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures::{StreamExt as _, stream};
use rfe_proto::ingest::{Event, SubmitEventsRequest};
use rfe_tests::{Platform, Role};

use crate::{
    check,
    doors::{Door, Doors, Switchboard},
    form::Form,
    ground::{Kind, Site},
    tally::Tally,
};

const QUIET: usize = 9;
const CALLS_AT_ONCE: usize = 64;
const EVERY: Duration = Duration::from_secs(1);
/// From the acknowledgement to the lease.
const BAR_MS: f64 = 1_000.0;
const WORKERS: usize = 2;

/// The drill.
pub async fn run(form: Form) -> Tally {
    let jobs: usize = form.pick(8_000, 50_000);
    let site = Site::new(Kind::Mesh).await.scaled(Role::Worker, WORKERS);
    let platform = site.start().await;
    declare(&platform).await;
    let (_board, doors) = Switchboard::new(&platform);
    let stop = Arc::<AtomicBool>::default();
    let quiet: Vec<_> =
        (0..QUIET).map(|number| tokio::spawn(trickle(number, doors.clone(), stop.clone()))).collect();
    // They are at it before the burst begins.
    tokio::time::sleep(2 * EVERY).await;

    let mut tally = Tally::default();
    let begun = std::time::Instant::now();
    let door = doors.now();
    let calls = stream::iter(0..jobs).map(|number| submit(door.clone(), "flood".to_owned(), number));
    let refused: Vec<String> = calls
        .buffer_unordered(CALLS_AT_ONCE)
        .filter_map(|answer| async move { answer.err() })
        .collect()
        .await;
    let taken = begun.elapsed();
    tally.expect(refused.is_empty(), || format!("{} calls failed, such as {}", refused.len(), refused[0]));
    if let Err(left) = check::settled(&platform, Duration::from_secs(form.pick(120, 600))).await {
        tally.wrong(left);
    }
    let landed = begun.elapsed();
    stop.store(true, Ordering::Release);
    let mut trickled = 0;
    for sender in quiet {
        match sender.await.expect("a sender does not fail") {
            Ok(sent) => trickled += sent,
            Err(status) => tally.wrong(format!("a quiet source was refused: {status}")),
        }
    }
    if let Err(left) = check::settled(&platform, Duration::from_secs(60)).await {
        tally.wrong(left);
    }
    count(&mut tally, &platform, jobs, trickled).await;
    let waited: f64 = platform.value(&waited()).await.parse().expect("milliseconds");
    tally.expect(waited < BAR_MS, || format!("p95 of accepted to leased was {waited:.0} ms"));
    site.queue_is_exact(&mut tally).await;
    tally.notes.push(format!(
        "{jobs} jobs of one source taken in {taken:.1?}, landed after {landed:.1?}; {trickled} events of {QUIET} others, accepted to leased p95 {waited:.0} ms"
    ));
    tally.keep_log(&platform, "burst");
    tally
}

async fn declare(platform: &Platform) {
    let source = |name: String| format!("- {{name: {name}, kind: webhook, columns: {{n: BIGINT}}}}\n");
    let quiet: String = (0..QUIET).map(|number| source(format!("quiet_{number}"))).collect();
    platform.apply(&format!("version: 1\nsources:\n{}{quiet}", source("flood".to_owned()))).await;
}

/// An event a second until the drill is over; the answer is how many.
async fn trickle(source: usize, doors: Doors, stop: Arc<AtomicBool>) -> Result<usize, String> {
    let mut ticks = tokio::time::interval(EVERY);
    let mut sent = 0;
    while !stop.load(Ordering::Acquire) {
        ticks.tick().await;
        submit(doors.now(), format!("quiet_{source}"), sent).await?;
        sent += 1;
    }
    Ok(sent)
}

/// One event, which is one job.
async fn submit(door: Door, source: String, number: usize) -> Result<(), String> {
    let payload = format!(r#"{{"n": {number}}}"#).into_bytes();
    let event = Event { event_id: number.to_string(), payload, ..Default::default() };
    let request = SubmitEventsRequest { source, events: vec![event] };
    door.ingest().submit_events(request).await.map(drop).map_err(|status| status.to_string())
}

async fn count(tally: &mut Tally, platform: &Platform, jobs: usize, trickled: usize) {
    let quiet: Vec<String> =
        (0..QUIET).map(|number| format!("SELECT {number} AS source, n FROM quiet_{number}")).collect();
    for (what, rows, sent) in [
        ("flood", "SELECT 0 AS source, n FROM flood".to_owned(), jobs),
        ("quiet", quiet.join(" UNION ALL "), trickled),
    ] {
        let sql = format!("SELECT count(*), count(DISTINCT (source, n)) FROM ({rows})");
        let seen = platform.value(&sql).await;
        let (rows, distinct) = seen.split_once('|').expect("two columns");
        let number = |text: &str| text.parse::<u64>().expect("a number");
        let (rows, distinct) = (number(rows), number(distinct));
        tally.sent += sent as u64;
        tally.accepted += sent as u64;
        tally.visible += distinct;
        tally.lost += (sent as u64).saturating_sub(distinct);
        tally.duplicate += rows - distinct;
        tally.expect(seen == format!("{sent}|{sent}"), || format!("{what}: {seen} of {sent} are visible"));
    }
}

/// From an event's acceptance to its batch's first lease, of the quiet sources.
fn waited() -> String {
    let events: Vec<String> =
        (0..QUIET).map(|number| format!("SELECT _run_id, _received_at FROM quiet_{number}")).collect();
    format!(
        "SELECT quantile_cont((epoch_us(runs.started_at) - epoch_us(events._received_at)) / 1000.0, 0.95) \
         FROM ({}) AS events JOIN meta.ingestion_runs AS runs ON runs.run_id = events._run_id",
        events.join(" UNION ALL ")
    )
}
