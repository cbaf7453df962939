//! Small files become large ones and old ones are collected, as fast as it goes, beside ingestion, queries and kills. Whoever reads
//! meanwhile always sees whole commits, all of them up to some snapshot: never a file and what it became, nor neither.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use rfe_tests::{Platform, wait};

use crate::{
    check::{self, Allowance},
    doors::{Doors, Switchboard},
    form::Form,
    ground::{Kind, Site, hours},
    load::{Load, Plan},
    tally::Tally,
};

const PLAN: Plan =
    Plan { senders: 2, events_a_call: 30, pause_ms: 60, file_pause_ms: 300, bad: 0.0, again: 0.02 };
const READ: &str = "SELECT (SELECT count(*) FROM events), (SELECT CAST(coalesce(sum(n), 0) AS BIGINT) FROM events), \
    (SELECT count(*) FROM raw.events)";
/// What each commit brought, in the order of their snapshots.
const COMMITS: &str = "SELECT of_run.rows, of_run.total FROM (SELECT _run_id, count(*) AS rows, \
    CAST(sum(n) AS BIGINT) AS total FROM events GROUP BY 1) AS of_run \
    JOIN meta.ingestion_runs AS runs ON runs.run_id = of_run._run_id ORDER BY runs.snapshot";
const COMPACTIONS: &str =
    "SELECT count(*) FROM meta.ingestion_runs WHERE kind = 'compaction' AND state = 'succeeded'";
const LIVE: &str = "SELECT count(*) FROM meta.data_files WHERE dataset = 'events' AND layer = 'LAYER' AND end_snapshot IS NULL";

/// Long enough for the reconciler of jobs, which comes every 10 s.
const COMPACTED_WITHIN: Duration = Duration::from_secs(40);

/// Rows of events, the sum of their numbers, and rows of raw.
type Seen = [i64; 3];

/// What the reader saw.
#[derive(Debug, Default)]
struct Reading {
    seen: Vec<Seen>,
    wrong: Vec<String>,
    /// Reads that met a death.
    cut_off: u64,
}

/// The drill on embedded stores.
pub async fn embedded(form: Form) -> Tally {
    run(form, Kind::Embedded, "compaction_embedded").await
}

/// The drill on Postgres and MinIO.
pub async fn real(form: Form) -> Tally {
    run(form, Kind::Real, "compaction_real").await
}

async fn run(form: Form, kind: Kind, name: &str) -> Tally {
    let site = Site::new(kind)
        .await
        .with("MAX_JOB_ATTEMPTS", "50")
        .with("RFE_COMPACT_FILES", "4")
        .with("RFE_COMPACT_SECONDS", "0.5")
        .with("RFE_COLLECT_SECONDS", "0.5")
        .with("RFE_ORPHAN_HOURS", hours(5))
        // Longer than any read here takes.
        .with("RFE_SNAPSHOT_HOURS", hours(6));
    let mut platform = site.start().await;
    Load::declare(&platform).await;
    let (board, doors) = Switchboard::new(&platform);
    let load = Load::start(form, name, PLAN, &platform, &doors);
    platform_shows_rows(&platform).await;

    let stop = Arc::<AtomicBool>::default();
    let every = Duration::from_millis(form.pick(200, 1000));
    let reader = tokio::spawn(read(doors.clone(), every, stop.clone()));
    let mut rng = form.rng(name);
    let (begun, time) = (Instant::now(), Duration::from_secs(form.pick(25, 600)));
    let mut kills = 0;
    while begun.elapsed() < time {
        tokio::time::sleep(Duration::from_millis(rng.u64(2000..8000))).await;
        board.kill(&mut platform).await;
        kills += 1;
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    let book = load.stop().await;
    stop.store(true, Ordering::Release);
    let reading = reader.await.expect("the reader does not fail");

    let allowance = Allowance {
        lost_workers: true,
        settled_within: Duration::from_secs(120),
        collected_within: Some(Duration::from_secs(60)),
    };
    let mut tally = check::check(&platform, &site.store(&platform), &book, allowance).await;
    let commits = commits(&platform).await;
    judge(&mut tally, &reading, &commits);
    let compactions: usize = platform.value(COMPACTIONS).await.parse().expect("a number");
    tally.expect(compactions > 1, || format!("{compactions} compactions are no drill"));
    let mut live = Vec::new();
    for layer in ["processed", "raw"] {
        let files = compacted(&platform, layer, commits.len()).await;
        tally.expect(files * 2 < commits.len(), || {
            format!("{files} live files of {layer} after {} commits: nothing was compacted", commits.len())
        });
        live.push(files);
    }
    tally.notes.push(format!(
        "{} reads right, {} cut off by {kills} kills, {} commits in {live:?} files after {compactions} compactions",
        reading.seen.len(),
        reading.cut_off,
        commits.len()
    ));
    tally.keep_log(&platform, name);
    tally
}

/// Live files of a layer, once they are few for so many commits, or time is over.
async fn compacted(platform: &Platform, layer: &str, commits: usize) -> usize {
    let begun = Instant::now();
    loop {
        let files = platform.value(&LIVE.replace("LAYER", layer)).await.parse().expect("a number");
        if files * 2 < commits || begun.elapsed() > COMPACTED_WITHIN {
            return files;
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

async fn platform_shows_rows(platform: &Platform) {
    wait::until("the first events are visible", || async {
        let batches = platform.query("SELECT count(*) FROM events").await.ok()?;
        batches.iter().flat_map(rfe_tests::sql::rows).find(|rows| rows != "0")
    })
    .await;
}

/// Reads again and again. An error is right only while the process is dead.
async fn read(doors: Doors, every: Duration, stop: Arc<AtomicBool>) -> Reading {
    let mut reading = Reading::default();
    while !stop.load(Ordering::Acquire) {
        let life = doors.life();
        match doors.now().query(READ).await {
            Ok(rows) => match parse(&rows) {
                Some(seen) => reading.seen.push(seen),
                None => reading.wrong.push(format!("a read answered {rows:?}")),
            },
            Err(_) if life % 2 == 1 || doors.life() != life => reading.cut_off += 1,
            Err(status) => reading.wrong.push(format!("a read failed: {status}")),
        }
        tokio::time::sleep(every).await;
    }
    reading
}

fn parse(rows: &[String]) -> Option<Seen> {
    let [row] = rows else { return None };
    let numbers: Vec<i64> = row.split('|').map(str::parse).collect::<Result<_, _>>().ok()?;
    numbers.try_into().ok()
}

/// Rows and sum after each commit, from none on.
async fn commits(platform: &Platform) -> Vec<(i64, i64)> {
    let mut so_far = vec![(0, 0)];
    for row in platform.sql(COMMITS).await {
        let (rows, total) = row.split_once('|').expect("two columns");
        let number = |text: &str| text.parse::<i64>().expect("a number");
        let (all, sum) = so_far[so_far.len() - 1];
        so_far.push((all + number(rows), sum + number(total)));
    }
    so_far
}

/// Each read is a prefix of whole commits, and none is shorter than the one before.
fn judge(tally: &mut Tally, reading: &Reading, commits: &[(i64, i64)]) {
    tally.wrong.extend(reading.wrong.iter().cloned());
    let mut last = 0;
    for [rows, sum, raw] in &reading.seen {
        let place = commits.binary_search_by_key(rows, |(rows, _)| *rows);
        match place {
            Ok(place) if commits[place].1 == *sum && raw == rows && place >= last => last = place,
            _ => tally.wrong(format!(
                "a read saw {rows} rows, sum {sum}, {raw} of raw, after one that saw {:?}: no prefix of commits",
                commits[last]
            )),
        }
    }
    tally.expect(reading.seen.len() > 10, || format!("only {} reads had an answer", reading.seen.len()));
}
