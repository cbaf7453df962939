//! People with a bare DuckDB read the bucket by the view files, as the guide tells them to.

use std::{
    path::Path,
    process::Stdio,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use rfe_tests::{
    Platform,
    cli::{Answer, finish},
    tool, until,
};

pub(crate) const GUIDE: &str = include_str!("../../docs/guide/bare-duckdb.md");
/// The oldest that a view may be.
const OLDEST: Duration = Duration::from_secs(5);

/// How often a view is looked at, at least.
const LOOKS: usize = 12;

/// The commands of the guide that make views, for this platform's lake.
fn views(platform: &Platform) -> String {
    let blocks = GUIDE.split("```sql\n").skip(1).map(|rest| rest.split("```").next().expect("a block ends"));
    let of = |place: &str| {
        let shown = |block: &&str| block.contains(place) && block.contains(".read views.sql");
        blocks.clone().find(shown).unwrap_or_else(|| panic!("the guide reads {place}")).to_owned()
    };
    let replaced = |text: String, from: &str, to: &str| {
        assert!(text.contains(from), "{from} is in {text}");
        text.replace(from, to)
    };
    match platform.ground().stores() {
        None => {
            let lake = platform.data().join("lake").display().to_string();
            replaced(of("rfe-data/lake"), "rfe-data/lake", &lake)
        }
        Some(real) => {
            let s3 = real.s3();
            let load = format!("LOAD '{}';", tool::httpfs().display());
            let text = replaced(of("s3://"), "INSTALL httpfs; LOAD httpfs;", &load);
            let text = replaced(text, "KEY_ID 'minioadmin'", &format!("KEY_ID '{}'", s3.access_key()));
            let text = replaced(text, "SECRET 'minioadmin'", &format!("SECRET '{}'", s3.secret_key()));
            let text = replaced(text, "127.0.0.1:9000", &format!("127.0.0.1:{}", s3.port()));
            replaced(text, "s3://processed/", &format!("s3://{}/", real.buckets().processed))
        }
    }
}

/// Runs a script in a folder.
async fn duckdb(folder: &Path, script: String) -> Answer {
    let mut command = tool::command(&tool::duckdb());
    command.arg("-bail").current_dir(folder);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    finish(command, script).await
}

/// The rows of a statement over the views, values joined by `|`; nothing while a view is missing.
pub(crate) async fn bare(platform: &Platform, folder: &Path, sql: &str) -> Result<Vec<String>, String> {
    let shown = ".mode list\n.headers off\n.separator |\n.nullvalue NULL\n.print =====";
    let answer = duckdb(folder, format!("{}\n{shown}\n{sql};\n", views(platform))).await;
    if answer.code != 0 {
        return Err(answer.stderr);
    }
    let (_, rows) = answer.stdout.split_once("=====\n").expect("the line before the rows");
    Ok(rows.lines().map(str::to_owned).collect())
}

/// A look at the view file.
#[derive(Debug, Clone, Copy)]
struct Seen {
    at: Instant,
    snapshot: u64,
    rows: u64,
}

async fn look(platform: &Platform, folder: &Path) -> Option<Seen> {
    let at = Instant::now();
    let rows = bare(platform, folder, "SELECT count(*) FROM beats").await.ok()?.first()?.parse().ok()?;
    let text = std::fs::read_to_string(folder.join("views.sql")).expect("the view files");
    let (_, rest) = text.split_once("-- dataset beats, snapshot ").expect("its header");
    let snapshot = rest.split(',').next().expect("a number").parse().expect("a number");
    Some(Seen { at, snapshot, rows })
}

/// What the platform answers, and by when it did.
type Answered = (Instant, u64);

async fn count(platform: &Platform) -> Answered {
    let rows = platform.value("SELECT count(*) FROM beats").await.parse().expect("a number");
    (Instant::now(), rows)
}

#[tokio::test]
async fn a_view_is_five_seconds_old_at_most_and_never_goes_back_while_commits_go_on() {
    let platform = Arc::new(Platform::start().await);
    platform.apply("version: 1\nsources:\n- {name: beats, kind: webhook, config: {}}\n").await;
    let folder = tempfile::tempdir().expect("a folder can be made");
    until("the view of an empty dataset is published", || look(&platform, folder.path())).await;

    let goes_on = Arc::new(AtomicBool::new(true));
    let sender = tokio::spawn({
        let (platform, goes_on) = (Arc::clone(&platform), Arc::clone(&goes_on));
        async move {
            let mut sent = 0;
            while goes_on.load(Ordering::Relaxed) {
                let event = [format!("{{\"n\": {sent}}}")];
                platform.send_events("beats", &format!("b{sent}"), &event).await.expect("accepted");
                sent += 1;
                tokio::time::sleep(Duration::from_millis(80)).await;
            }
            sent
        }
    });
    let answers = Arc::new(Mutex::new(Vec::<Answered>::new()));
    let asker = tokio::spawn({
        let (platform, goes_on, answers) =
            (Arc::clone(&platform), Arc::clone(&goes_on), Arc::clone(&answers));
        async move {
            let mut slowest = Duration::ZERO;
            while goes_on.load(Ordering::Relaxed) {
                let begun = Instant::now();
                let answered = count(&platform).await;
                slowest = slowest.max(begun.elapsed());
                answers.lock().expect("no panic").push(answered);
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            slowest
        }
    });
    let mut seen = Vec::new();
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(14) || seen.len() < LOOKS {
        seen.extend(look(&platform, folder.path()).await);
        assert!(begun.elapsed() < Duration::from_secs(90), "the view can hardly be read: {seen:?}");
        tokio::time::sleep(Duration::from_millis(150)).await;
    }
    goes_on.store(false, Ordering::Relaxed);
    let sent: u64 = sender.await.expect("no panic");
    let slowest = asker.await.expect("no panic");

    for pair in seen.windows(2) {
        assert!(pair[0].snapshot <= pair[1].snapshot && pair[0].rows <= pair[1].rows, "went back: {pair:?}");
    }
    // A machine that is slow to answer is slow to publish.
    let oldest = OLDEST + 2 * slowest;
    for look in &seen {
        let answers = answers.lock().expect("no panic");
        let by_then = answers.iter().filter(|(at, _)| *at + oldest <= look.at).map(|(_, rows)| *rows);
        let due = by_then.max().unwrap_or(0);
        assert!(look.rows >= due, "{look:?} is older than {oldest:?}: {due} rows were visible before");
    }
    assert!(seen.last().is_some_and(|last| last.rows > sent / 4), "{sent} sent, seen {seen:?}");
    platform.shows("SELECT count(*) FROM beats", &[&sent.to_string()]).await;
    let shown = Instant::now();
    let last = until("the view shows all", || async {
        look(&platform, folder.path()).await.filter(|look| look.rows == sent)
    })
    .await;
    assert!(last.at.duration_since(shown) < oldest, "the last view came after {:?}", last.at - shown);
}
