//! Events in calls of 500, from accepted to visible; and from one POST to SQL at low load.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use rfe_proto::ingest::{Event, SubmitEventsRequest};
use rfe_tests::Platform;

use crate::report::{Bar, figure, quantile};

const CALLS: usize = 600;
const EVENTS_A_CALL: usize = 500;
const AT_ONCE: usize = 4;
const POSTS: usize = 15;

pub async fn run() {
    let platform = Arc::new(crate::platform().await);
    platform
        .apply("version: 1\nsources:\n- {name: bulk, kind: webhook}\n- {name: single, kind: webhook}\n")
        .await;
    throughput(&platform, "events in calls of 500, accepted and visible", 20_000.0).await;
    latency(&platform).await;
}

/// How many events a second are visible in SQL, from the first call on.
pub async fn throughput(platform: &Arc<Platform>, name: &str, least: f64) {
    let next = Arc::new(AtomicUsize::new(0));
    let begun = Instant::now();
    let senders: Vec<_> = (0..AT_ONCE).map(|_| tokio::spawn(send(platform.clone(), next.clone()))).collect();
    for sender in senders {
        sender.await.expect("a sender does not fail");
    }
    let accepted = begun.elapsed().as_secs_f64();
    let events = CALLS * EVENTS_A_CALL;
    while platform.value("SELECT count(*) FROM bulk").await != events.to_string() {
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(
            begun.elapsed() < Duration::from_secs(180),
            "{events} events are not visible after 3 minutes"
        );
    }
    let visible = begun.elapsed().as_secs_f64();
    figure(name, events as f64 / visible, "/s", Bar::AtLeast(least));
    println!(
        "  {events} events: accepted at {:.0} /s, all visible {:.2} s after the last OK",
        events as f64 / accepted,
        visible - accepted
    );
}

async fn send(platform: Arc<Platform>, next: Arc<AtomicUsize>) {
    let mut service = platform.ingest_service();
    loop {
        let call = next.fetch_add(1, Ordering::AcqRel);
        if call >= CALLS {
            return;
        }
        let event = |number: usize| {
            Event {
            event_id: format!("{call}-{number}"),
            payload: format!(r#"{{"call":{call},"number":{number},"name":"customer {number}","amount":{number}.25,"ok":true}}"#).into_bytes(),
            ..Default::default()
        }
        };
        let events = (0..EVENTS_A_CALL).map(event).collect();
        service
            .submit_events(SubmitEventsRequest { source: "bulk".to_owned(), events })
            .await
            .expect("the call is accepted");
    }
}

async fn latency(platform: &Platform) {
    let mut seconds = Vec::new();
    for number in 0..POSTS {
        let begun = Instant::now();
        let reply = platform.webhook("single").header("ce-id", &number.to_string()).json(r#"{"a": 1}"#).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        let sql = format!("SELECT count(*) FROM single WHERE _event_id = '{number}'");
        while platform.value(&sql).await != "1" {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        seconds.push(begun.elapsed().as_secs_f64());
    }
    seconds.sort_by(f64::total_cmp);
    figure(
        "one POST until SQL shows it, at low load, slowest",
        quantile(&seconds, 1.0),
        "s",
        Bar::AtMost(3.0),
    );
    println!("  p50 {:.2} s of {POSTS}", quantile(&seconds, 0.5));
}
