//! The command line: results on stdout, all else on stderr, exit codes that scripts can rely on.

use rfe_tests::{Platform, Settings, cli, fixture::files_below, tool};

async fn with_people() -> Platform {
    let platform = Platform::start().await;
    platform.write("people.csv", "id,name\n1,ann\n2,\"bob, jr\"\n3,\n");
    platform
        .apply(
            "version: 1\nsources:\n- {name: people, kind: csv, config: {location: people.csv}}\n\
             - {name: missing, kind: csv, config: {location: nothing.csv}}\n- {name: events, kind: webhook}\n",
        )
        .await;
    platform
}

#[tokio::test]
async fn ingest_waits_and_its_exit_code_tells_what_became_of_the_run() {
    let platform = with_people().await;
    let good = platform.rfe(&["ingest", "people", "--wait", "--json"]).await.ok().json();
    assert_eq!(good["state"].as_str().map(|state| state.ends_with("SUCCEEDED")), Some(true), "{good}");
    let failed = platform.rfe(&["ingest", "missing", "--wait"]).await.exits(3);
    assert!(failed.stderr.contains("nothing.csv"), "{}", failed.stderr);
    platform.write("people.csv", "id,name\n1,ann,surplus\n2,bob\n");
    let _dead_rows = platform.rfe(&["ingest", "people", "--wait"]).await.exits(3);
    let unknown = platform.rfe(&["ingest", "peple", "--wait"]).await.exits(4);
    assert!(unknown.stderr.contains("peple") && unknown.stdout.is_empty(), "{unknown:?}");
}

#[tokio::test]
async fn a_query_is_printed_in_every_format() {
    let platform = with_people().await;
    let _run = platform.pulled("people").await;
    let sql = "SELECT id, name, DATE '2024-02-29' AS day, [1, 2] AS list FROM people ORDER BY id";
    let table = platform.rfe(&["query", sql]).await.ok().stdout;
    assert!(table.contains("bob, jr") && table.contains("2024-02-29"), "{table}");
    let csv = platform
        .rfe(&["query", "SELECT id, name FROM people ORDER BY id", "--format", "csv"])
        .await
        .ok()
        .stdout;
    assert_eq!(csv, "id,name\n1,ann\n2,\"bob, jr\"\n3,\n");
    let json = platform.rfe(&["query", sql, "--format", "json"]).await.ok().stdout;
    let rows: Vec<serde_json::Value> = match serde_json::from_str(&json) {
        Ok(serde_json::Value::Array(rows)) => rows,
        _ => json.lines().map(|line| serde_json::from_str(line).expect("a JSON line")).collect(),
    };
    assert_eq!(
        (rows.len(), &rows[1]["name"], &rows[2]["name"]),
        (3, &"bob, jr".into(), &serde_json::Value::Null)
    );
    assert_eq!(rows[0]["list"], serde_json::json!([1, 2]));

    let mut command = platform.command();
    command.args(["query", "SELECT * FROM people", "--format", "parquet"]);
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let output =
        tokio::task::spawn_blocking(move || command.output()).await.expect("it runs").expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let file =
        parquet::file::reader::SerializedFileReader::new(bytes::Bytes::from(output.stdout)).expect("a file");
    use parquet::file::reader::FileReader as _;
    assert_eq!(file.metadata().file_metadata().num_rows(), 3);
    assert_eq!(platform.rfe(&["query", "SELECT 1 WHERE false", "--format", "csv"]).await.ok().stdout, "1\n");
}

#[tokio::test]
async fn events_are_sent_from_a_file_and_from_standard_input() {
    let platform = with_people().await;
    platform.write("events.ndjson", "{\"n\": 1}\n{\"n\": 2}\n");
    let _file = platform.rfe(&["send", "events", "events.ndjson"]).await.ok();
    let _stdin = platform.rfe_with_input(&["send", "events", "-"], "{\"n\": 3}\n\n{\"n\": 4}\n").await.ok();
    platform.shows("SELECT n FROM events ORDER BY n", &["1", "2", "3", "4"]).await;
    let bad = platform.rfe_with_input(&["send", "events", "-"], "{\"n\": 5}\nnot json\n").await;
    assert!(bad.code != 0 && bad.stderr.contains('2'), "the line is named: {bad:?}");
    let many: String = (0..3000).map(|n| format!("{{\"n\": {}}}\n", 100 + n)).collect();
    let _many = platform.rfe_with_input(&["send", "events"], &many).await.ok();
    platform.shows("SELECT count(*) FROM events WHERE n >= 100", &["3000"]).await;
}

#[tokio::test]
async fn what_is_there_is_listed_for_people_and_for_scripts() {
    let platform = with_people().await;
    let run = platform.pulled("people").await;
    let sources = platform.rfe(&["sources", "--json"]).await.ok().json_lines();
    let names: Vec<_> = sources.iter().map(|source| source["name"].as_str().expect("a name")).collect();
    assert_eq!(names, ["events", "missing", "people"]);
    let runs = platform.rfe(&["runs", "--source", "people", "--json"]).await.ok().json_lines();
    assert_eq!((runs.len(), &runs[0]["run_id"]), (1, &run.run_id.clone().into()));
    let datasets = platform.rfe(&["datasets", "--json"]).await.ok().json_lines();
    assert!(datasets.iter().any(|dataset| dataset["name"] == "people"), "{datasets:?}");
    let schema = platform.rfe(&["schema", "people"]).await.ok().stdout;
    assert!(schema.contains("BIGINT") && schema.contains("name"), "{schema}");
    for verb in ["sources", "runs", "status", "datasets"] {
        let answer = platform.rfe(&[verb]).await.ok();
        assert!(answer.stdout.contains("people"), "{verb}: {answer:?}");
    }
    let _unknown = platform.rfe(&["schema", "nothing"]).await.exits(4);
}

#[tokio::test]
async fn exit_codes_tell_usage_reach_and_configuration_apart() {
    let platform = with_people().await;
    assert!(platform.rfe(&["--help"]).await.ok().stdout.contains("query"));
    assert!(platform.rfe(&["--version"]).await.ok().stdout.contains(env!("CARGO_PKG_VERSION")));
    for usage in [&["nonsense"][..], &["query"], &["query", "SELECT 1", "--format", "xml"], &["ingest"]] {
        let answer = platform.rfe(usage).await.exits(2);
        assert!(answer.stdout.is_empty() && !answer.stderr.is_empty(), "{usage:?}: {answer:?}");
    }
    let wrong = platform.rfe(&["query", "SELECT nothing FROM people"]).await.exits(1);
    assert!(wrong.stderr.contains("nothing") && wrong.stdout.is_empty(), "{wrong:?}");
    let _no_file = platform.rfe(&["apply", "-f", "nowhere.yaml"]).await.exits(1);
    // Alone: where a service has a variable of its own, that is its address.
    let mut command = tool::command(&tool::rfe());
    command.args(["--url", "http://127.0.0.1:9", "sources"]);
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let unreachable = cli::finish(command, String::new()).await.exits(5);
    assert!(unreachable.stderr.contains("127.0.0.1:9"), "{unreachable:?}");

    let mut command = tool::command(&tool::rfe());
    command.current_dir(platform.work()).args(["up", "--data", "other"]).env("RFE_HTTP_ADDR", "nowhere");
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let configuration = cli::finish(command, String::new()).await.exits(78);
    assert!(
        configuration.stderr.contains("RFE_HTTP_ADDR") && configuration.stderr.contains("nowhere"),
        "{configuration:?}"
    );
    assert!(files_below(&platform.work().join("other"), ".db").is_empty(), "nothing was made");
}

#[tokio::test]
async fn an_unknown_setting_is_a_warning_that_names_the_nearest() {
    let platform = Settings::default().with("RFE_BATCH_MAX_AGE", "5").start().await;
    assert!(platform.log().contains("RFE_BATCH_MAX_AGE_MS"), "{}", platform.log());
}
