use std::sync::Arc;

use rfe_model::{SqlType, letter::Stage};
use rfe_sources::conformance::{self, Case};
use serde_json::json;

use crate::desk::{Desk, column, expecting, gz, kind, names, observed, raw, some};

#[tokio::test]
async fn the_suite_passes() {
    let desk = Desk::new();
    desk.write(
        "a.csv",
        "id;name;amount\n1;ann;2.5\n2;bob\n\n3;\"c;\n\"\"d\"\"\";oops\n4;x\"y;\n5;\"é\";1e3\n6;\"e\"f;1\n",
    );
    desk.write("b.csv", "ID;extra\n7;z\n8;\"open\n9;y\n");
    let case = Case {
        kind: kind("csv"),
        spec: desk.spec("csv", json!({"location": "*.csv", "delimiter": ";"})),
        context: expecting(desk.context(), &[("amount", SqlType::Double)]),
        records: 9,
        bad: 4,
        mend: |raw| {
            let text = String::from_utf8(raw.to_vec()).expect("text");
            let text = text.replace("oops", "7").replace("\"e\"f", "\"ef\"").replace("2;bob", "2;bob;1");
            text.replace("8;\"open", "8;\"open\"").into_bytes()
        },
    };
    conformance::run(&case).await;
}

#[tokio::test]
async fn text_is_kept_and_types_are_the_narrowest() {
    let desk = Desk::new();
    desk.write("a.csv", "zip,n,d,at,flag,big\n00123,1,2026-01-31,2026-01-31T10:00:00Z,TRUE,9223372036854775808\n99,-2,2026-02-01,2026-01-31 10:00:00+01:00,false,1\n");
    let chunks = desk.read("csv", json!({"location": "a.csv"})).await.expect("read");
    assert_eq!(column(&chunks, "zip"), some(&["00123", "99"]));
    for (name, of) in [
        ("zip", SqlType::Varchar),
        ("n", SqlType::BigInt),
        ("d", SqlType::Date),
        ("at", SqlType::TimestampTz),
        ("flag", SqlType::Boolean),
        ("big", SqlType::Varchar),
    ] {
        assert_eq!(observed(&chunks, name), Some(of), "{name}");
    }
}

#[tokio::test]
async fn an_unquoted_empty_field_is_null_and_a_quoted_one_is_empty() {
    let desk = Desk::new();
    desk.write("a.csv", "a,b\n,\"\"\nNA,\"NA\"\n");
    let chunks = desk.read("csv", json!({"location": "a.csv"})).await.expect("read");
    assert_eq!(column(&chunks, "a"), [None, Some("NA".to_owned())]);
    assert_eq!(column(&chunks, "b"), some(&["", "NA"]));
    let chunks =
        desk.read("csv", json!({"location": "a.csv", "null_values": ["NA", ""]})).await.expect("read");
    assert_eq!(column(&chunks, "a"), [None, None]);
    assert_eq!(column(&chunks, "b"), [None, None]);
    assert_eq!(raw(&chunks, "b"), some(&["", "NA"]), "raw keeps what the file holds");
}

#[tokio::test]
async fn a_ragged_line_is_a_bad_record_with_its_exact_bytes() {
    let desk = Desk::new();
    let path = desk.write("a.csv", "\u{feff}a,b\r\n1,2\r\n\r\n\"x\r\ny\",2\r\n3\r\n4,5,6\r\n7,8");
    let chunks = desk.read("csv", json!({"location": "a.csv"})).await.expect("read");
    assert_eq!(names(&chunks[0]), ["a", "b"]);
    assert_eq!(column(&chunks, "a"), some(&["1", "x\r\ny", "7"]));
    let bad = &chunks[0].bad;
    assert_eq!(bad.len(), 2);
    assert_eq!((bad[0].code, bad[0].stage, bad[0].raw.as_slice()), ("RAGGED_ROW", Stage::Decode, &b"3"[..]));
    assert_eq!(bad[0].message, "line 6 has 1 field, the header has 2");
    assert_eq!((bad[1].position.line, bad[1].position.file.as_str()), (7, path.as_str()));
    let context = rfe_model::structure::from_struct(bad[1].context.as_ref().expect("context"));
    assert_eq!((&context["header"], &context["delimiter"]), (&json!(["a", "b"]), &json!(",")));
    let lines: Vec<i64> =
        chunks[0].raw.column("_line").expect("_line").i64().expect("integers").iter().flatten().collect();
    assert_eq!(lines, [2, 4, 8]);
}

#[tokio::test]
async fn bytes_that_are_no_text_are_a_bad_record_unless_the_encoding_says() {
    let desk = Desk::new();
    desk.write("a.csv", b"a,b\n1,M\xfcller\n2,x\n");
    let chunks = desk.read("csv", json!({"location": "a.csv"})).await.expect("read");
    assert_eq!(
        (chunks[0].bad[0].code, chunks[0].bad[0].raw.as_slice()),
        ("BAD_ENCODING", &b"1,M\xfcller"[..])
    );
    let chunks = desk.read("csv", json!({"location": "a.csv", "encoding": "latin1"})).await.expect("read");
    assert_eq!(column(&chunks, "b"), some(&["Müller", "x"]));
}

#[tokio::test]
async fn files_with_other_headers_are_united_by_name() {
    let desk = Desk::new();
    desk.write("b.csv", "C,a\n3,1\n");
    desk.write("a.csv", "a,b\n1,2\n");
    desk.write("c.csv", "");
    let chunks = desk.read("csv", json!({"location": "*.csv"})).await.expect("read");
    assert!(chunks.iter().all(|chunk| names(chunk) == ["a", "b", "C"]));
    assert_eq!(column(&chunks, "a"), some(&["1", "1"]));
    assert_eq!(column(&chunks, "b"), [Some("2".to_owned()), None]);
    assert_eq!(column(&chunks, "C"), [None, Some("3".to_owned())]);
    assert_eq!(
        raw(&chunks, "_file"),
        some(&[&desk.path("a.csv").display().to_string(), &desk.path("b.csv").display().to_string()])
    );
}

#[tokio::test]
async fn names_header_comments_and_skipped_lines_do_as_they_say() {
    let desk = Desk::new();
    desk.write("a.csv", "made by x\n# \"note\n1|'a|b'\n# more\n2|c\\'d\n3|'e\\'f'\n");
    let config = json!({"location": "a.csv", "skip_rows": 1, "comment": "#", "delimiter": "|", "quote": "'", "escape": "\\", "header": false});
    let chunks = desk.read("csv", config.clone()).await.expect("read");
    assert_eq!(names(&chunks[0]), ["column_1", "column_2"]);
    assert_eq!(column(&chunks, "column_2"), some(&["a|b", "c\\'d", "e'f"]));
    let mut named = config;
    named["names"] = json!(["n", "t"]);
    assert_eq!(names(&desk.read("csv", named).await.expect("read")[0]), ["n", "t"]);
}

#[tokio::test]
async fn columns_named_like_lineage_or_raw_are_renamed() {
    let desk = Desk::new();
    desk.write("a.csv", "_run_id,_file,id,ID,\n1,2,3,4,5\n");
    let chunks = desk.read("csv", json!({"location": "a.csv"})).await.expect("read");
    assert_eq!(names(&chunks[0]), ["src__run_id", "_file", "id", "ID_2", "column_5"]);
    assert_eq!(raw(&chunks, "src__file"), some(&["2"]));
}

#[tokio::test]
async fn a_header_without_rows_is_columns_without_rows() {
    let desk = Desk::new();
    desk.write("a.csv", "a,b\n");
    let chunks = desk.read("csv", json!({"location": "a.csv"})).await.expect("read");
    assert_eq!((chunks.len(), chunks[0].rows(), names(&chunks[0])), (1, 0, vec!["a", "b"]));
    desk.write("a.csv", "");
    assert!(desk.read("csv", json!({"location": "a.csv"})).await.expect("read").is_empty());
}

#[tokio::test]
async fn gzip_is_known_by_its_bytes_and_members_follow_each_other() {
    let desk = Desk::new();
    desk.write("a.data", [gz("a,b\n1,2\n"), gz("3,4\n")].concat());
    let chunks = desk.read("csv", json!({"location": "a.data"})).await.expect("read");
    assert_eq!(column(&chunks, "a"), some(&["1", "3"]));
}

#[tokio::test]
async fn a_gzip_file_that_ends_early_is_an_error_and_not_fewer_rows() {
    let desk = Desk::new();
    let rows: String = (0..5000).map(|row| format!("{row},{}\n", row * 7919 % 1009)).collect();
    let whole = gz(format!("a,b\n{rows}"));
    for cut in [whole.len() / 2, whole.len() - 1, whole.len() - 8, 12] {
        desk.write("a.csv.gz", &whole[..cut]);
        let error = desk.read("csv", json!({"location": "a.csv.gz"})).await.expect_err("cut");
        assert!(error.is_permanent() && error.code == "DAMAGED_FILE", "{cut}: {error}");
        assert!(error.message.contains("a.csv.gz"), "{error}");
    }
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 0x55;
    desk.write("a.csv.gz", &flipped);
    assert_eq!(
        desk.read("csv", json!({"location": "a.csv.gz"})).await.expect_err("flipped").code,
        "DAMAGED_FILE"
    );
}

#[tokio::test]
async fn no_file_is_a_clear_error() {
    let desk = Desk::new();
    for location in ["none.csv", "*.csv", "sub/*.csv"] {
        let error = desk.read("csv", json!({"location": location})).await.expect_err("none");
        assert!(error.is_permanent() && error.code == "FILE_NOT_FOUND", "{error}");
        assert!(error.message.contains(location) && error.message.contains("folder"), "{error}");
    }
}

#[tokio::test]
async fn files_outside_the_roots_are_not_opened() {
    let (desk, other) = (Desk::new(), Desk::new());
    let secret = other.write("secret.csv", "a\n1\n");
    std::os::unix::fs::symlink(&secret, desk.path("link.csv")).expect("link");
    std::fs::create_dir(desk.path("sub")).expect("folder");
    let up = format!(
        "sub/../../{}/secret.csv",
        other.path("x").parent().and_then(|p| p.file_name()).expect("name").to_string_lossy()
    );
    let missing = other.path("missing.csv").display().to_string();
    for location in
        [secret.as_str(), "link.csv", "*.csv", up.as_str(), missing.as_str(), "/etc/passwd", "/etc/*"]
    {
        let error = desk.read("csv", json!({"location": location})).await.expect_err("outside");
        assert!(error.is_permanent() && error.code == "PATH_NOT_ALLOWED", "{location}: {error}");
    }
}

#[tokio::test]
async fn values_are_checked_while_their_bytes_are_at_hand() {
    let desk = Desk::new();
    desk.write("a.csv", "id,amount\n1,2.50\n2,abc\n3,\n4,\"\"\n");
    let spec = desk.spec("csv", json!({"location": "a.csv"}));
    let context = expecting(desk.context(), &[("amount", SqlType::Decimal(10, 2))]);
    let chunks = crate::desk::read(&spec, &context).await.expect("read");
    assert_eq!(column(&chunks, "id"), some(&["1", "3"]));
    let bad = &chunks[0].bad;
    assert_eq!(
        (bad[0].code, bad[0].stage, bad[0].field_path.as_str()),
        ("BAD_VALUE", Stage::Validate, "amount")
    );
    assert_eq!(bad[0].message, "`abc` is no DECIMAL(10,2), which the column `amount` is");
    assert_eq!((bad[0].raw.as_slice(), bad[1].raw.as_slice()), (&b"2,abc"[..], &b"4,\"\""[..]));
}

#[tokio::test]
async fn a_letter_with_two_records_is_still_bad() {
    let desk = Desk::new();
    desk.write("a.csv", "a,b\n1\n");
    let spec = desk.spec("csv", json!({"location": "a.csv"}));
    let bad = desk.read("csv", json!({"location": "a.csv"})).await.expect("read")[0].bad[0].clone();
    let letter = bad.into_letter("things", "run", 1, 1);
    let decode =
        |raw: &[u8]| kind("csv").decode_letter(&spec, &desk.context(), &letter, raw).expect("decode");
    assert_eq!(decode(b"1,2\n3,4").bad[0].code, "NOT_ONE_RECORD");
    assert_eq!(decode(b"\n").bad[0].code, "NOT_ONE_RECORD");
    assert_eq!(decode(b"1,2\r\n").rows(), 1);
    assert_eq!(decode(b"1,2\n").raw.height(), 1);
}

#[tokio::test]
async fn many_records_keep_their_lines_over_chunks_and_windows() {
    let desk = Desk::new();
    let mut text = String::from("n,t\n");
    for n in 0..20_000 {
        text.push_str(&format!("{n},\"line {n}\n{}\"\n", "x".repeat(n % 50)));
    }
    desk.write_gz("a.csv.gz", &text);
    let mut context = desk.context();
    context.chunk_bytes = 10_000;
    let chunks =
        crate::desk::read(&desk.spec("csv", json!({"location": "a.csv.gz"})), &context).await.expect("read");
    assert!(chunks.len() > 50);
    let lines: Vec<i64> = chunks
        .iter()
        .flat_map(|chunk| {
            chunk
                .raw
                .column("_line")
                .expect("_line")
                .i64()
                .expect("integers")
                .iter()
                .flatten()
                .collect::<Vec<_>>()
        })
        .collect();
    assert_eq!(lines, (0..20_000).map(|n| 2 + 2 * n).collect::<Vec<i64>>());
    assert_eq!(column(&chunks, "n").last(), Some(&Some("19999".to_owned())));
}

#[tokio::test]
async fn a_reader_that_is_dropped_ends_its_thread() {
    let desk = Desk::new();
    desk.write("a.csv", format!("a\n{}", "1\n".repeat(100_000)));
    let mut context = desk.context();
    context.chunk_bytes = 100;
    let marker = Arc::clone(&context.secrets);
    let before = Arc::strong_count(&marker);
    let mut reader =
        kind("csv").open(&desk.spec("csv", json!({"location": "a.csv"})), context).await.expect("open");
    assert!(reader.next().await.expect("first").is_some());
    drop(reader);
    assert!(Arc::strong_count(&marker) <= before);
}
