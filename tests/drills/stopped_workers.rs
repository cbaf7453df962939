//! Workers are stopped by SIGSTOP, whole processes of them, just before they commit and past their leases. Others do the work. Then
//! they go on as if nothing had been, and try to commit: every one of them is refused.

use std::time::{Duration, Instant};

use rfe_tests::{MockApi, Platform, Role, wait};

use crate::{
    accounts::Accounts,
    check::{self, Allowance},
    form::Form,
    ground::{Kind, Site, hours},
    load::Load,
    tally::Tally,
};

const PROCESSES: usize = 4;
const CUSTOMERS: usize = 45;
const GRACE_SECONDS: u64 = 10;
const PATIENCE: Duration = Duration::from_secs(180);
const PAUSE: Duration = Duration::from_millis(250);

/// The drill.
pub async fn run(form: Form) -> Tally {
    let slots: usize = form.pick(8, 50);
    let workers = PROCESSES * slots;
    // Long enough for all to get to their commits.
    let lease = Duration::from_secs(form.pick(5, 30));
    // Whoever goes on after twice the lease finds that it has waited long enough.
    let freeze = format!("before_commit:*={}", 2 * lease.as_secs());
    let site = Site::new(Kind::Mesh)
        .await
        .with("RFE_WORKER_PULL_SLOTS", slots.to_string())
        .with("RFE_LEASE_SECONDS", lease.as_secs().to_string())
        .with("MAX_JOB_ATTEMPTS", "50")
        .with("RFE_ORPHAN_HOURS", hours(GRACE_SECONDS))
        .with("RFE_COLLECT_SECONDS", "1")
        .scaled(Role::Worker, PROCESSES + 1);
    let mut platform = site.start().await;
    platform.settings = site.settings.clone().with("RFE_FREEZE_POINT", freeze);
    // The last one comes when the others are stopped.
    platform.stop_role(Role::Worker, PROCESSES).await;
    let api = MockApi::start(CUSTOMERS).await;
    let sources: Vec<String> = (0..workers).map(|number| format!("paged_{number}")).collect();
    Load::declare(&platform).await;
    declare(&platform, &api, &sources).await;
    let accounts = Accounts::default();
    let lines = platform.pulled("lines").await;
    accounts.accepts_job(lines.run_id, &[]);

    for process in 0..PROCESSES {
        platform.stop_role(Role::Worker, process).await;
        platform.start_role(Role::Worker, process).await;
    }
    for source in &sources {
        accounts.accepts_job(platform.submit(source).await, &[]);
    }
    let all = workers.to_string();
    wait::within(PATIENCE, "every worker is about to commit", || async {
        (platform.log().matches("freeze point reached").count() >= workers).then_some(())
    })
    .await;
    (0..PROCESSES).for_each(|process| platform.signal_role(Role::Worker, process, "STOP"));
    tokio::time::sleep(2 * lease).await;
    platform.settings = site.settings.clone();
    platform.start_role(Role::Worker, PROCESSES).await;
    wait::within(PATIENCE, "somebody else has done the work", || async {
        let done = "SELECT count(*) FROM meta.ingestion_runs WHERE source_name LIKE 'paged_%' AND state = 'succeeded'";
        (platform.value(done).await == all).then_some(())
    })
    .await;
    (0..PROCESSES).for_each(|process| platform.signal_role(Role::Worker, process, "CONT"));

    let mut tally = Tally::default();
    let (passed_on, refused) = woken(&platform, workers as u64).await;
    tally.expect(passed_on >= workers as u64, || {
        format!("{passed_on} of {workers} stopped workers found that their work had passed on")
    });
    tally.expect(refused > 0, || "no stale commit was even tried".to_owned());
    let allowance = Allowance {
        lost_workers: false,
        settled_within: Duration::from_secs(60),
        collected_within: Some(Duration::from_secs(3 * GRACE_SECONDS + 30)),
    };
    tally.add(check::check(&platform, &site.store(&platform), &accounts.copy(), allowance).await);
    whole(&mut tally, &platform, &sources).await;
    site.queue_is_exact(&mut tally).await;
    tally.notes.push(format!(
        "{workers} workers in {PROCESSES} processes stopped for {:?} and more, {passed_on} passed on, {refused} stale commits refused",
        2 * lease
    ));
    tally.keep_log(&platform, "stopped_workers");
    tally
}

async fn declare(platform: &Platform, api: &MockApi, sources: &[String]) {
    let source = |name: &String| {
        format!(
            "- {{name: {name}, kind: rest, columns: {{id: BIGINT}}, config: {{url: \"{}/customers\", records: /data, \
             pagination: {{kind: page, page_param: page, limit_param: limit, limit: 10}}}}}}\n",
            api.url
        )
    };
    let sources: String = sources.iter().map(source).collect();
    platform.apply(&format!("{}{sources}", crate::load::SOURCES)).await;
}

/// Runs of the woken processes that had passed on, and commits that were refused as stale; once they are all, or time is over.
async fn woken(platform: &Platform, workers: u64) -> (u64, u64) {
    let begun = Instant::now();
    loop {
        let mut passed_on = 0;
        for process in 0..PROCESSES {
            let page = platform.page_of(Role::Worker, process, "/metrics").await.text;
            passed_on += check::metric(&page, "rfe_worker_runs_total{", "outcome=\"passed_on\"");
        }
        if passed_on >= workers || begun.elapsed() > PATIENCE {
            let page = platform.page(Role::Metadata, "/metrics").await.text;
            return (passed_on, check::metric(&page, "rfe_stale_commits_refused_total", ""));
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Each source has its rows, once, of the one run.
async fn whole(tally: &mut Tally, platform: &Platform, sources: &[String]) {
    let expected = format!("{CUSTOMERS}|{CUSTOMERS}|1");
    for source in sources {
        let sql = format!("SELECT count(*), count(DISTINCT id), count(DISTINCT _run_id) FROM {source}");
        let seen = platform.value(&sql).await;
        tally.expect(seen == expected, || format!("{source}: {seen} instead of {expected}"));
    }
}
