//! Workers freeze at each step in turn, past their lease, while others do their work; then they go on. Their epoch has passed, so
//! whatever they still want to commit is refused.

use std::time::{Duration, Instant};

use futures::{FutureExt as _, StreamExt as _, future::BoxFuture, stream};
use rfe_proto::metadata::RunState;
use rfe_tests::{MockApi, Platform, Role};

use crate::{
    accounts::Accounts,
    check::{self, Allowance},
    form::Form,
    ground::{Kind, Site},
    load::Load,
    tally::Tally,
};

const LEASE_SECONDS: u64 = 2;
const FROZEN_SECONDS: u64 = 4;
const AT_ONCE: usize = 5;
const EVENTS: u64 = 20;
const CUSTOMERS: usize = 45;
const PAUSE: Duration = Duration::from_millis(100);
const THAWED_WITHIN: Duration = Duration::from_secs(30);
/// Steps behind which a run has nothing more to tell the registry, or has not begun to: who wakes there finds the run ended.
const HARMLESS: [&str; 4] = ["after_lease", "after_commit", "after_fail", "after_complete"];

/// What happened to the workers of one step.
#[derive(Debug, Default)]
struct Frozen {
    tally: Tally,
    /// Workers that froze.
    workers: u64,
    /// Of them, those that found that their work had passed on.
    passed_on: u64,
    /// Commits that were refused because their epoch was stale.
    refused: u64,
}

/// The drill.
pub async fn run(form: Form) -> Tally {
    let times = form.pick(2, 14);
    let steps: Vec<BoxFuture<'static, Frozen>> =
        rfe_worker::STEPS.into_iter().map(|step| at_step(form, step, times).boxed()).collect();
    let mut steps = stream::iter(steps).buffer_unordered(AT_ONCE);
    let mut all = Frozen::default();
    while let Some(frozen) = steps.next().await {
        all.tally.add(frozen.tally);
        all.workers += frozen.workers;
        all.passed_on += frozen.passed_on;
        all.refused += frozen.refused;
    }
    let Frozen { mut tally, workers, passed_on, refused } = all;
    tally.expect(refused > 0, || "no stale commit was even tried".to_owned());
    tally
        .notes
        .push(format!("{workers} workers frozen, {passed_on} passed on, {refused} stale commits refused"));
    tally
}

/// Freezes so many workers at one step.
async fn at_step(form: Form, step: &'static str, times: u64) -> Frozen {
    let mut rng = form.rng(&format!("frozen {step}"));
    // Attempts are plenty: workers that freeze are nobody's fault here.
    let site = Site::new(Kind::Real)
        .await
        .with("RFE_LEASE_SECONDS", LEASE_SECONDS.to_string())
        .with("MAX_JOB_ATTEMPTS", "50");
    let mut platform = site.start().await;
    let api = MockApi::start(CUSTOMERS).await;
    declare(&platform, &api).await;
    let accounts = Accounts::default();
    let mut frozen = Frozen::default();
    for turn in 0..times {
        platform.stop().await;
        let freeze = format!("{step}={FROZEN_SECONDS}");
        platform.settings = site.settings.clone().with("RFE_FREEZE_POINT", freeze);
        platform.restart().await;
        work(&platform, &accounts, step, turn, rng.bool()).await;
        if let Err(left) = check::settled(&platform, THAWED_WITHIN).await {
            frozen.tally.wrong(left);
        }
        match thawed(&platform, HARMLESS.contains(&step)).await {
            Some(number) => frozen.passed_on += number,
            None => {
                frozen.tally.wrong(format!("the worker that woke was not refused within {THAWED_WITHIN:?}"))
            }
        }
        frozen.refused += metric(&platform, "rfe_stale_commits_refused_total", "").await;
    }
    frozen.workers = platform.log().matches("freeze point reached").count() as u64;
    let workers = frozen.workers;
    frozen.tally.expect(workers >= times, || format!("{workers} workers froze instead of {times}"));
    platform.stop().await;
    platform.settings = site.settings.clone();
    platform.restart().await;
    let allowance =
        Allowance { lost_workers: false, settled_within: Duration::from_secs(60), collected_within: None };
    let checked = check::check(&platform, &site.store(&platform), &accounts.copy(), allowance).await;
    frozen.tally.add(checked);
    if saves(step) {
        let customers = platform.value("SELECT count(*), count(DISTINCT id) FROM paged").await;
        let expected = format!("{CUSTOMERS}|{CUSTOMERS}");
        frozen.tally.expect(customers == expected, || format!("customers {customers} instead of {expected}"));
    }
    frozen.tally.keep_log(&platform, &format!("frozen-{step}"));
    for wrong in &mut frozen.tally.wrong {
        *wrong = format!("{step}: {wrong}");
    }
    frozen
}

async fn declare(platform: &Platform, api: &MockApi) {
    Load::declare(platform).await;
    platform
        .apply(&format!(
            "{}- {{name: absent, kind: csv, config: {{location: absent.csv}}}}\n\
             - {{name: paged, kind: rest, columns: {{id: BIGINT}}, config: {{url: \"{}/customers\", records: /data, \
             pagination: {{kind: page, page_param: page, limit_param: limit, limit: 10}}}}}}\n",
            crate::load::SOURCES,
            api.url
        ))
        .await;
    let _lines = platform.pulled("lines").await;
}

fn saves(step: &str) -> bool {
    step.ends_with("_checkpoint")
}

/// Work that passes the step.
async fn work(platform: &Platform, accounts: &Accounts, step: &str, turn: u64, pulls: bool) {
    if step.ends_with("_fail") {
        let run = platform.pull("absent").await;
        assert_eq!(run.state(), RunState::Failed, "{step}: {run:?}");
    } else if saves(step) {
        let _paged = platform.pulled("paged").await;
    } else if pulls {
        let run = platform.pulled("lines").await;
        accounts.accepts_job(run.run_id, &[]);
    } else {
        let id = |number: u64| format!("{turn}-{number}");
        // The last one can't land.
        accounts.sends_events((0..EVENTS).map(|number| (id(number), number == EVENTS - 1)));
        let payload = |number: u64| match number == EVENTS - 1 {
            true => format!(r#"{{"sender": {turn}, "n": "no number"}}"#),
            false => format!(r#"{{"sender": {turn}, "n": {number}}}"#),
        };
        let payloads: Vec<String> = (0..EVENTS).map(payload).collect();
        let results = platform.send_events("events", &turn.to_string(), &payloads).await;
        assert_eq!(results.expect("events are accepted").len(), payloads.len());
        (0..EVENTS).for_each(|number| accounts.accepts_event(&id(number)));
    }
}

/// Waits until the frozen worker has woken; how many attempts of this process found that their work had passed on. None: where one
/// must have, none did in time.
async fn thawed(platform: &Platform, harmless: bool) -> Option<u64> {
    if harmless {
        tokio::time::sleep(Duration::from_secs(FROZEN_SECONDS)).await;
        return Some(passed_on(platform).await);
    }
    let begun = Instant::now();
    while begun.elapsed() < THAWED_WITHIN {
        match passed_on(platform).await {
            0 => tokio::time::sleep(PAUSE).await,
            number => return Some(number),
        }
    }
    None
}

async fn passed_on(platform: &Platform) -> u64 {
    metric(platform, "rfe_worker_runs_total{", "outcome=\"passed_on\"").await
}

async fn metric(platform: &Platform, name: &str, label: &str) -> u64 {
    check::metric(&platform.page(Role::Worker, "/metrics").await.text, name, label)
}
