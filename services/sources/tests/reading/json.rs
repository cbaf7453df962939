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

fn with(spec: SourceSpec, json: JsonSpec) -> SourceSpec {
    SourceSpec { json, ..spec }
}

#[tokio::test]
async fn values_that_share_lines_or_take_many_are_records() {
    let desk = Desk::new();
    for (text, bodies) in [
        ("{\"a\":1}{\"a\":2} {\"a\":3}\n", vec!["{\"a\":1}", "{\"a\":2}", "{\"a\":3}"]),
        (
            "\u{feff}{\n  \"a\": 1\n}\r\n{\r\n  \"a\": 2\r\n}",
            vec!["{\n  \"a\": 1\n}", "{\r\n  \"a\": 2\r\n}"],
        ),
        ("{\"a\":1}\n{\"a\":2}{\"a\":3}\n", vec!["{\"a\":1}", "{\"a\":2}", "{\"a\":3}"]),
        ("\n\n{\"a\":\n1}", vec!["{\"a\":\n1}"]),
    ] {
        desk.write("a.json", text);
        let chunks = desk.read("json", json!({"location": "a.json"})).await.expect("read");
        assert_eq!(raw(&chunks, "body"), some(&bodies), "{text}");
    }
    desk.write("a.json", "{\n\"a\": 1\n}\n{\n\"a\": oops\n}\n{\n\"a\": 3\n}");
    let chunks = desk.read("json", json!({"location": "a.json"})).await.expect("read");
    assert_eq!(raw(&chunks, "body"), some(&["{\n\"a\": 1\n}", "{\n\"a\": 3\n}"]));
    assert_eq!((chunks[0].bad[0].code, chunks[0].bad[0].position.line), ("NOT_JSON", 4));
    desk.write("a.json", "{\n\"a\": 1\n}\n{\n\"a\": 2\n");
    let error = desk.read("json", json!({"location": "a.json"})).await.expect_err("cut");
    assert!(error.code == "NOT_JSON" && error.message.contains("line 4"), "{error}");
}

#[tokio::test]
async fn a_broken_line_or_item_is_a_letter_with_its_line() {
    let desk = Desk::new();
    desk.write("a.ndjson", b"{\"a\":1}\r\n\r\n{\"a\":\n{\"a\":\"\xff\"}\n{\"a\":\"\\ud800\"}\n{\"a\":{\"b\":[\"\\uDC00\"]}}\n{\"a\":2}");
    let chunks = desk.read("json", json!({"location": "a.ndjson"})).await.expect("read");
    assert_eq!(column(&chunks, "a"), some(&["1", "2"]));
    let bad: Vec<_> = chunks[0].bad.iter().map(|bad| (bad.position.line, bad.code)).collect();
    assert_eq!(bad, [(3, "NOT_JSON"), (4, "NOT_JSON"), (5, "BAD_ENCODING"), (6, "BAD_ENCODING")]);
    desk.write("a.json", "[\n{\"a\":1},\n{\"a\":tru},\n{\"a\":2} {\"a\":3},\n{\"a\":4}]");
    let chunks = desk.read("json", json!({"location": "a.json"})).await.expect("read");
    assert_eq!(column(&chunks, "a"), some(&["1", "4"]));
    let bad: Vec<_> = chunks[0].bad.iter().map(|bad| (bad.position.line, bad.code)).collect();
    assert_eq!(bad, [(3, "NOT_JSON"), (4, "NOT_JSON")]);
    desk.write("a.json", "[\n1,\n2,\n\n,3]");
    let error = desk.read("json", json!({"location": "a.json"})).await.expect_err("broken");
    assert!(error.message.contains("line 5"), "{error}");
}

#[tokio::test]
async fn numbers_and_keys_without_measure_are_kept() {
    let desk = Desk::new();
    let huge = "9".repeat(5000);
    desk.write("a.ndjson", format!("{{\"n\":{huge},\"e\":1e99999,\"k\":1,\"k\":2}}\n"));
    let chunks = desk.read("json", json!({"location": "a.ndjson"})).await.expect("read");
    assert_eq!(column(&chunks, "n"), [Some(huge)]);
    assert_eq!(column(&chunks, "e"), some(&["1e99999"]));
    assert_eq!(column(&chunks, "k"), some(&["2"]));
    assert_eq!(
        (observed(&chunks, "n"), observed(&chunks, "e")),
        (Some(SqlType::Varchar), Some(SqlType::Varchar))
    );
}

#[tokio::test]
async fn nesting_without_end_does_not_end_the_process() {
    let desk = Desk::new();
    let (open, close) = ("[".repeat(100_000), "]".repeat(100_000));
    let context = expecting(desk.context(), &[("j", SqlType::Json)]);
    for (text, spec) in [
        (format!("{{\"j\":{open}{close}}}\n"), JsonSpec::default()),
        (format!("[{{\"j\":{open}{close}}}]"), JsonSpec::default()),
        (
            format!("{{\"skipped\":{open}{close},\"data\":[{{\"j\":{open}{close}}}]}}"),
            JsonSpec { records: Some("/data".to_owned()), ..JsonSpec::default() },
        ),
    ] {
        desk.write("a.json", text);
        let spec = with(desk.spec("json", json!({"location": "a.json"})), spec);
        let chunks = read(&spec, &context).await.expect("read");
        assert_eq!((chunks[0].rows(), chunks[0].bad.len()), (1, 0));
    }
    desk.write("a.json", format!("{{\"j\":{open}\n{{\"j\":1}}\n"));
    let spec = with(
        desk.spec("json", json!({"location": "a.json"})),
        JsonSpec { format: Some("ndjson".to_owned()), ..JsonSpec::default() },
    );
    let chunks = read(&spec, &context).await.expect("read");
    assert_eq!((chunks[0].rows(), chunks[0].bad.len()), (1, 1));
}

#[tokio::test]
async fn records_within_a_document_are_read_item_by_item_whatever_its_size() {
    let desk = Desk::new();
    let filler: String = (0..300_000).map(|n| format!("{{\"id\":{n},\"text\":\"{n:0>200}\"}},")).collect();
    desk.write(
        "a.json",
        format!("{{\"before\":[{filler}0],\"data\":[{filler}{{\"id\":-1}}],\"after\":{{}}}}"),
    );
    let records = JsonSpec { records: Some("/data".to_owned()), ..JsonSpec::default() };
    let spec = with(desk.spec("json", json!({"location": "a.json"})), records);
    let chunks = read(&spec, &desk.context()).await.expect("a document of more than 64 MiB");
    assert_eq!(chunks.iter().map(|chunk| chunk.rows()).sum::<usize>(), 300_001);
    assert!(chunks.len() > 50, "{}", chunks.len());
}

#[tokio::test]
async fn a_document_is_checked_to_its_end() {
    let desk = Desk::new();
    for (text, code, part) in [
        ("{\"data\":[{\"a\":1}]", "NOT_JSON", "missing"),
        ("{\"data\":[{\"a\":1}],\"x\":}", "NOT_JSON", "no value"),
        ("{\"x\":[1,2,\"data\":[]}", "NOT_JSON", "missing"),
        ("{\"data\":[1]} []", "NOT_JSON", "text follows"),
        ("{\"data\":[1],\"data\":[2]}", "NOT_JSON", "twice"),
        ("{\"items\":[],\"next\":null}", "RECORDS_NOT_FOUND", "`items`, `next`"),
        ("{\"data\":5}", "RECORDS_NOT_FOUND", "no list"),
        ("5", "RECORDS_NOT_FOUND", "/data"),
        ("", "NOT_JSON", "ends"),
    ] {
        desk.write("a.json", text);
        let records = JsonSpec { records: Some("/data".to_owned()), ..JsonSpec::default() };
        let spec = with(desk.spec("json", json!({"location": "a.json"})), records);
        let error = read(&spec, &desk.context()).await.expect_err(text);
        assert!(error.code == code && error.message.contains(part), "{text}: {error}");
    }
    for (text, bodies) in
        [("{\"data\":null}", vec![]), ("{\"x\":1,\"data\":{\"a\":1},\"y\":2}", vec!["{\"a\":1}"])]
    {
        desk.write("a.json", text);
        let records = JsonSpec { records: Some("/data".to_owned()), ..JsonSpec::default() };
        let spec = with(desk.spec("json", json!({"location": "a.json"})), records);
        let chunks = read(&spec, &desk.context()).await.expect("read");
        assert_eq!(raw(&chunks, "body"), some(&bodies), "{text}");
    }
}
