//! Postgres dies three times and comes back, hangs once, and the replies to many COMMITs are lost: the server has committed, and
//! whoever asked does not know.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use rfe_test_servers::{Outage, Postgres, PostgresProxy};

use crate::{
    check::{self, Allowance},
    doors::Switchboard,
    form::Form,
    ground::{Kind, Site, hours},
    load::{Load, Plan},
    tally::Tally,
};

const PLAN: Plan =
    Plan { senders: 3, events_a_call: 40, pause_ms: 100, file_pause_ms: 300, bad: 0.01, again: 0.05 };
const DEATHS: u32 = 3;
/// Of so many COMMITs the reply is lost, while replies are to be lost at all.
const LOST_SHARE: f64 = 0.3;
const LOST_WITHIN: Duration = Duration::from_secs(120);

/// The drill.
pub async fn run(form: Form) -> Tally {
    let seconds = |short, long| Duration::from_secs(form.pick(short, long));
    let mut rng = form.rng("postgres_down");
    // One of its own: it dies.
    let start = || Arc::new(Postgres::start());
    let postgres = tokio::task::spawn_blocking(start).await.expect("Postgres starts");
    let proxy = PostgresProxy::start(postgres.port(), rng.u64(..)).await;
    let url = proxy.url(&postgres.database().await);
    // Whoever waits for a commit still holds what it has written.
    let grace = form.pick(15, 60);
    let site = Site::new(Kind::Real)
        .await
        .with("RFE_POSTGRES_URL", url)
        .with("RFE_ORPHAN_HOURS", hours(grace))
        .with("RFE_COLLECT_SECONDS", "1");
    let platform = site.start().await;
    Load::declare(&platform).await;
    let (_board, doors) = Switchboard::new(&platform);
    let mut tally = Tally::default();

    let load = Load::start(form, "postgres_down", PLAN, &platform, &doors);
    let to_lose = form.pick(21, 201);
    for death in 1..=DEATHS {
        proxy.lose_commits(to_lose / DEATHS, LOST_SHARE);
        lost(&proxy, death * to_lose / DEATHS, &mut tally).await;
        tokio::time::sleep(Duration::from_millis(rng.u64(0..1000))).await;
        let down = seconds(3, 20);
        let dying = postgres.clone();
        let die = move || {
            dying.stop_hard();
            std::thread::sleep(down);
            dying.start_again();
        };
        tokio::task::spawn_blocking(die).await.expect("Postgres starts again");
        tokio::time::sleep(seconds(1, 10)).await;
    }
    proxy.fail(Outage::Hung);
    tokio::time::sleep(seconds(2, 20)).await;
    proxy.heal();
    tokio::time::sleep(seconds(1, 10)).await;
    let book = load.stop().await;

    let allowance = Allowance {
        lost_workers: false,
        settled_within: seconds(120, 300),
        collected_within: Some(Duration::from_secs(2 * grace + 30)),
    };
    tally.add(check::check(&platform, &site.store(&platform), &book, allowance).await);
    tally.notes.push(format!(
        "down {DEATHS} times for {:?}, {} replies to COMMIT lost",
        seconds(3, 20),
        proxy.lost()
    ));
    tally.keep_log(&platform, "postgres_down");
    tally
}

async fn lost(proxy: &PostgresProxy, number: u32, tally: &mut Tally) {
    let begun = Instant::now();
    while proxy.lost() < number {
        if begun.elapsed() > LOST_WITHIN {
            tally.wrong(format!("only {} replies of {number} were lost in {LOST_WITHIN:?}", proxy.lost()));
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
