//! Redis is killed and started again ten times under load: once from an old copy of its log, and once it forgets all while it runs.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use rfe_test_servers::Redis;
use rfe_tests::{Platform, Role};

use crate::{
    check::{self, Allowance},
    doors::Switchboard,
    form::Form,
    ground::{Kind, Site},
    load::{Load, Plan},
    tally::Tally,
};

const PLAN: Plan =
    Plan { senders: 4, events_a_call: 40, pause_ms: 60, file_pause_ms: 400, bad: 0.005, again: 0.05 };
const DEATHS: u32 = 10;
/// Before these deaths a copy is made, which takes the place of its log after them.
const OLD_COPY: [u32; 1] = [4];
/// Before these it forgets all.
const FLUSHES: [u32; 1] = [7];
/// Every so many deaths it is away for longer than a call waits for it.
const LONG_EVERY: u32 = 3;
/// How long the platform may take to have sent everything again.
const TOLD_WITHIN: Duration = Duration::from_secs(120);
const PAUSE: Duration = Duration::from_millis(50);

/// The drill.
pub async fn run(form: Form) -> Tally {
    let mut rng = form.rng("redis_restarts");
    // One of its own: it dies.
    let redis = Arc::new(blocking(Redis::start).await);
    let site = Site::new(Kind::Real).await.with("RFE_REDIS_URL", redis.url()).with("RFE_LEASE_SECONDS", "3");
    let platform = site.start().await;
    Load::declare(&platform).await;
    let (_board, doors) = Switchboard::new(&platform);
    let mut tally = Tally::default();

    let load = Load::start(form, "redis_restarts", PLAN, &platform, &doors);
    let begun = Instant::now();
    for death in 1..=DEATHS {
        tokio::time::sleep(Duration::from_millis(rng.u64(500..form.pick(1500, 15_000)))).await;
        if FLUSHES.contains(&death) {
            tally.expect(redis.cli(&["FLUSHALL"]) == "OK", || "FLUSHALL was refused".to_owned());
            tokio::time::sleep(Duration::from_millis(rng.u64(0..1500))).await;
        }
        let is_old = OLD_COPY.contains(&death);
        // A short one is waited for, a long one is not: then the spool accepts alone.
        let is_long = death % LONG_EVERY == 0;
        let (least, most) = if is_long { (3_000, form.pick(4_000, 10_000)) } else { (0, 1_500) };
        let down = Duration::from_millis(rng.u64(least..most));
        let copied_before = Duration::from_millis(rng.u64(500..1500));
        let before = incarnation(&platform);
        let server = redis.clone();
        let die = move || {
            let copied = is_old.then(|| {
                let copied = server.copy_data();
                std::thread::sleep(copied_before);
                copied
            });
            server.stop_hard();
            if let Some(copied) = copied {
                server.put_back(&copied);
            }
            std::thread::sleep(down);
            server.start_again();
        };
        blocking(die).await;
        if death == DEATHS
            && let Err(left) = told_again(&platform, before.as_deref()).await
        {
            tally.wrong(left);
        }
    }
    let lasted = begun.elapsed();
    let book = load.stop().await;
    let sent_again = metric(&platform, "rfe_spool_resent_total").await;
    let kept = metric(&platform, "rfe_spool_kept_total").await;
    if let Err(left) = nothing_waits(&platform).await {
        tally.wrong(left);
    }

    let allowance = Allowance {
        lost_workers: false,
        settled_within: Duration::from_secs(form.pick(120, 300)),
        collected_within: None,
    };
    tally.add(check::check(&platform, &site.store(&platform), &book, allowance).await);
    for name in ["rfe_spool_damaged_total", "rfe_spool_write_errors_total"] {
        let number = metric(&platform, name).await;
        tally.expect(number == Some(0), || format!("{name} is {number:?}"));
    }
    tally
        .expect(kept.is_some_and(|kept| kept > 0), || "nothing was accepted while Redis was away".to_owned());
    tally.notes.push(format!(
        "{DEATHS} deaths, {} from an old copy, {} FLUSHALL in {lasted:?}; {} calls kept, {} sent again",
        OLD_COPY.len(),
        FLUSHES.len(),
        kept.unwrap_or_default(),
        sent_again.unwrap_or_default()
    ));
    tally.keep_log(&platform, "redis_restarts");
    tally
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.expect("Redis starts")
}

// What the platform notes once it has sent everything to the Redis that it met.
fn incarnation(platform: &Platform) -> Option<String> {
    std::fs::read_to_string(platform.data().join("spool/incarnation")).ok()
}

async fn told_again(platform: &Platform, before: Option<&str>) -> Result<(), String> {
    let begun = Instant::now();
    while incarnation(platform).as_deref() == before {
        if begun.elapsed() > TOLD_WITHIN {
            return Err(format!("what the spool keeps was not sent again within {TOLD_WITHIN:?}"));
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(())
}

async fn nothing_waits(platform: &Platform) -> Result<(), String> {
    let begun = Instant::now();
    // The gauge is shown once a second; twice the same is no moment between two rounds.
    let mut seen = 0;
    while seen < 2 {
        let waiting = metric(platform, "rfe_spool_waiting").await;
        seen = if waiting == Some(0) { seen + 1 } else { 0 };
        if begun.elapsed() > TOLD_WITHIN {
            return Err(format!("{waiting:?} calls wait in the spool after {TOLD_WITHIN:?}"));
        }
        tokio::time::sleep(Duration::from_millis(1100)).await;
    }
    Ok(())
}

async fn metric(platform: &Platform, name: &str) -> Option<u64> {
    let reply = platform.page(Role::Ingest, "/metrics").await;
    let line = reply.text.lines().find(|line| line.split(' ').next() == Some(name))?;
    line.split(' ').nth(1)?.parse().ok()
}
