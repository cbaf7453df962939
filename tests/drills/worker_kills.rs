//! Four workers, of which one is killed every two seconds, while events come in at a fixed rate. What each held is somebody else's
//! two seconds later.

use std::{sync::Arc, time::Duration};

use rfe_tests::Role;

use crate::{
    accounts::Accounts,
    check::{self, Allowance},
    doors::Switchboard,
    form::Form,
    ground::{Kind, Site, hours},
    load::Load,
    pace::{self, Pace},
    tally::Tally,
};

const WORKERS: usize = 4;
const KILL_EVERY: Duration = Duration::from_secs(2);
/// Longer than a run holds what it has written and not yet committed.
const GRACE_SECONDS: u64 = 10;

/// The drill.
pub async fn run(form: Form) -> Tally {
    let pace = Pace { events: form.pick(10_000, 100_000), a_second: 1_000 };
    let site = Site::new(Kind::Mesh)
        .await
        .with("MAX_JOB_ATTEMPTS", "50")
        .with("RFE_ORPHAN_HOURS", hours(GRACE_SECONDS))
        .with("RFE_COLLECT_SECONDS", "1")
        .scaled(Role::Worker, WORKERS);
    let mut platform = site.start().await;
    Load::declare(&platform).await;
    let (_board, doors) = Switchboard::new(&platform);
    let accounts = Arc::<Accounts>::default();
    let sending = tokio::spawn(pace::send(pace, doors, accounts.clone()));

    let mut rng = form.rng("worker_kills");
    let mut ticks = tokio::time::interval(KILL_EVERY);
    ticks.tick().await;
    let mut kills = 0;
    while !sending.is_finished() {
        ticks.tick().await;
        let victim = rng.usize(..WORKERS);
        platform.kill_role(Role::Worker, victim);
        platform.start_role(Role::Worker, victim).await;
        kills += 1;
    }
    sending.await.expect("the senders do not fail");

    let allowance = Allowance {
        lost_workers: true,
        settled_within: Duration::from_secs(120),
        collected_within: Some(Duration::from_secs(3 * GRACE_SECONDS + 30)),
    };
    let book = accounts.copy();
    let mut tally = check::check(&platform, &site.store(&platform), &book, allowance).await;
    site.queue_is_exact(&mut tally).await;
    tally.notes.push(format!(
        "{} events/s, {kills} kills of {WORKERS} workers, {} calls made again",
        pace.a_second, book.resent
    ));
    tally.keep_log(&platform, "worker_kills");
    tally
}
