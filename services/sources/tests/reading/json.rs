use rfe_model::{SourceSpec, SqlType, source::JsonSpec};
use rfe_sources::conformance::{self, Case};
use serde_json::json;

use crate::desk::{Desk, column, expecting, kind, names, observed, raw, read, some};

#[tokio::test]
async fn the_suite_passes_on_lines() {
    let desk = Desk::new();
    desk.write("a.ndjson", "{\"id\":1,\"a\":{\"z\":1.0}}\n\n{\"id\":2\n[1,2]\n{\"ID\":3,\"id\":\"x\"}\n{\"id\":4,\"n\":\"many\"}\r\n");
    let case = Case {
        kind: kind("json"),
        spec: desk.spec("json", json!({"location": "*.ndjson"})),
        context: expecting(desk.context(), &[("n", SqlType::BigInt)]),
        records: 5,
        bad: 2,
        mend: |raw| {
            let text = String::from_utf8(raw.to_vec()).expect("text");
            if text.contains("many") {
                text.replace("\"many\"", "7").into_bytes()
            } else {
                format!("{text}}}").into_bytes()
            }
        },
    };
    conformance::run(&case).await;
}

#[tokio::test]
async fn the_suite_passes_on_lists_and_documents() {
    let desk = Desk::new();
    desk.write("list.json", "\n [{\"id\":1},\n {\"id\":tru},\n 5 ]\n");
    desk.write("doc.json", "{\"meta\":{},\n\"data\":[{\"id\":1},\n{\"id\":2.50}]}");
    let list = Case {
        kind: kind("json"),
        spec: desk.spec("json", json!({"location": "list.json"})),
        context: desk.context(),
        records: 3,
        bad: 1,
        mend: |_| b"{\"id\":true}".to_vec(),
    };
    conformance::run(&list).await;
    let spec = desk.spec("json", json!({"location": "doc.json"}));
    let records = JsonSpec { records: Some("/data".to_owned()), ..JsonSpec::default() };
    let document = Case { spec: SourceSpec { json: records, ..spec }, records: 2, bad: 0, ..list };
    conformance::run(&document).await;
    let chunks = read(&document.spec, &document.context).await.expect("read");
    assert_eq!(raw(&chunks, "body"), some(&["{\"id\":1}", "{\"id\":2.50}"]));
    assert_eq!(column(&chunks, "id"), some(&["1", "2.50"]));
    let lines: Vec<_> =
        chunks[0].raw.column("_line").expect("_line").i64().expect("integers").iter().flatten().collect();
    assert_eq!(lines, [2, 3]);
}

#[tokio::test]
async fn values_keep_their_text_and_types_mix_by_the_contract() {
    let desk = Desk::new();
    desk.write(
        "a.json",
        concat!(
            "{\"n\":1,\"s\":\"2026-01-01\",\"o\":{\"b\":1,\"a\":2},\"m\":1,\"x\":12345678901234567890}\n",
            "{\"n\":1.50,\"s\":null,\"o\":5,\"m\":true,\"e\":\"\\u00e9\"}\n",
        ),
    );
    let chunks = desk.read("json", json!({"location": "a.json"})).await.expect("read");
    assert_eq!(names(&chunks[0]), ["n", "s", "o", "m", "x", "e"]);
    assert_eq!(column(&chunks, "n"), some(&["1", "1.50"]));
    assert_eq!(column(&chunks, "o"), some(&["{\"b\":1,\"a\":2}", "5"]));
    assert_eq!(column(&chunks, "e"), [None, Some("é".to_owned())]);
    for (name, of) in [
        ("n", SqlType::Double),
        ("s", SqlType::Varchar),
        ("o", SqlType::Varchar),
        ("m", SqlType::Varchar),
        ("x", SqlType::Varchar),
    ] {
        assert_eq!(observed(&chunks, name), Some(of), "{name}");
    }
}

#[tokio::test]
async fn a_column_declared_json_holds_json_whatever_the_value() {
    let desk = Desk::new();
    desk.write("a.json", "{\"j\":\"x\"}\n{\"j\":5}\n{\"j\":null}\n");
    let context = expecting(desk.context(), &[("j", SqlType::Json)]);
    let chunks = read(&desk.spec("json", json!({"location": "a.json"})), &context).await.expect("read");
    assert_eq!(column(&chunks, "j"), [Some("\"x\"".to_owned()), Some("5".to_owned()), None]);
}

#[tokio::test]
async fn a_list_that_ends_early_is_an_error() {
    let desk = Desk::new();
    for text in ["[{\"a\":1},{\"a\":2}", "[{\"a\":1},{\"a\"", "[{\"a\":1}] x", "[1 , ]"] {
        desk.write("a.json", text);
        let error = desk.read("json", json!({"location": "a.json"})).await.expect_err("cut");
        assert!(error.is_permanent() && error.code == "NOT_JSON", "{text}: {error}");
    }
}

#[tokio::test]
async fn a_map_taken_for_an_object_does_not_make_columns_without_end() {
    let desk = Desk::new();
    let lines: String = (0..2100).map(|n| format!("{{\"k{n}\":1}}\n")).collect();
    desk.write("a.json", lines);
    let chunks = desk.read("json", json!({"location": "a.json"})).await.expect("read");
    assert_eq!(chunks.iter().map(|chunk| chunk.bad.len()).sum::<usize>(), 100);
    assert_eq!(chunks[0].bad[0].code, "TOO_MANY_COLUMNS");
}
