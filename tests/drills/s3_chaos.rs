//! S3 behaves badly: 503s, resets, slow bodies, an outage. It is our own backend, so nobody's work is to blame: no job reaches
//! the dead letters because of it.

use std::time::Duration;

use rfe_test_servers::{Outage, S3Faults, S3Weather};

use crate::{
    check::{self, Allowance},
    doors::Switchboard,
    form::Form,
    ground::{Kind, Site, hours, servers},
    load::{Load, Plan},
    tally::Tally,
};

const WEATHER: S3Weather = S3Weather { slow_down: 0.3, reset: 0.05, slow: 0.1 };
const PLAN: Plan =
    Plan { senders: 3, events_a_call: 40, pause_ms: 120, file_pause_ms: 400, bad: 0.01, again: 0.05 };

/// The drill.
pub async fn run(form: Form) -> Tally {
    let seconds = |short, long| Duration::from_secs(form.pick(short, long));
    let mut rng = form.rng("s3_chaos");
    let (_, minio) = servers().await;
    let proxy = S3Faults::start(minio.port(), rng.u64(..)).await;
    // Whoever waits for S3 still holds what it has written: longer than an outage, so that it is not collected meanwhile.
    let grace = form.pick(15, 120);
    let site = Site::new(Kind::Real)
        .await
        .with("MINIO_ENDPOINT", proxy.endpoint())
        .with("RFE_ORPHAN_HOURS", hours(grace))
        .with("RFE_COLLECT_SECONDS", "1");
    let platform = site.start().await;
    Load::declare(&platform).await;
    let (_board, doors) = Switchboard::new(&platform);

    proxy.set(WEATHER);
    let load = Load::start(form, "s3_chaos", PLAN, &platform, &doors);
    tokio::time::sleep(seconds(4, 60)).await;
    // The long form meets both kinds.
    let mut outages = vec![(Outage::Refused, seconds(6, 60)), (Outage::Hung, seconds(6, 60))];
    rng.shuffle(&mut outages);
    outages.truncate(form.pick(1, 2));
    for (kind, time) in &outages {
        proxy.fail(*kind);
        tokio::time::sleep(*time).await;
        proxy.heal();
        tokio::time::sleep(seconds(4, 60)).await;
    }
    let book = load.stop().await;
    // All of it lands while S3 is as bad as before; only what is checked is read in peace.
    let settled = check::settled(&platform, seconds(120, 600)).await;
    proxy.set(S3Weather::default());

    let allowance = Allowance {
        lost_workers: false,
        settled_within: seconds(60, 120),
        collected_within: Some(Duration::from_secs(2 * grace + 30)),
    };
    let mut tally = check::check(&platform, &site.store(&platform), &book, allowance).await;
    if let Err(left) = settled {
        tally.wrong(format!("in bad weather {left}"));
    }
    let counts = proxy.counts();
    let is_bad = counts.slowed_down > 0 && counts.resets > 0 && counts.slow > 0 && counts.outages > 0;
    tally.expect(is_bad, || format!("the weather was no drill: {counts:?}"));
    tally.notes.push(format!(
        "{} requests, {} answered 503, {} reset, {} slow, {outages:?}",
        counts.requests, counts.slowed_down, counts.resets, counts.slow
    ));
    tally.keep_log(&platform, "s3_chaos");
    tally
}
