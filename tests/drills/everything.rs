//! All at once: S3 behaves badly and is away now and then, Postgres dies and loses replies to COMMIT, Redis dies, and of the mesh a
//! process is killed every few seconds.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use fastrand::Rng;
use rfe_test_servers::{Outage, Postgres, PostgresProxy, Redis, S3Faults, S3Weather};
use rfe_tests::{Platform, Role};

use crate::{
    check::{self, Allowance},
    doors::Switchboard,
    form::Form,
    ground::{Kind, Site, hours, servers},
    load::{Load, Plan},
    tally::Tally,
};

const WEATHER: S3Weather = S3Weather { slow_down: 0.15, reset: 0.03, slow: 0.05 };
const PLAN: Plan =
    Plan { senders: 3, events_a_call: 40, pause_ms: 150, file_pause_ms: 500, bad: 0.01, again: 0.05 };
/// Of so many COMMITs the reply is lost.
const LOST_SHARE: f64 = 0.1;
const WORKERS: usize = 2;

/// What went wrong, how often.
#[derive(Debug, Default)]
struct Faults {
    kills: u32,
    postgres: u32,
    redis: u32,
    s3: u32,
}

/// The drill.
pub async fn run(form: Form) -> Tally {
    let mut rng = form.rng("everything");
    let time = Duration::from_secs(form.pick(25, 300));
    let (_, minio) = servers().await;
    let start = || (Arc::new(Postgres::start()), Arc::new(Redis::start()));
    let (postgres, redis) = tokio::task::spawn_blocking(start).await.expect("Postgres and Redis start");
    let s3 = S3Faults::start(minio.port(), rng.u64(..)).await;
    let proxy = PostgresProxy::start(postgres.port(), rng.u64(..)).await;
    // Longer than an outage: who waits for it still holds what it has written.
    let grace = form.pick(20, 60);
    let site = Site::new(Kind::Mesh)
        .await
        .with("RFE_POSTGRES_URL", proxy.url(&postgres.database().await))
        .with("MINIO_ENDPOINT", s3.endpoint())
        .with("RFE_REDIS_URL", redis.url())
        .with("MAX_JOB_ATTEMPTS", "50")
        .with("RFE_ORPHAN_HOURS", hours(grace))
        .with("RFE_COLLECT_SECONDS", "1")
        .scaled(Role::Worker, WORKERS);
    let mut platform = site.start().await;
    Load::declare(&platform).await;
    let (_board, doors) = Switchboard::new(&platform);

    s3.set(WEATHER);
    proxy.lose_commits(u32::MAX, LOST_SHARE);
    let load = Load::start(form, "everything", PLAN, &platform, &doors);
    let until = Instant::now() + time;
    let dying = [form.rng("postgres"), form.rng("redis")];
    let [postgres_rng, redis_rng] = dying;
    let postgres_dies = tokio::spawn(die(until, postgres_rng, {
        let postgres = postgres.clone();
        move |down| {
            postgres.stop_hard();
            std::thread::sleep(down);
            postgres.start_again();
        }
    }));
    let redis_dies = tokio::spawn(die(until, redis_rng, {
        let redis = redis.clone();
        move |down| {
            redis.stop_hard();
            std::thread::sleep(down);
            redis.start_again();
        }
    }));
    let mut faults = Faults::default();
    let (kills, outages) = tokio::join!(
        kill(&mut platform, until, form.rng("everything kills")),
        storm(&s3, until, form.rng("everything s3"))
    );
    faults.kills = kills;
    faults.s3 = outages;
    faults.postgres = postgres_dies.await.expect("Postgres starts again");
    faults.redis = redis_dies.await.expect("Redis starts again");
    let book = load.stop().await;
    proxy.heal();
    s3.set(S3Weather::default());

    let allowance = Allowance {
        lost_workers: true,
        settled_within: Duration::from_secs(form.pick(180, 300)),
        collected_within: Some(Duration::from_secs(3 * grace + 30)),
    };
    let mut tally = check::check(&platform, &site.store(&platform), &book, allowance).await;
    site.queue_is_exact(&mut tally).await;
    tally.expect(faults.kills > 0 && faults.postgres > 0 && faults.redis > 0, || {
        format!("it was no drill: {faults:?}")
    });
    tally.notes.push(format!("{faults:?} in {time:?}, {} replies to COMMIT lost", proxy.lost()));
    tally.keep_log(&platform, "everything");
    tally
}

/// A server dies again and again, each time for up to three seconds; the answer is how often.
async fn die(until: Instant, mut rng: Rng, death: impl Fn(Duration) + Clone + Send + 'static) -> u32 {
    let mut deaths = 0;
    loop {
        tokio::time::sleep(Duration::from_millis(rng.u64(4_000..12_000))).await;
        if Instant::now() >= until {
            return deaths;
        }
        let (death, down) = (death.clone(), Duration::from_millis(rng.u64(200..3_000)));
        tokio::task::spawn_blocking(move || death(down)).await.expect("the server starts again");
        deaths += 1;
    }
}

/// Kills processes of any role; the answer is how many.
async fn kill(platform: &mut Platform, until: Instant, mut rng: Rng) -> u32 {
    let mut kills = 0;
    loop {
        tokio::time::sleep(Duration::from_millis(rng.u64(1_500..4_000))).await;
        if Instant::now() >= until {
            return kills;
        }
        let role = Role::ALL[rng.usize(..Role::ALL.len())];
        let replica = rng.usize(..platform.replicas(role));
        platform.kill_role(role, replica);
        platform.start_role(role, replica).await;
        kills += 1;
    }
}

/// S3 is away now and then; the answer is how often.
async fn storm(s3: &S3Faults, until: Instant, mut rng: Rng) -> u32 {
    let mut outages = 0;
    loop {
        tokio::time::sleep(Duration::from_millis(rng.u64(5_000..15_000))).await;
        if Instant::now() >= until {
            return outages;
        }
        s3.fail(if rng.bool() { Outage::Refused } else { Outage::Hung });
        tokio::time::sleep(Duration::from_millis(rng.u64(500..4_000))).await;
        s3.heal();
        outages += 1;
    }
}
