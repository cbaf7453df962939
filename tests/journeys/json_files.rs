//! JSON is read from files.

use rfe_proto::metadata::RunState;
use rfe_tests::{Platform, fixture::gzip, grpc::assert_counts};

#[tokio::test]
async fn a_record_a_line_lands_with_its_exact_text_in_raw() {
    let platform = Platform::start().await;
    let lines =
        "{\"b\": 1.50, \"a\": {\"x\": [1, 2]}}\n\n{\"a\": null, \"b\": 2, \"c\": \"new\"}\nnot json\n";
    platform.write("lines.ndjson", lines);
    platform.apply("version: 1\nsources:\n- {name: lines, kind: json, config: {location: lines.ndjson}, json: {format: ndjson}}\n").await;
    assert_counts(&platform.pulled("lines").await, [3, 2, 1, 0]);
    assert_eq!(platform.columns("main.lines").await[..3], ["b DOUBLE", "a JSON", "c VARCHAR"]);
    let rows = platform.sql("SELECT b, a->>'$.x[1]', c FROM lines ORDER BY b").await;
    assert_eq!(rows, ["1.5|2|NULL", "2.0|NULL|new"]);
    let raw = platform.sql("SELECT _line, body FROM raw.lines ORDER BY _line").await;
    assert_eq!(raw, ["1|{\"b\": 1.50, \"a\": {\"x\": [1, 2]}}", "3|{\"a\": null, \"b\": 2, \"c\": \"new\"}"]);
    let letter = platform.only_letter("lines").await;
    assert_eq!((letter.code.as_str(), letter.position.expect("a place").line), ("NOT_JSON", 4));
    assert_eq!(letter.raw_base64.trim_ascii_end(), b"not json");
}

#[tokio::test]
async fn a_list_within_a_document_is_read_and_paths_become_columns() {
    let platform = Platform::start().await;
    let items: Vec<_> =
        (0..500).map(|id| format!(r#"{{"id": {id}, "address": {{"city": "Town {}"}}}}"#, id % 3)).collect();
    platform.write("list.json.gz", gzip(&format!("{{\"total\": 500, \"data\": [{}]}}", items.join(",\n"))));
    platform
        .apply(
            "version: 1\nsources:\n- {name: list, kind: json, config: {location: \"*.json.gz\"}, \
             json: {format: array, records: /data, paths: {city: /address/city}}}\n",
        )
        .await;
    assert_counts(&platform.pulled("list").await, [500, 500, 0, 0]);
    assert_eq!(platform.value("SELECT count(*) FROM list WHERE city = 'Town 1'").await, "167");
    platform.write("list.json.gz", gzip("{\"data\": [{\"id\": 1}, {\"id\""));
    assert_eq!(
        platform.pull("list").await.state(),
        RunState::Failed,
        "a document that breaks off is no document"
    );
    assert_eq!(platform.value("SELECT count(*) FROM list").await, "500");
}
