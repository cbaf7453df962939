//! Durable enqueue of webhooks through edge, ingest and Redis, beside a handler that does one RPUSH to the same Redis. Both are driven by
//! `wrk`; in turn, so that a change of the machine meets both.

mod handler;
mod script;
mod wrk;

use rfe_proto::ingest::PauseSourceRequest;
use rfe_test_servers::Redis;
use rfe_tests::Platform;

use self::{handler::Handler, wrk::Load};
use crate::{
    ground::mesh,
    report::{Bar, beside, figure, quantile},
    scale::Scale,
};

/// What the edge has to reach of the handler's rate.
const TIMES_THE_HANDLER: f64 = 1.5;
const P99_MILLISECONDS: f64 = 30.0;

pub async fn run(scale: &Scale) {
    let settings =
        crate::settings().with("RFE_QUEUE_MAX_JOBS", "100000000").with("RFE_QUEUE_MAX_BYTES", "100000000000");
    let mut platform = Platform::prepare_on(mesh().await, settings);
    platform.restart().await;
    platform.apply("version: 1\nsources:\n- {name: load, kind: webhook}\n").await;
    // What is measured is acceptance alone, as with the handler.
    let pause = PauseSourceRequest { source: "load".to_owned() };
    platform.ingest_service().pause_source(pause).await.expect("it is paused");
    let redis = Redis::shared();
    let edge = format!("{}/webhooks/load", platform.http_url());
    let handler = Handler::start(redis).await;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    wrk::run(&edge, wrk::WARM_UP).await;
    for _ in 0..scale.times {
        theirs.push(wrk::run(&handler.url(), wrk::MEASURED).await);
        ours.push(wrk::run(&edge, wrk::MEASURED).await);
    }
    let rate = median(&ours, |load| load.rate);
    let bare = median(&theirs, |load| load.rate);
    figure(
        "webhooks of 1 KiB, 64 connections, edge to Redis",
        rate / bare,
        "x",
        Bar::AtLeast(TIMES_THE_HANDLER),
    );
    println!("  rfe {rate:.0} /s, a handler of FastAPI with one RPUSH, 2 workers, {bare:.0} /s");
    figure("  p99", median(&ours, |load| load.p99), "ms", Bar::AtMost(P99_MILLISECONDS));
    println!(
        "  p50 {:.2} ms; the handler p50 {:.2} ms, p99 {:.2} ms",
        median(&ours, |load| load.p50),
        median(&theirs, |load| load.p50),
        median(&theirs, |load| load.p99)
    );
    for events in [1, 16] {
        let alone = script::events_a_second(redis, events).await;
        let name = format!("  beside the script alone, {events} a call");
        beside(&name, rate, "/s", ("redis-benchmark, 64 clients", alone));
    }
    platform.stop().await;
}

fn median(loads: &[Load], of: impl Fn(&Load) -> f64) -> f64 {
    let mut values: Vec<f64> = loads.iter().map(of).collect();
    values.sort_by(f64::total_cmp);
    quantile(&values, 0.5)
}
