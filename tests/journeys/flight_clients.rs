//! Clients that people have: pyarrow.flight and ADBC, from PyPI.

use rfe_tests::{Platform, Role, until};
use serde_json::json;

async fn with_numbers() -> Platform {
    let platform = Platform::start().await;
    let rows: String = (0..1000).map(|number| format!("{number},name {}\n", number % 10)).collect();
    platform.write("numbers.csv", format!("id,name\n{rows}"));
    platform
        .apply("version: 1\nsources:\n- {name: numbers, kind: csv, config: {location: numbers.csv}}\n")
        .await;
    let _run = platform.pulled("numbers").await;
    platform
}

#[tokio::test]
async fn plain_flight_takes_sql_as_a_ticket() {
    let platform = with_numbers().await;
    let answer = platform
        .python("plain_flight.py", &["SELECT count(*) AS n, max(id) AS last FROM numbers"])
        .await
        .ok();
    assert_eq!(answer.json(), json!({"rows": [{"n": 1000, "last": 999}], "types": ["int64", "int64"]}));
    let refused = platform.python("plain_flight.py", &["DROP TABLE numbers"]).await;
    assert!(refused.code != 0 && refused.stderr.contains("SELECT"), "what is allowed is said: {refused:?}");
}

#[tokio::test]
async fn adbc_runs_statements_prepared_ones_and_reads_the_catalog() {
    let platform = with_numbers().await;
    let answer = platform.python("adbc.py", &[]).await.ok().json();
    assert_eq!(answer["count"], 1000);
    assert_eq!(answer["by_parameter"], json!([[7, "name 7"]]));
    assert_eq!(answer["by_parameters_in_turn"], json!([0, 10, 20]));
    assert_eq!(answer["typed"], json!([["1", "2.50", "2024-02-29", "None", "True", "[1, 2]"]]));
    let tables = answer["tables"].as_array().expect("a list of tables");
    for table in ["main.numbers", "raw.numbers", "meta.ingestion_runs"] {
        assert!(tables.contains(&json!(table)), "{table} is in {tables:?}");
    }
    let columns = answer["columns"].as_array().expect("a list of columns");
    assert!(columns.contains(&json!("id")) && columns.contains(&json!("_run_id")), "{columns:?}");
    assert_eq!((&answer["schema"][0], &answer["schema"][1]), (&json!("id: int64"), &json!("name: string")));
    assert!(answer["vendor"].as_str().is_some_and(|vendor| !vendor.is_empty()), "{answer}");
    assert!(answer["error"].as_str().is_some_and(|error| error.contains("nothing")), "{answer}");
}

#[tokio::test]
async fn a_large_result_is_streamed_in_bounded_memory() {
    let platform = Platform::start().await;
    let before = peak_kib(platform.pid(Role::Query));
    let rows = 30_000_000;
    let sql = format!("SELECT range AS a, range * 7 AS b FROM range({rows})");
    let answer = platform.python("drain.py", &[&sql]).await.ok().json();
    assert_eq!(answer["rows"], rows);
    let grown = peak_kib(platform.pid(Role::Query)) - before;
    assert!(grown < 300 << 10, "480 MB went out; the server grew by {grown} KiB");
}

#[tokio::test]
async fn a_client_that_goes_away_stops_its_query() {
    let platform = Platform::start().await;
    let sql = "SELECT count(*) FROM range(1000000) a, range(1000000) b WHERE (a.range * b.range) % 7 = 3";
    let answer = platform.python("drop.py", &[sql]).await.ok();
    assert_eq!(answer.stdout.trim(), "gone");
    let pid = platform.pid(Role::Query);
    until("the server stops computing", || async {
        let before = cpu_ticks(pid);
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        // 50 ticks are what one busy core takes in that time.
        (cpu_ticks(pid) - before < 25).then_some(())
    })
    .await;
    assert_eq!(platform.value("SELECT 1").await, "1");
}

#[tokio::test]
async fn prepared_statements_and_sessions_of_many_clients_do_not_meet() {
    let platform = with_numbers().await;
    let ask = |number: usize| {
        let platform = &platform;
        async move { platform.value(&format!("SELECT id FROM numbers WHERE id = {number}")).await }
    };
    let answers = futures::future::join_all((0..64).map(ask)).await;
    assert!(answers.iter().enumerate().all(|(number, answer)| *answer == number.to_string()), "{answers:?}");
}

fn peak_kib(pid: u32) -> i64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("the process runs");
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("a peak is kept");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).expect("a number of KiB")
}

fn cpu_ticks(pid: u32) -> i64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("the process runs");
    let after_name = stat.rsplit(')').next().expect("a name in parentheses");
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    // utime and stime, fields 14 and 15 of proc(5); the split begins at field 3.
    [11, 12].iter().map(|at| fields[*at].parse::<i64>().expect("ticks")).sum()
}
