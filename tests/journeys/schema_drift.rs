//! What sources do to their columns over time.

use rfe_proto::metadata::{ListSchemaVersionsRequest, RunState};
use rfe_tests::Platform;

async fn post(platform: &Platform, id: &str, body: &str) {
    let reply = platform.webhook("drifting").header("ce-id", id).json(body).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    let landed = format!("SELECT count(*) FROM drifting WHERE _event_id = '{id}'");
    platform.shows(&landed, &["1"]).await;
}

#[tokio::test]
async fn a_new_column_is_a_new_version_and_older_rows_have_null_there() {
    let platform = Platform::start().await;
    post(&platform, "1", r#"{"a": 1}"#).await;
    post(&platform, "2", r#"{"a": 2, "b": "new"}"#).await;
    post(&platform, "3", r#"{"b": "only"}"#).await;
    let rows = platform.sql("SELECT _event_id, a, b FROM drifting ORDER BY _event_id").await;
    assert_eq!(rows, ["1|1|NULL", "2|2|new", "3|NULL|only"]);
    let request = ListSchemaVersionsRequest { dataset: "drifting".to_owned(), ..Default::default() };
    let answer =
        platform.metadata_service().list_schema_versions(request).await.expect("versions are listed");
    let versions = answer.into_inner().schema_versions;
    assert!(versions.len() >= 2, "{versions:?}");
    let second = versions.iter().find(|version| version.version == 2).expect("there is a second version");
    assert!(second.changes.iter().any(|change| change.contains('b')), "{second:?}");
    let first_versions =
        platform.sql("SELECT _schema_version FROM drifting ORDER BY _event_id LIMIT 2").await;
    assert_eq!(first_versions, ["1", "2"]);
    assert_eq!(platform.value("SELECT max(version) >= 2 FROM meta.ingestion_schemas").await, "true");
}

#[tokio::test]
async fn a_type_widens_and_no_value_loses_a_digit() {
    let platform = Platform::start().await;
    post(&platform, "1", r#"{"n": 1}"#).await;
    assert_eq!(platform.columns("main.drifting").await[0], "n BIGINT");
    post(&platform, "2", r#"{"n": 2.5}"#).await;
    assert_eq!(platform.columns("main.drifting").await[0], "n DOUBLE");
    assert_eq!(platform.value("SELECT sum(n) FROM drifting").await, "3.5");
    post(&platform, "3", r#"{"n": "three"}"#).await;
    assert_eq!(platform.columns("main.drifting").await[0], "n VARCHAR");
    assert_eq!(platform.sql("SELECT n FROM drifting ORDER BY _event_id").await, ["1", "2.5", "three"]);
}

#[tokio::test]
async fn an_integer_beyond_double_widens_to_text_not_to_double() {
    let platform = Platform::start().await;
    post(&platform, "1", r#"{"n": 9007199254740993}"#).await;
    post(&platform, "2", r#"{"n": 0.5}"#).await;
    assert_eq!(platform.sql("SELECT n FROM drifting ORDER BY _event_id").await, ["9007199254740993", "0.5"]);
}

#[tokio::test]
async fn a_nested_value_today_and_a_scalar_tomorrow_is_no_error() {
    let platform = Platform::start().await;
    post(&platform, "1", r#"{"v": {"a": [1, 2]}}"#).await;
    post(&platform, "2", r#"{"v": 5}"#).await;
    let rows = platform.sql("SELECT _event_id, v FROM drifting ORDER BY _event_id").await;
    assert_eq!(rows[1], "2|5");
    assert_eq!(rows[0].replace(' ', ""), r#"1|{"a":[1,2]}"#);
}

#[tokio::test]
async fn names_that_differ_in_case_or_mean_lineage_get_their_own_columns() {
    let platform = Platform::start().await;
    post(&platform, "1", r#"{"id": 1, "ID": 2, "_run_id": "mine"}"#).await;
    assert_eq!(platform.value("SELECT id, \"ID_2\", src__run_id FROM drifting").await, "1|2|mine");
}

#[tokio::test]
async fn a_new_column_in_a_file_is_schema_version_two_and_rows_keep_their_count() {
    let platform = Platform::start().await;
    platform.write("people.csv", "id,name\n1,a\n2,b\n");
    platform
        .apply("version: 1\nsources:\n- {name: people, kind: csv, config: {location: people.csv}}\n")
        .await;
    assert_eq!(platform.pulled("people").await.schema_version, 1);
    platform.write("people.csv", "id,name,city\n1,a,Bonn\n2,b,\n");
    assert_eq!(platform.pulled("people").await.schema_version, 2);
    assert_eq!(platform.sql("SELECT id, city FROM people ORDER BY id").await, ["1|Bonn", "2|NULL"]);
    platform.write("people.csv", "id,name\n1,a\n");
    let third = platform.pulled("people").await;
    assert!(third.schema_version >= 2, "a column that is missing is no error: {third:?}");
    assert_eq!(platform.sql("SELECT id, city FROM people").await, ["1|NULL"]);
}

#[tokio::test]
async fn a_frozen_source_refuses_new_columns_and_shows_what_it_had() {
    let platform = Platform::start().await;
    platform.write("frozen.csv", "id\n1\n");
    platform.apply("version: 1\nsources:\n- {name: frozen, kind: csv, schema_policy: freeze, config: {location: frozen.csv}}\n").await;
    let _first = platform.pulled("frozen").await;
    platform.write("frozen.csv", "id,extra\n2,x\n");
    let run = platform.pull("frozen").await;
    assert_eq!(
        (run.state(), run.error_code.as_str()),
        (RunState::Failed, "SCHEMA_POLICY_VIOLATED"),
        "{run:?}"
    );
    assert!(run.error.contains("extra"), "{}", run.error);
    assert_eq!(platform.sql("SELECT id FROM frozen").await, ["1"]);
}
