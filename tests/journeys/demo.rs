//! `rfe up --demo`: what somebody sees first.

use std::process::Stdio;

use rfe_tests::{Platform, Settings, cli::finish, tool, until};

use super::everywhere::bare_duckdb::{GUIDE, bare};

const THINGS: &str = "Three things to try";
const SOURCES: [&str; 4] = ["customers_api", "finance_csv", "orders_parquet", "synthetic_stream"];

async fn greeting(platform: &Platform, times: usize) -> String {
    until("the demo prints what to try", || async {
        let log = platform.log();
        let whole = log.matches(THINGS).count() >= times
            && log.rsplit(THINGS).next()?.matches("\n   PY").count() >= 1;
        whole.then(|| log.clone())
    })
    .await
}

async fn counts(platform: &Platform) -> Vec<String> {
    platform.sql("SELECT (SELECT count(*) FROM customers_api), (SELECT count(*) FROM finance_csv), (SELECT count(*) FROM orders_parquet)").await
}

#[tokio::test]
async fn the_demo_lands_its_sources_answers_a_query_and_prints_things_that_work_when_pasted() {
    let mut platform = Settings::default().flag("--demo").start().await;
    let log = greeting(&platform, 1).await;
    assert!(log.contains("SELECT") && log.contains("JOIN"), "the first query is shown:\n{log}");
    for source in SOURCES {
        let rows: i64 =
            platform.value(&format!("SELECT count(*) FROM {source}")).await.parse().expect("a number");
        assert!(rows > 0, "{source} has rows");
    }
    assert_eq!(platform.value("SELECT count(*) FROM zendesk").await, "0");
    for command in to_paste(&log) {
        let mut shell = tool::command(&"/bin/bash".into());
        shell.args(["-euo", "pipefail", "-c", &command]).env("PATH", path_with_tools());
        shell.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let answer = finish(shell, String::new()).await;
        assert_eq!(answer.code, 0, "{command}\n{answer:?}");
    }
    platform.shows("SELECT event_type, data->>'priority' FROM zendesk", &["ticket_created|high"]).await;

    let before = counts(&platform).await;
    platform.stop().await;
    platform.restart().await;
    let _again = greeting(&platform, 2).await;
    assert_eq!(counts(&platform).await, before, "reading unchanged sources again leaves the same rows");
    assert_eq!(platform.value("SELECT count(*) FROM zendesk").await, "1");
    platform.stop().await;
}

#[tokio::test]
async fn the_demo_sources_are_read_again_by_the_clock_and_keep_their_rows() {
    let platform = Settings::default().flag("--demo").with("SCHEDULE_INTERVAL_SECONDS", "2").start().await;
    let _log = greeting(&platform, 1).await;
    let before = counts(&platform).await;
    for source in SOURCES {
        until(&format!("{source} is read twice by the clock"), || async {
            let runs = platform.runs(source).await;
            let done = runs.iter().filter(|run| {
                run.scheduled_time.is_some() && run.state() == rfe_proto::metadata::RunState::Succeeded
            });
            (done.count() >= 2).then_some(())
        })
        .await;
    }
    assert_eq!(counts(&platform).await, before);
    let doubles = "SELECT count(*) - count(DISTINCT _event_id) FROM synthetic_stream";
    assert_eq!(platform.value(doubles).await, "0");
}

#[tokio::test]
async fn a_bare_duckdb_joins_datasets_as_the_guide_says_and_sees_what_the_platform_answers() {
    let platform = Settings::default().flag("--demo").start().await;
    let _log = greeting(&platform, 1).await;
    let folder = tempfile::tempdir().expect("a folder can be made");
    let join = "SELECT c.country, count(*), count(DISTINCT c.id), sum(CAST(round(f.amount * 100) AS BIGINT)) \
        FROM customers_api c JOIN finance_csv f ON f.account = lpad(CAST(c.id * 37 AS VARCHAR), 8, '0') \
        GROUP BY c.country ORDER BY c.country";
    let expected = platform.sql(join).await;
    assert!(expected.len() > 1, "{expected:?}");
    until("the views show what the platform answers", || async {
        (bare(&platform, folder.path(), join).await.as_ref() == Ok(&expected)).then_some(())
    })
    .await;
    for dataset in ["customers_api", "finance_csv", "orders_parquet", "zendesk"] {
        let columns = format!("SELECT column_name, column_type FROM (DESCRIBE {dataset})");
        let expected = platform.sql(&columns).await;
        // Each dataset has a publication of its own, up to five seconds after its commit.
        until(&format!("the view of {dataset} has its columns"), || async {
            (bare(&platform, folder.path(), &columns).await.as_ref() == Ok(&expected)).then_some(())
        })
        .await;
    }
    let example =
        GUIDE.split("```sql\n").find(|block| block.starts_with("SELECT c.country")).expect("a query");
    let (example, _) = example.split_once(";\n").expect("an end");
    assert_eq!(bare(&platform, folder.path(), example).await, Ok(platform.sql(example).await));
}

/// The commands that are printed, each with the lines that belong to it.
fn to_paste(log: &str) -> Vec<String> {
    let printed = log.rsplit(THINGS).next().unwrap_or_default();
    let mut commands: Vec<String> = Vec::new();
    let mut goes_on = false;
    for line in printed.lines().filter_map(|line| line.strip_prefix("   ")) {
        if goes_on {
            let command = commands.last_mut().expect("a command is begun");
            command.push('\n');
            command.push_str(line);
        } else if !line.trim().is_empty() {
            commands.push(line.to_owned());
        }
        let in_document =
            commands.last().is_some_and(|command| command.contains("<<'PY'") && !command.ends_with("\nPY"));
        goes_on = line.ends_with('\\') || in_document;
    }
    assert!(commands.len() >= 5, "{commands:?}");
    commands
}

fn path_with_tools() -> String {
    let folder = |path: std::path::PathBuf| path.parent().expect("a folder").display().to_string();
    let path = std::env::var("PATH").unwrap_or_default();
    format!("{}:{}:{path}", folder(tool::grpcurl()), folder(tool::python()))
}
