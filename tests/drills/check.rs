//! The checker: what was accepted, against what SQL, letters, runs and objects say once all is done.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use rfe_proto::ingest::GetQueueStatsRequest;
use rfe_tests::Platform;

use crate::{
    accounts::{Book, Sent},
    ground::Store,
    letters,
    load::LINES,
    objects,
    tally::Tally,
};

const PAUSE: Duration = Duration::from_millis(100);
const UNFINISHED: &str = "SELECT run_id || ' of ' || source_name || ' (' || kind || ') is ' || state || ' ' || coalesce(error, '') \
    FROM meta.ingestion_runs WHERE state IN ('queued', 'running', 'retrying') LIMIT 5";
const UNBALANCED: &str = "SELECT run_id || ' of ' || source_name || ' (' || kind || ')' FROM meta.ingestion_runs \
    WHERE rows_read <> rows_landed + rows_dead + rows_duplicate + rows_discarded";
/// Rows of events by run, as their runs counted them.
const COUNTED: &str = "SELECT run_id, rows_landed FROM meta.ingestion_runs \
    WHERE source_name = 'events' AND state = 'succeeded' AND kind <> 'compaction' AND rows_landed > 0";
/// Of each id, how many are shown at first.
const SHOWN_IDS: usize = 5;

/// What a check may find besides.
#[derive(Debug, Clone, Copy)]
pub struct Allowance {
    /// Good events may be in letters because their workers died too often.
    pub lost_workers: bool,
    /// How long all may take to be done.
    pub settled_within: Duration,
    /// How long objects that nobody names may stay; none: nobody collects them.
    pub collected_within: Option<Duration>,
}

/// Checks a platform whose load has ended.
pub async fn check(platform: &Platform, store: &Store, book: &Book, allowance: Allowance) -> Tally {
    let mut tally = Tally { wrong: book.wrong.clone(), ..Tally::default() };
    if let Err(left) = settled(platform, allowance.settled_within).await {
        tally.wrong(left);
    }
    let letters = letters::open(platform, "events").await;
    for letter in letters.values() {
        let sent_bad = book.events.get(&letter.event_id).is_some_and(|sent| sent.bad);
        let lost_worker = allowance.lost_workers && letter.code == "WORKER_LOST";
        tally.expect(sent_bad || lost_worker, || {
            format!("a letter of `{}`: {} {}", letter.event_id, letter.code, letter.message)
        });
    }
    let lettered = letters.values().map(|letter| letter.event_id.clone()).collect();
    let events = shown(platform, "SELECT _event_id, count(*) FROM events GROUP BY 1").await;
    let raw = shown(platform, "SELECT _event_id, count(*) FROM raw.events GROUP BY 1").await;
    compare(&mut tally, "events", &book.events, &events, &lettered);
    tally.expect(events == raw, || differing("events", &events, &raw));
    let mixed = "SELECT count(*) FROM events WHERE _event_id <> sender || '-' || n";
    same(&mut tally, platform, mixed, "0").await;

    if !book.rows.is_empty() {
        check_files(&mut tally, platform, book).await;
    }
    if !book.jobs.is_empty() {
        check_lines(&mut tally, platform).await;
    }
    check_runs(&mut tally, platform, book).await;
    objects::check(&mut tally, platform, store, &letters).await;
    if let Some(patience) = allowance.collected_within {
        objects::none_dangles(&mut tally, platform, store, patience).await;
    }
    tally
}

/// Waits until nothing is left to do.
///
/// # Errors
/// What is left, if it is not done in time.
pub async fn settled(platform: &Platform, patience: Duration) -> Result<(), String> {
    let begun = Instant::now();
    loop {
        let left = left(platform).await;
        match left {
            None => return Ok(()),
            Some(left) if begun.elapsed() > patience => {
                return Err(format!("not done after {patience:?}: {left}"));
            }
            Some(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

async fn left(platform: &Platform) -> Option<String> {
    let stats = match platform.ingest_service().get_queue_stats(GetQueueStatsRequest::default()).await {
        Ok(stats) => stats.into_inner().total.unwrap_or_default(),
        Err(status) => return Some(format!("the queue does not answer: {status}")),
    };
    if stats.events + stats.queued_jobs + stats.running_jobs + stats.delayed_jobs > 0 {
        return Some(format!("{stats:?}"));
    }
    match platform.query(UNFINISHED).await {
        Ok(batches) => {
            let runs: Vec<String> = batches.iter().flat_map(rfe_tests::sql::rows).collect();
            (!runs.is_empty()).then(|| runs.join("; "))
        }
        Err(status) => Some(format!("the runs can't be read: {status}")),
    }
}

async fn check_files(tally: &mut Tally, platform: &Platform, book: &Book) {
    let rows = shown(platform, "SELECT id, count(*) FROM files GROUP BY 1").await;
    let raw = shown(platform, "SELECT id, count(*) FROM raw.files GROUP BY 1").await;
    compare(tally, "rows of files", &book.rows, &rows, &BTreeSet::new());
    tally.expect(rows == raw, || differing("files", &rows, &raw));
}

async fn check_lines(tally: &mut Tally, platform: &Platform) {
    let lines = format!("{LINES}|{LINES}|1");
    for table in ["lines", "raw.lines"] {
        let sql = format!("SELECT count(*), count(DISTINCT id), count(DISTINCT _run_id) FROM {table}");
        same(tally, platform, &sql, &lines).await;
    }
    for source in ["files", "lines"] {
        for letter in letters::open(platform, source).await.values() {
            tally.wrong(format!("a letter of {source}: {} {}", letter.code, letter.message));
        }
    }
}

async fn check_runs(tally: &mut Tally, platform: &Platform, book: &Book) {
    for run in platform.sql(UNBALANCED).await {
        tally.wrong(format!("the counters of run {run} do not balance"));
    }
    let counted = shown(platform, COUNTED).await;
    let visible = shown(platform, "SELECT _run_id, count(*) FROM events GROUP BY 1").await;
    tally.expect(counted == visible, || differing("runs of events (counted, visible)", &counted, &visible));
    let states = "SELECT run_id, state FROM meta.ingestion_runs WHERE kind = 'pull'";
    let states: BTreeMap<String, String> = pairs(platform, states).await;
    for job in &book.jobs {
        let state = states.get(job).map_or("unknown", String::as_str);
        tally.expect(state == "succeeded", || format!("job {job} was accepted and is {state}"));
    }
}

/// Accepted ones are visible or in an open letter, once; others may be; nothing else is.
pub fn compare(
    tally: &mut Tally,
    what: &str,
    sent: &BTreeMap<String, Sent>,
    visible: &BTreeMap<String, u64>,
    lettered: &BTreeSet<String>,
) {
    let (mut lost, mut doubled) = (Vec::new(), Vec::new());
    for (id, sent) in sent {
        let (rows, is_lettered) = (visible.get(id).copied().unwrap_or(0), lettered.contains(id));
        let times = rows + u64::from(is_lettered);
        tally.sent += 1;
        tally.accepted += u64::from(sent.accepted);
        tally.visible += rows.min(1);
        tally.dead_lettered += u64::from(is_lettered);
        tally.duplicate += times.saturating_sub(1);
        if times > 1 {
            doubled.push(id);
        }
        if sent.accepted && times == 0 {
            tally.lost += 1;
            lost.push(id);
        }
        tally.expect(!sent.bad || rows == 0, || format!("{what}: {id} is bad and visible"));
    }
    for (ids, how) in [(lost, "lost"), (doubled, "there more than once")] {
        let first: Vec<_> = ids.iter().take(SHOWN_IDS).collect();
        tally.expect(ids.is_empty(), || format!("{what}: {} are {how}, such as {first:?}", ids.len()));
    }
    for id in visible.keys().chain(lettered).filter(|id| !sent.contains_key(*id)) {
        tally.wrong(format!("{what}: `{id}` was never sent"));
    }
}

/// The sum of the metrics of a page that begin so and have this label.
pub fn metric(page: &str, name: &str, label: &str) -> u64 {
    let lines = page.lines().filter(|line| line.starts_with(name) && line.contains(label));
    lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum::<f64>() as u64
}

async fn same(tally: &mut Tally, platform: &Platform, sql: &str, expected: &str) {
    let seen = platform.value(sql).await;
    tally.expect(seen == expected, || format!("{sql}: {seen} instead of {expected}"));
}

/// Numbers by text.
pub async fn shown(platform: &Platform, sql: &str) -> BTreeMap<String, u64> {
    let number = |text: String| text.parse().unwrap_or_else(|_| panic!("{sql}: `{text}` is no number"));
    pairs(platform, sql).await.into_iter().map(|(key, text)| (key, number(text))).collect()
}

async fn pairs(platform: &Platform, sql: &str) -> BTreeMap<String, String> {
    let pair = |row: String| {
        let (key, value) = row.rsplit_once('|').expect("a query of two columns");
        (key.to_owned(), value.to_owned())
    };
    platform.sql(sql).await.into_iter().map(pair).collect()
}

fn differing(what: &str, one: &BTreeMap<String, u64>, other: &BTreeMap<String, u64>) -> String {
    let keys: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
    let differing: Vec<String> = keys
        .into_iter()
        .filter(|key| one.get(*key) != other.get(*key))
        .map(|key| format!("{key}: {:?} and {:?}", one.get(key), other.get(key)))
        .collect();
    let first = &differing[..differing.len().min(SHOWN_IDS)];
    format!("{what}: processed and raw differ in {}, such as {first:?}", differing.len())
}
