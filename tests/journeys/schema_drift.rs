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
async fn types_widen_from_file_to_file_and_late_within_one_and_no_text_is_lost() {
    let platform = Platform::start().await;
    platform.apply("version: 1\nsources:\n- {name: late, kind: csv, config: {location: late.csv}}\n").await;
    for (text, kind) in
        [("1\n", "BIGINT"), ("2.50\n", "DOUBLE"), ("3\n", "DOUBLE"), ("x\n", "VARCHAR"), ("5\n", "VARCHAR")]
    {
        platform.write("late.csv", format!("n\n{text}"));
        platform.pulled("late").await;
        assert_eq!(platform.columns("main.late").await[0], format!("n {kind}"), "{text:?}");
    }
    let versions = platform.sql("SELECT version, changes FROM meta.ingestion_schemas ORDER BY version").await;
    assert_eq!(versions.len(), 3, "{versions:?}");
    assert!(versions[1].contains("widens from BIGINT to DOUBLE"), "{versions:?}");

    let mut lines: String = (0..60_000).map(|n| format!("{n}.10\n")).collect();
    lines.push_str("late\n");
    platform.write("within.csv", format!("n\n{lines}"));
    platform
        .apply("version: 1\nsources:\n- {name: within, kind: csv, config: {location: within.csv}}\n")
        .await;
    platform.pulled("within").await;
    assert_eq!(
        platform.sql("SELECT n FROM within WHERE n IN ('0.10', '59999.10', 'late') ORDER BY n").await,
        ["0.10", "59999.10", "late"]
    );
}

#[tokio::test]
async fn every_change_is_seen_with_the_run_that_brought_it() {
    let platform = Platform::start().await;
    platform.write("seen.csv", "id,gone\n1,a\n");
    platform.apply("version: 1\nsources:\n- {name: seen, kind: csv, config: {location: seen.csv}}\n").await;
    let first = platform.pulled("seen").await;
    platform.write("seen.csv", "id,extra\n1.5,a\n");
    let second = platform.pulled("seen").await;
    platform.write("seen.csv", "id,extra,gone\n1.5,a,b\n");
    let third = platform.pulled("seen").await;

    let shown = platform.rfe(&["schema", "seen", "--versions"]).await.ok().stdout;
    for run in [&first, &second, &third] {
        assert!(shown.contains(&run.run_id), "{shown}");
    }
    for change in [
        "new column `id` BIGINT",
        "column `id` widens from BIGINT to DOUBLE",
        "new column `extra` VARCHAR",
        "column `gone` is missing",
        "column `gone` is back",
    ] {
        assert!(shown.contains(change), "{change} in {shown}");
    }
    let short = platform.rfe(&["schema", "seen"]).await.ok().stdout;
    assert!(short.contains("DOUBLE") && short.contains(&third.run_id), "{short}");
    let listed = platform.rfe(&["schema", "seen", "--versions", "--json"]).await.ok().json_lines();
    assert_eq!((listed.len(), &listed[0]["run_id"]), (3, &serde_json::json!(third.run_id)));
    let rows = platform
        .sql("SELECT version, run_id, changes LIKE '%`gone` is missing%' FROM meta.ingestion_schemas ORDER BY version")
        .await;
    assert_eq!(rows[1], format!("2|{}|true", second.run_id));
}

#[tokio::test]
async fn in_mode_append_a_file_may_lack_a_column_but_not_bring_one_to_a_frozen_dataset() {
    let platform = Platform::start().await;
    let declared = |columns: &str| {
        format!(
            "version: 1\nsources:\n- {{name: parts, kind: csv, mode: append, schema_policy: freeze, columns: {{{columns}}}, config: {{location: parts/*.csv}}}}\n"
        )
    };
    platform.write("parts/1.csv", "id,n\n1,1\n");
    platform.apply(&declared("")).await;
    platform.pulled("parts").await;
    platform.write("parts/2.csv", "id\n2\n");
    assert_eq!(platform.pulled("parts").await.schema_version, 1, "a part lacks nothing");
    platform.write("parts/3.csv", "id,n,extra\n3,3,x\n");
    let run = platform.pull("parts").await;
    assert_eq!(run.error_code, "SCHEMA_POLICY_VIOLATED", "{run:?}");
    assert_eq!(platform.sql("SELECT id, n FROM parts ORDER BY id").await, ["1|1", "2|NULL"]);
    platform.apply(&declared("extra: VARCHAR")).await;
    platform.pulled("parts").await;
    assert_eq!(platform.sql("SELECT id, extra FROM parts ORDER BY id").await, ["1|NULL", "2|NULL", "3|x"]);
}

/// Three sources of the same records in three kinds, all of one policy, with one reading that fits behind them.
async fn three_kinds(policy: &str) -> Platform {
    let platform = Platform::start().await;
    platform.write("c.csv", "id,n\n1,1\n");
    platform.write("j.ndjson", "{\"id\": 1, \"n\": 1}\n");
    platform
        .apply(&format!(
            "version: 1\nsources:\n\
             - {{name: c, kind: csv, schema_policy: {policy}, config: {{location: c.csv}}}}\n\
             - {{name: j, kind: json, schema_policy: {policy}, config: {{location: j.ndjson}}}}\n\
             - {{name: w, kind: webhook, schema_policy: {policy}, config: {{event_id: {{pointer: /id}}}}}}\n"
        ))
        .await;
    platform.pulled("c").await;
    platform.pulled("j").await;
    assert_eq!(platform.webhook("w").json(r#"{"id": 1, "n": 1}"#).await.status, 200);
    platform.shows("SELECT count(*) FROM w", &["1"]).await;
    // One fits, one brings a column, one a value of another type.
    platform.write("c.csv", "id,n,extra\n2,2,\n3,3,new\n4,many,\n");
    platform.write(
        "j.ndjson",
        "{\"id\": 2, \"n\": 2}\n{\"id\": 3, \"n\": 3, \"extra\": \"new\"}\n{\"id\": 4, \"n\": \"many\"}\n",
    );
    for body in [r#"{"id": 3, "n": 3, "extra": "new"}"#, r#"{"id": 4, "n": "many"}"#, r#"{"id": 2, "n": 2}"#]
    {
        assert_eq!(platform.webhook("w").json(body).await.status, 200, "what is accepted is accepted");
    }
    platform.shows("SELECT count(*) FROM w WHERE id = 2", &["1"]).await;
    platform
}

#[tokio::test]
async fn evolve_takes_all_of_it() {
    let platform = three_kinds("evolve").await;
    for source in ["c", "j"] {
        assert_eq!(platform.pulled(source).await.schema_version, 2, "{source}");
        let rows = platform.sql(&format!("SELECT id, n, extra FROM {source} ORDER BY id")).await;
        assert_eq!(rows, ["2|2|NULL", "3|3|new", "4|many|NULL"], "{source}");
    }
    platform
        .shows("SELECT id, n, extra FROM w ORDER BY id", &["1|1|NULL", "2|2|NULL", "3|3|new", "4|many|NULL"])
        .await;
}

#[tokio::test]
async fn freeze_fails_the_run_and_names_the_columns_and_events_that_drift_are_letters() {
    let platform = three_kinds("freeze").await;
    for source in ["c", "j"] {
        let run = platform.pull(source).await;
        assert_eq!(
            (run.state(), run.error_code.as_str()),
            (RunState::Failed, "SCHEMA_POLICY_VIOLATED"),
            "{source}"
        );
        assert!(run.error.contains("`extra`") && run.error.contains("`n`"), "{}", run.error);
        let letter = platform.only_letter(source).await;
        assert_eq!((letter.kind.as_str(), letter.stage.as_str()), ("job", "contract"));
        assert_eq!(platform.sql(&format!("SELECT id, n FROM {source}")).await, ["1|1"], "{source}");
    }
    assert_eq!(letter_codes(&platform, "w").await, ["BAD_VALUE n", "UNKNOWN_COLUMN extra"]);
    assert_eq!(platform.sql("SELECT id, n FROM w ORDER BY id").await, ["1|1", "2|2"]);
}

#[tokio::test]
async fn quarantine_makes_letters_of_what_drifts_and_lands_the_rest() {
    let platform = three_kinds("quarantine").await;
    for source in ["c", "j"] {
        let run = platform.pulled(source).await;
        assert_eq!(run.schema_version, 1, "{source}");
        assert_eq!(platform.sql(&format!("SELECT id, n FROM {source}")).await, ["2|2"], "{source}");
    }
    for source in ["c", "j", "w"] {
        assert_eq!(
            letter_codes(&platform, source).await,
            ["BAD_VALUE n", "UNKNOWN_COLUMN extra"],
            "{source}"
        );
    }
    assert_eq!(platform.sql("SELECT id, n FROM w ORDER BY id").await, ["1|1", "2|2"]);
}

#[tokio::test]
async fn discard_leaves_out_what_drifts_counts_it_and_shows_it() {
    let platform = three_kinds("discard").await;
    for source in ["c", "j"] {
        let run = platform.pulled(source).await;
        let counters = run.counters.unwrap_or_default();
        assert_eq!((counters.read, counters.landed, counters.discarded), (3, 2, 1), "{source}");
        assert_eq!(
            platform.sql(&format!("SELECT id, n FROM {source} ORDER BY id")).await,
            ["2|2", "3|3"],
            "{source}"
        );
        let counted = format!(
            "SELECT rows_discarded, discarded_columns FROM meta.ingestion_runs WHERE run_id = '{}'",
            run.run_id
        );
        assert_eq!(platform.sql(&counted).await, [r#"1|{"extra":1}"#], "{source}");
        let noted = format!(
            "SELECT left_out LIKE '%extra%{}%' FROM meta.ingestion_schemas WHERE dataset = '{source}'",
            run.run_id
        );
        assert_eq!(platform.value(&noted).await, "true", "{source}");
        let shown = platform.rfe(&["schema", source]).await.ok().stdout;
        assert!(
            shown.contains("LEFT OUT") && shown.contains("extra") && shown.contains(&run.run_id),
            "{shown}"
        );
        assert!(platform.letters(source).await.is_empty(), "{source}");
    }
    platform.shows("SELECT id, n FROM w ORDER BY id", &["1|1", "2|2", "3|3"]).await;
    platform
        .shows("SELECT sum(rows_discarded) FROM meta.ingestion_runs WHERE source_name = 'w'", &["1"])
        .await;
    assert!(platform.letters("w").await.is_empty());
}

async fn letter_codes(platform: &Platform, source: &str) -> Vec<String> {
    let letters = platform.letters_once(source, 2).await;
    let mut codes: Vec<String> =
        letters.iter().map(|letter| format!("{} {}", letter.code, letter.field_path)).collect();
    codes.sort();
    codes
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
