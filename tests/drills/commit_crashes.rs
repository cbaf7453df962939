//! The process aborts at each step of the commit in turn, with a pull, a paged read and a batch of events under way. After a
//! restart the tables are those of a run without faults, to the last byte.

use futures::{FutureExt as _, StreamExt as _, future::BoxFuture, stream};
use rfe_proto::metadata::RunState;
use rfe_tests::{MockApi, Platform};
use sha2::{Digest as _, Sha256};

use crate::{
    check,
    form::Form,
    ground::{Kind, Site},
    tally::Tally,
};

const AT_ONCE: usize = 3;
const GOOD_EVENTS: usize = 25;
const CUSTOMERS: usize = 45;
const LINES: &str = "id,name\n1,a\n2,b,surplus\n3,c\n4,d\n";
const SOURCES: &str = "version: 1\nsources:\n- {name: lines, kind: csv, config: {location: lines.csv}}\n\
    - {name: absent, kind: csv, config: {location: absent.csv}}\n\
    - {name: hooks, kind: webhook, columns: {n: BIGINT}}\n\
    - {name: paged, kind: rest, config: {url: \"API/customers\", records: /data, \
    pagination: {kind: page, page_param: page, limit_param: limit, limit: 10}}}\n";
/// All that a user sees, but for ids of runs and times.
const TABLES: [&str; 7] = [
    "SELECT _event_id, n FROM hooks",
    "SELECT _event_id, content_type, body FROM raw.hooks",
    "SELECT id, name FROM lines",
    "SELECT id, name, _file, _line FROM raw.lines",
    "SELECT * EXCLUDE (_run_id, _ingested_at) FROM paged",
    "SELECT _page, _record, body FROM raw.paged",
    "SELECT source_name, kind, state, code, event_id FROM meta.ingestion_failures WHERE kind <> 'attempt'",
];
const SETTLED_WITHIN: std::time::Duration = std::time::Duration::from_secs(60);

/// The tables after one step.
#[derive(Debug, PartialEq, Eq)]
struct Tables {
    hash: String,
    rows: [usize; TABLES.len()],
}

/// A step, its passing, and the tables after a crash there.
type Crashed = (&'static str, u32, Result<Tables, String>);

/// The drill on embedded stores.
pub async fn embedded(form: Form) -> Tally {
    run(form, Kind::Embedded).await
}

/// The drill on Postgres and MinIO.
pub async fn real(form: Form) -> Tally {
    run(form, Kind::Real).await
}

async fn run(form: Form, kind: Kind) -> Tally {
    let mut tally = Tally::default();
    let without = match crashed_at(kind, None, 1).await {
        Ok(tables) => tables,
        Err(reason) => {
            tally.wrong(format!("without a crash: {reason}"));
            return tally;
        }
    };
    let sent = (GOOD_EVENTS + 1) as u64;
    let mut rng = form.rng("commit_crashes");
    let mut steps: Vec<(&'static str, u32)> = rfe_worker::STEPS.iter().map(|step| (*step, 1)).collect();
    // The long form crashes at later passings too, at which other parts of the same run are under way.
    steps.extend(rfe_worker::STEPS.iter().filter(|_| form.long).map(|step| (*step, 2)));
    rng.shuffle(&mut steps);
    let crashes = steps.len();
    let crash =
        |(step, passing)| async move { (step, passing, crashed_at(kind, Some(step), passing).await) }.boxed();
    let steps: Vec<BoxFuture<'static, Crashed>> = steps.into_iter().map(crash).collect();
    let mut crashed = stream::iter(steps).buffer_unordered(AT_ONCE);
    while let Some((step, passing, tables)) = crashed.next().await {
        tally.sent += sent;
        tally.accepted += sent;
        match tables {
            Ok(tables) => {
                tally.visible += tables.rows[0] as u64;
                tally.dead_lettered += 1;
                tally.expect(tables == without, || {
                    format!("{step}:{passing}: rows {:?} instead of {:?}", tables.rows, without.rows)
                });
            }
            Err(reason) => tally.wrong(format!("{step}:{passing}: {reason}")),
        }
    }
    tally.notes.push(format!("{crashes} crashes, tables {}", &without.hash[..12]));
    tally
}

/// The tables after a pull job and a batch of events both met this crash point, and a restart each.
async fn crashed_at(kind: Kind, step: Option<&'static str>, passing: u32) -> Result<Tables, String> {
    let site = Site::new(kind).await;
    let mut platform = site.start().await;
    let api = MockApi::start(CUSTOMERS).await;
    platform.write("lines.csv", LINES);
    platform.apply(&SOURCES.replace("API", &api.url)).await;

    let fails = step.is_some_and(|step| step.ends_with("_fail"));
    // Only readers that can go on where they died make checkpoints.
    let saves = step.is_some_and(|step| step.ends_with("_checkpoint"));
    let [crashing, others @ ..] = match (fails, saves) {
        (true, _) => ["absent", "lines", "paged"],
        (_, true) => ["paged", "lines", "absent"],
        _ => ["lines", "paged", "absent"],
    };
    arm(&mut platform, &site, step, passing).await;
    let run_id = platform.submit(crashing).await;
    recover(&mut platform, &site, step, passing).await?;
    let expected = if fails { RunState::Failed } else { RunState::Succeeded };
    let run = platform.ended_run(&run_id).await;
    if run.state() != expected {
        return Err(format!("the run of {crashing} is {:?}: {}", run.state(), run.error));
    }
    for other in others {
        let _other = platform.pull(other).await;
    }

    let step = step.filter(|_| !fails && !saves);
    arm(&mut platform, &site, step, passing).await;
    let mut payloads: Vec<String> = (0..GOOD_EVENTS).map(|n| format!("{{\"n\": {n}}}")).collect();
    payloads.push("{\"n\": \"bad\"}".to_owned());
    let sent = platform.send_events("hooks", "e", &payloads).await;
    sent.map_err(|status| format!("events: {status}"))?;
    recover(&mut platform, &site, step, passing).await?;
    check::settled(&platform, SETTLED_WITHIN).await?;
    // Whatever is delivered again must not land again.
    let again = platform.send_events("hooks", "e", &payloads).await;
    again.map_err(|status| format!("the same events: {status}"))?;
    check::settled(&platform, SETTLED_WITHIN).await?;
    Ok(tables(&platform).await)
}

async fn arm(platform: &mut Platform, site: &Site, step: Option<&str>, passing: u32) {
    if let Some(step) = step {
        platform.stop().await;
        platform.settings = site.settings.clone().with("RFE_CRASH_POINT", format!("{step}:{passing}"));
        platform.restart().await;
    }
}

async fn recover(
    platform: &mut Platform,
    site: &Site,
    step: Option<&str>,
    passing: u32,
) -> Result<(), String> {
    if step.is_some() {
        // Not every step has a second passing.
        if passing > 1 && check::settled(platform, SETTLED_WITHIN).await.is_ok() && platform.is_alive() {
            platform.stop().await;
        } else {
            let status = platform.await_end().await;
            if status.success() {
                return Err(format!("the process did not abort: {status}"));
            }
        }
        platform.settings = site.settings.clone();
        platform.restart().await;
    }
    Ok(())
}

async fn tables(platform: &Platform) -> Tables {
    let mut digest = Sha256::new();
    let mut counts = [0; TABLES.len()];
    for (sql, count) in TABLES.iter().zip(&mut counts) {
        let mut rows = platform.sql(sql).await;
        rows.sort();
        *count = rows.len();
        digest.update(sql);
        for row in rows {
            // Each platform has a folder and an API of its own.
            let row = row.replace(&platform.work().display().to_string(), "");
            digest.update(row);
            digest.update([0]);
        }
    }
    Tables { hash: hex::encode(digest.finalize()), rows: counts }
}
