//! A source is looked at before it is read.

use rfe_client::Client;
use rfe_proto::{
    ingest::{Preview, PreviewColumn, PreviewSourceRequest, preview_source_request::Of},
    metadata,
};
use rfe_tests::{MockApi, Platform, grpc::reason, mock_api::Mood};
use serde_json::Value as Json;
use tonic::{Code, Status};

async fn preview(platform: &Platform, name: &str, rows: i32) -> Result<Preview, Status> {
    let request = PreviewSourceRequest { of: Some(Of::Name(name.to_owned())), rows };
    Ok(platform.ingest_service().preview_source(request).await?.into_inner().preview.expect("a preview"))
}

fn cells(preview: &Preview) -> Vec<Vec<Option<&str>>> {
    preview.rows.iter().map(|row| row.cells.iter().map(|cell| cell.text.as_deref()).collect()).collect()
}

fn columns(preview: &Preview) -> Vec<(&str, &str, &str)> {
    let of = |column| {
        let PreviewColumn { name, r#type, change, .. }: &PreviewColumn = column;
        (name.as_str(), r#type.as_str(), change.as_str())
    };
    preview.columns.iter().map(of).collect()
}

// Nothing that a run leaves behind is there.
async fn nothing_landed(platform: &Platform, source: &str) {
    assert_eq!(platform.runs(source).await, []);
    assert!(platform.letters(source).await.is_empty());
    let request = metadata::ListSchemaVersionsRequest { dataset: source.to_owned(), ..Default::default() };
    match platform.metadata_service().list_schema_versions(request).await {
        Ok(versions) => assert_eq!(versions.into_inner().schema_versions, []),
        Err(status) => assert_eq!(status.code(), Code::NotFound),
    }
    let objects = platform.objects().await;
    let of_it = format!("/{source}/");
    assert!(!objects.iter().any(|name| name.ends_with(".parquet") && name.contains(&of_it)), "{objects:?}");
}

#[tokio::test]
async fn rows_types_and_bad_rows_are_shown_and_nothing_lands() {
    let platform = Platform::start().await;
    platform.write(
        "people.csv",
        "id,name,born,score\n1,Ada,1815-12-10,1.5\n2,,1912-06-23,2\n3,Alan\n4,\"\",1906-12-09,\n",
    );
    platform
        .apply("version: 1\nsources:\n- {name: people, kind: csv, config: {location: people.csv}}\n")
        .await;
    let preview = preview(&platform, "people", 0).await.expect("it can be read");
    assert_eq!(
        columns(&preview),
        [("id", "BIGINT", ""), ("name", "VARCHAR", ""), ("born", "DATE", ""), ("score", "DOUBLE", "")]
    );
    assert_eq!(
        cells(&preview),
        [
            [Some("1"), Some("Ada"), Some("1815-12-10"), Some("1.5")],
            [Some("2"), None, Some("1912-06-23"), Some("2.0")],
            [Some("4"), Some(""), Some("1906-12-09"), None],
        ]
    );
    let bad = &preview.bad_records[0];
    let position = bad.position.clone().expect("a place");
    assert_eq!((bad.code.as_str(), position.line, bad.raw.as_str()), ("RAGGED_ROW", 4, "3,Alan"));
    assert!(position.file.ends_with("people.csv"), "{position:?}");
    assert_eq!((preview.records_read, preview.records_bad, preview.complete), (4, 1, true));
    assert_eq!((preview.schema_version, preview.would_fail.as_str()), (0, ""));
    nothing_landed(&platform, "people").await;
}

#[tokio::test]
async fn few_rows_of_a_large_file_are_read_and_said_to_be_the_first() {
    let platform = Platform::start().await;
    let rows: String = (0..2_000_000).map(|id| format!("{id},name {id}\n")).collect();
    platform.write("large.csv", format!("id,name\n{rows}"));
    platform.apply("version: 1\nsources:\n- {name: large, kind: csv, config: {location: large.csv}}\n").await;
    let few = preview(&platform, "large", 3).await.expect("it can be read");
    assert_eq!((few.rows.len(), few.complete), (3, false));
    assert!(few.records_read < 200_000, "{}", few.records_read);
    let many = preview(&platform, "large", 100_000).await.expect("it can be read");
    assert_eq!(many.rows.len(), 1000, "the most");
    let text = platform.rfe(&["preview", "large", "--rows", "2"]).await.ok().stdout;
    assert!(text.contains("the first ") && text.contains("name 1") && !text.contains("name 2"), "{text}");
}

#[tokio::test]
async fn what_would_change_is_told_by_policy() {
    let platform = Platform::start().await;
    platform.write("drift.csv", "id,name,gone\n1,a,x\n");
    let yaml = |policy: &str| {
        format!(
            "version: 1\nsources:\n- {{name: drift, kind: csv, schema_policy: {policy}, on_bad_row: fail, \
             config: {{location: drift.csv}}}}\n"
        )
    };
    platform.apply(&yaml("evolve")).await;
    let _run = platform.pulled("drift").await;
    platform.write("drift.csv", "id,name,fresh\n1.5,b,2026-01-01\n");

    let evolves = preview(&platform, "drift", 0).await.expect("it can be read");
    assert_eq!(
        columns(&evolves),
        [
            ("id", "DOUBLE", "was BIGINT"),
            ("name", "VARCHAR", ""),
            ("gone", "VARCHAR", "missing"),
            ("fresh", "DATE", "new"),
        ]
    );
    assert_eq!(cells(&evolves), [[Some("1.5"), Some("b"), None, Some("2026-01-01")]]);
    assert_eq!((evolves.schema_version, evolves.changes.len(), evolves.would_fail.as_str()), (1, 3, ""));

    platform.apply(&yaml("freeze")).await;
    let frozen = preview(&platform, "drift", 0).await.expect("it can be read");
    assert!(
        frozen.would_fail.contains("freeze") && frozen.would_fail.contains("`fresh`"),
        "{}",
        frozen.would_fail
    );
    platform.apply(&yaml("discard")).await;
    let held = preview(&platform, "drift", 0).await.expect("it can be read");
    let left_out = (held.records_read, held.rows.len(), held.would_fail.as_str());
    assert_eq!(left_out, (1, 0, ""), "a record that is left out fails no run");
    platform.write("drift.csv", "id,name,fresh\n2,b,2026-01-01\n");
    let discards = preview(&platform, "drift", 0).await.expect("it can be read");
    assert_eq!((discards.discarded_columns.as_slice(), discards.records_bad), (&["fresh".to_owned()][..], 0));
    assert_eq!(columns(&discards).last(), Some(&("fresh", "DATE", "left out")));
    platform.apply(&yaml("quarantine")).await;
    let quarantines = preview(&platform, "drift", 0).await.expect("it can be read");
    assert_eq!(quarantines.bad_records.len(), 1, "`fresh` is no column: {quarantines:?}");

    let text = platform.rfe(&["preview", "drift"]).await.ok().stdout;
    assert!(text.contains("changes against schema version 1"), "{text}");
    assert_eq!(platform.dataset("drift").await.schema_version, 1, "nothing was changed");
    assert_eq!(platform.runs("drift").await.len(), 1);
}

#[tokio::test]
async fn too_many_bad_rows_and_a_source_that_breaks_off_would_fail() {
    let platform = Platform::start().await;
    platform.write("bad.csv", "a,b\n1,2\n3\n");
    platform
        .apply(
            "version: 1\nsources:\n- {name: bad, kind: csv, on_bad_row: fail, config: {location: bad.csv}}\n",
        )
        .await;
    let preview = preview(&platform, "bad", 0).await.expect("it can be read");
    assert!(preview.would_fail.contains("on_bad_row is `fail`"), "{}", preview.would_fail);
    assert_eq!((preview.rows.len(), preview.bad_records.len()), (1, 1));
}

#[tokio::test]
async fn an_api_is_asked_for_no_more_pages_than_rows_need() {
    let api = MockApi::start(100).await;
    let platform = Platform::start().await;
    platform
        .apply(&format!(
            "version: 1\nsources:\n- {{name: api, kind: rest, config: {{url: {}/customers, records: /data, \
             pagination: {{kind: page, page_param: page, limit_param: limit, limit: 10}}}}}}\n",
            api.url
        ))
        .await;
    let shown = preview(&platform, "api", 15).await.expect("it can be read");
    assert_eq!((shown.rows.len(), shown.records_read, shown.complete), (15, 20, false));
    // A page ahead at most.
    assert!((2..=3).contains(&api.calls().len()), "{:?}", api.calls());
    api.be(Mood::Failing(401));
    let refused = preview(&platform, "api", 0).await.expect_err("it can't be read");
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::FailedPrecondition, "SOURCE_UNREADABLE"));
    assert!(refused.message().contains("HTTP_STATUS") && refused.message().contains("401"), "{refused}");
    nothing_landed(&platform, "api").await;
}

#[tokio::test]
async fn more_than_two_at_once_are_asked_to_come_again() {
    let api = MockApi::start(10).await;
    let platform = Platform::start().await;
    platform
        .apply(&format!("version: 1\nsources:\n- {{name: api, kind: rest, config: {{url: {}/customers, records: /data}}}}\n", api.url))
        .await;
    api.be(Mood::Stuck);
    let third = async {
        rfe_tests::until("two are at it", || async { (api.calls().len() == 2).then_some(()) }).await;
        let third = preview(&platform, "api", 0).await;
        api.be(Mood::Well);
        third
    };
    let (first, second, third) =
        tokio::join!(preview(&platform, "api", 0), preview(&platform, "api", 0), third);
    assert!(first.is_ok() && second.is_ok(), "{first:?} {second:?}");
    let third = third.expect_err("two are at it");
    assert_eq!((third.code(), reason(&third).as_str()), (Code::ResourceExhausted, "TOO_MANY_CALLS"));
}

#[tokio::test]
async fn sources_of_a_file_are_previewed_before_they_are_applied() {
    let platform = Platform::start().await;
    platform.write("a.csv", "id\n1\n");
    platform.write("b.ndjson", "{\"k\": {\"x\": 1}}\n{\"k\": 5, \"l\": true}\n");
    platform.write(
        "new.yaml",
        "version: 1\nsources:\n- {name: a, kind: csv, config: {location: a.csv}}\n\
         - {name: b, kind: json, config: {location: b.ndjson}}\n- {name: hook, kind: webhook}\n",
    );
    let all = platform.rfe(&["preview", "-f", "new.yaml", "--json"]).await.ok();
    let shown: Vec<Json> = all.json_lines();
    assert_eq!(shown.iter().map(|one| &one["source"]).collect::<Vec<_>>(), ["a", "b"]);
    assert!(all.stderr.contains("hook") && all.stderr.contains("nothing to read"), "{}", all.stderr);
    assert_eq!(shown[1]["columns"][0]["type"], "VARCHAR");
    assert_eq!(shown[1]["rows"][1]["cells"][1]["text"], "true");
    let one = platform.rfe(&["preview", "-f", "new.yaml", "b", "--json"]).await.ok().json();
    assert_eq!(one["source"], "b");
    assert!(platform.rfe(&["sources", "--json"]).await.ok().stdout.is_empty(), "none was declared");

    let unknown = platform.rfe(&["preview", "-f", "new.yaml", "c"]).await.exits(4);
    assert!(unknown.stderr.contains("has no source `c`"), "{}", unknown.stderr);
    let _hook = platform.rfe(&["preview", "-f", "new.yaml", "hook"]).await.exits(1);
    platform
        .write("wrong.yaml", "version: 1\nsources:\n- name: a\n  kind: csv\n  config: {locaton: a.csv}\n");
    let wrong = platform.rfe(&["preview", "-f", "wrong.yaml"]).await.exits(78);
    assert!(
        wrong.stderr.contains("wrong.yaml:5:12: sources[0].config.locaton: unknown key"),
        "{}",
        wrong.stderr
    );
}

#[tokio::test]
async fn what_can_not_be_previewed_says_why() {
    let mut platform = Platform::start().await;
    platform
        .apply("version: 1\nsources:\n- {name: gone, kind: csv, config: {location: gone.csv}}\n- {name: hook, kind: webhook}\n")
        .await;
    for (name, code, expected) in [
        ("nothing", Code::NotFound, "SOURCE_NOT_FOUND"),
        ("gone", Code::FailedPrecondition, "SOURCE_UNREADABLE"),
        ("hook", Code::FailedPrecondition, "SOURCE_KIND_MISMATCH"),
        ("", Code::InvalidArgument, "INVALID_FIELD"),
    ] {
        let status = preview(&platform, name, 0).await.expect_err(name);
        assert_eq!((status.code(), reason(&status).as_str()), (code, expected), "{status}");
    }
    let outside = metadata::Source {
        name: "outside".to_owned(),
        kind: "csv".to_owned(),
        config: Some(rfe_model::structure::to_struct(&serde_json::json!({"location": "/etc/passwd"}))),
        ..Default::default()
    };
    let client = Client::connect(platform.endpoints()).expect("a client");
    let refused = client.preview_spec(outside.clone(), 0).await.expect_err("outside the roots");
    assert!(refused.to_string().contains("PATH_NOT_ALLOWED"), "{refused}");
    let wrong = metadata::Source { kind: "cvs".to_owned(), ..outside };
    let refused = client.preview_spec(wrong, 0).await.expect_err("no kind");
    assert_eq!(refused.violations()[0].path, "source.kind");

    let _found = platform.rfe(&["preview", "nothing"]).await.exits(4);
    let _unreadable = platform.rfe(&["preview", "gone"]).await.exits(1);
    let _usage = platform.rfe(&["preview"]).await.exits(2);
    let url = platform.grpc_url();
    platform.stop().await;
    let _unreachable = platform.rfe(&["preview", "gone", "--url", &url]).await.exits(5);
}
