//! What the registry and the lake look like from outside: psql, a bare DuckDB. They outlive processes and their folders.

use std::sync::Arc;

use rfe_proto::metadata::RunState;
use rfe_test_servers::psql;
use rfe_tests::{MockApi, Platform, Settings, ground::RealGround, mock_api::Mood, until};
use serde_json::Value as Json;

const PEOPLE: &str = "version: 1\nsources:\n- {name: people, kind: csv, config: {location: people.csv}}\n\
    - {name: events, kind: webhook}\n";

fn real(platform: &Platform) -> Arc<RealGround> {
    platform.ground().stores().expect("this journey is about real servers").clone()
}

// Three good rows and a bad one; then an event.
async fn with_people() -> Platform {
    let platform = Settings::default().start().await;
    platform.write("people.csv", "id,name\n1,ann\n2,bob,surplus\n3,cid\n4,dee\n");
    platform.apply(PEOPLE).await;
    let _run = platform.pulled("people").await;
    assert_eq!(platform.webhook("events").json("{\"n\": 1}").await.status, 200);
    platform.shows("SELECT n FROM events", &["1"]).await;
    platform
}

#[tokio::test]
async fn the_registry_is_read_with_psql() {
    let platform = with_people().await;
    let ground = real(&platform);
    let ask = |sql: &'static str| psql(ground.database(), sql);
    let summary = "SELECT source_name, row_count, total_rows, runs, failures, schema_version, succeeded_at > now() - interval '1 hour' \
        FROM ingestion_run_summary WHERE source_name = 'people'";
    assert_eq!(ask(summary).await, ["people|3|3|1|0|1|t"]);
    let failures = "SELECT source_name, stage, code, state, created_at > now() - interval '1 hour', length(run_id) \
        FROM ingestion_failures WHERE kind <> 'attempt'";
    assert_eq!(ask(failures).await, ["people|decode|RAGGED_ROW|open|t|36"]);
    let runs = "SELECT source_name, state FROM ingestion_runs ORDER BY source_name";
    assert_eq!(ask(runs).await, ["events|succeeded", "people|succeeded"]);
    assert_eq!(ask("SELECT count(*) FROM ingestion_schemas WHERE dataset = 'people'").await, ["1"]);
}

#[tokio::test]
async fn objects_lie_in_the_buckets_under_the_keys_of_the_contract() {
    let platform = with_people().await;
    let objects = platform.objects().await;
    let day = platform.value("SELECT strftime(now(), '%Y-%m-%d')").await;
    let run = &platform.runs("people").await[0];
    for bucket in ["raw", "processed"] {
        let folder = format!("{bucket}/people/dt={day}/{}/", run.run_id);
        let files: Vec<&str> = objects.iter().filter_map(|name| name.strip_prefix(folder.as_str())).collect();
        assert_eq!(files.len(), 1, "{folder} in {objects:?}");
        let name = files[0].strip_suffix(".parquet").expect("a Parquet file");
        let parts: Vec<&str> = name.split('-').collect();
        assert!(parts.len() == 3 && parts[0] == "1" && parts[1].parse::<u32>().is_ok(), "{name}");
        assert!(parts[2].chars().all(|c| c.is_ascii_hexdigit()) && parts[2].len() >= 16, "{name}");
    }
    let in_buckets = real(&platform);
    let counted = format!(
        "SELECT count(*) AS n FROM read_parquet('s3://{}/people/**/*.parquet')",
        in_buckets.buckets().processed
    );
    assert_eq!(in_buckets.duckdb(&counted).await[0]["n"], 3);
    assert!(!platform.data().join("lake").exists() && !platform.data().join("registry.db").exists());
}

#[tokio::test]
async fn a_letter_is_a_document_in_the_bucket_of_dead_letters() {
    let platform = with_people().await;
    let letter = platform.only_letter("people").await;
    let objects = platform.objects().await;
    let end = format!("/{}.json", letter.id);
    let name = objects.iter().find(|name| name.starts_with("dead-letter/people/dt=") && name.ends_with(&end));
    let name = name.unwrap_or_else(|| panic!("{end} is not in {objects:?}"));
    let text = platform.object(name).await;
    let document: Json = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error} in {text}"));
    for (field, value) in [
        ("id", letter.id.as_str()),
        ("kind", "record"),
        ("source", "people"),
        ("stage", "decode"),
        ("code", "RAGGED_ROW"),
    ] {
        assert_eq!(document[field], value, "{field} of {document}");
    }
    assert_eq!(document["position"]["line"], 3, "{document}");
    assert!(document["raw_base64"].as_str().is_some_and(|raw| !raw.is_empty()), "{document}");
}

#[tokio::test]
async fn a_new_data_folder_over_the_same_ground_shows_and_goes_on_with_all_data() {
    let mut first = with_people().await;
    let letter = first.only_letter("people").await;
    first.stop().await;
    // The source goes on naming the file where it was.
    let roots = first.work().display().to_string();
    let mut second =
        Platform::prepare_on(first.ground().clone(), Settings::default().with("RFE_SOURCE_ROOTS", roots));
    second.restart().await;
    assert_eq!(second.sql("SELECT name FROM people ORDER BY id").await, ["ann", "cid", "dee"]);
    assert_eq!(second.sql("SELECT body FROM raw.events").await.len(), 1);
    assert_eq!(second.only_letter("people").await.id, letter.id);
    first.write("people.csv", "id,name\n5,eve\n");
    let _run = second.pulled("people").await;
    assert_eq!(second.sql("SELECT name FROM people").await, ["eve"]);
    assert_eq!(
        second.value("SELECT count(*) FROM meta.ingestion_runs WHERE source_name = 'people'").await,
        "2"
    );
}

// Where the queue is gone with its folder, the registry knows what was to be done.
#[tokio::test]
async fn work_that_was_open_comes_back_with_a_new_data_folder() {
    let api = MockApi::start(45).await;
    let mut first = Settings::default().start().await;
    let source = format!(
        "version: 1\nsources:\n- {{name: paged, kind: rest, config: {{url: {}/customers, records: /data, \
         pagination: {{kind: page, page_param: page, limit_param: limit, limit: 10}}}}}}\n",
        api.url
    );
    first.apply(&source).await;
    api.be(Mood::Stuck);
    let run_id = first.submit("paged").await;
    until("the run asks the API", || async { (!api.calls().is_empty()).then_some(()) }).await;
    first.kill_nine();
    api.be(Mood::Well);
    let mut second = Platform::prepare_on(first.ground().clone(), Settings::default());
    second.restart().await;
    let run = second.ended_run(&run_id).await;
    assert_eq!(run.state(), RunState::Succeeded, "{run:?}");
    assert_eq!(second.value("SELECT count(*) || ' ' || count(DISTINCT id) FROM paged").await, "45 45");
}
