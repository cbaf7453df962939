use rfe_sources::conformance::{self, Case};
use serde_json::json;

use crate::desk::{Desk, column, gz, kind, names, raw, some};

fn utf16(text: &str, bytes_of: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(bytes_of).collect()
}

const TEXT: &str = "id;name;amount\r\n1;Zoë 😀;1,5\r\n2;bob\r\n3;\"a\r\nb\";2,5\r\n";

#[tokio::test]
async fn the_suite_passes_on_utf_16() {
    let desk = Desk::new();
    desk.write("a.csv", utf16(&format!("\u{feff}{TEXT}"), u16::to_le_bytes));
    desk.write("b.csv.gz", gz(utf16(&format!("\u{feff}{TEXT}"), u16::to_be_bytes)));
    let case = Case {
        kind: kind("csv"),
        spec: desk.spec("csv", json!({"location": "*.csv*", "delimiter": ";", "decimal": ","})),
        context: desk.context(),
        records: 6,
        bad: 2,
        mend: |raw| [raw, b";7,5"].concat(),
    };
    conformance::run(&case).await;
    let chunks = conformance::drain(&case, &case.context).await.expect("read");
    assert_eq!(names(&chunks[0]), ["id", "name", "amount"]);
    assert_eq!(column(&chunks, "name"), some(&["Zoë 😀", "a\r\nb", "Zoë 😀", "a\r\nb"]));
    assert_eq!(column(&chunks, "amount")[0].as_deref(), Some("1.5"));
    assert_eq!(raw(&chunks, "amount")[0].as_deref(), Some("1,5"));
    let bad = &chunks[0].bad[0];
    assert_eq!((bad.raw.as_slice(), bad.position.line), (&b"2;bob"[..], 3), "its bytes are UTF-8");
    let kept = rfe_model::structure::from_struct(bad.context.as_ref().expect("context"));
    assert_eq!((&kept["encoding"], &kept["file_encoding"]), (&json!("utf-8"), &json!("utf-16le")));
    assert_eq!((&kept["decimal"], &kept["thousands"]), (&json!(","), &json!(null)));
}

#[tokio::test]
async fn utf_16_without_mark_is_read_if_it_is_declared_and_else_a_clear_error() {
    let desk = Desk::new();
    for (label, bytes) in
        [("utf-16le", utf16(TEXT, u16::to_le_bytes)), ("utf-16be", utf16(TEXT, u16::to_be_bytes))]
    {
        desk.write("a.csv", &bytes);
        let config = json!({"location": "a.csv", "delimiter": ";", "encoding": label});
        let chunks = desk.read("csv", config).await.expect("read");
        assert_eq!(column(&chunks, "id"), some(&["1", "3"]), "{label}");
        let error = desk.read("csv", json!({"location": "a.csv"})).await.expect_err("no mark");
        assert!(error.is_permanent() && error.code == "BAD_ENCODING", "{error}");
        assert!(error.message.contains(&format!("encoding: {label}")), "{error}");
    }
}

#[tokio::test]
async fn half_a_surrogate_pair_is_one_bad_record() {
    let desk = Desk::new();
    let mut bytes = utf16("\u{feff}a,b\n1,x\n2,", u16::to_le_bytes);
    bytes.extend([0x0a, 0xd8]);
    bytes.extend(utf16("\n3,y\n", u16::to_le_bytes));
    desk.write("a.csv", bytes);
    let chunks = desk.read("csv", json!({"location": "a.csv"})).await.expect("read");
    assert_eq!(column(&chunks, "a"), some(&["1", "3"]));
    let [bad] = chunks[0].bad.as_slice() else { panic!("{:?}", chunks[0].bad) };
    assert_eq!((bad.code, bad.position.line), ("BAD_ENCODING", 3));
    assert!(bad.message.contains("utf-16le"), "{}", bad.message);
}

#[tokio::test]
async fn encodings_of_one_byte_are_read_where_they_are_declared() {
    let desk = Desk::new();
    for (label, bytes, text) in [
        ("latin1", &b"M\xfcller"[..], "Müller"),
        ("windows-1252", b"5 \x80", "5 €"),
        ("iso-8859-15", b"5 \xa4", "5 €"),
        ("windows-1251", b"\xcc\xee\xf1\xea\xe2\xe0", "Москва"),
        ("shift_jis", b"\x93\xfa\x96\x7b", "日本"),
        ("gb18030", b"\xd6\xd0", "中"),
    ] {
        desk.write("a.csv", [&b"a,b\n1,"[..], bytes, b"\n2\n"].concat());
        let config = json!({"location": "a.csv", "encoding": label});
        let chunks = desk.read("csv", config.clone()).await.expect("read");
        assert_eq!(column(&chunks, "b"), some(&[text]), "{label}");
        let letter = chunks[0].bad[0].clone().into_letter("things", "run", 1, 1);
        let mended = format!("2,{text}");
        let chunk = kind("csv")
            .decode_letter(&desk.spec("csv", config), &desk.context(), &letter, mended.as_bytes())
            .expect("decode");
        assert_eq!(column(&[chunk], "b"), some(&[text]), "{label}");
    }
}

#[tokio::test]
async fn a_byte_order_mark_wins_over_what_is_declared() {
    let desk = Desk::new();
    desk.write("a.csv", "\u{feff}a\né\n");
    let chunks = desk.read("csv", json!({"location": "a.csv", "encoding": "latin1"})).await.expect("read");
    assert_eq!((names(&chunks[0]), column(&chunks, "a")), (vec!["a"], some(&["é"])));
    desk.write("a.csv", b"\xff\xfe\0\0a\0\0\0");
    let error = desk.read("csv", json!({"location": "a.csv"})).await.expect_err("UTF-32");
    assert!(error.is_permanent() && error.message.contains("UTF-32"), "{error}");
}

#[tokio::test]
async fn json_with_a_mark_is_read_in_its_encoding() {
    let desk = Desk::new();
    desk.write("a.ndjson", utf16("\u{feff}{\"a\":\"é\"}\n", u16::to_be_bytes));
    desk.write("b.ndjson", "\u{feff}{\"a\":\"z\"}\n");
    let chunks = desk.read("json", json!({"location": "*.ndjson"})).await.expect("read");
    assert_eq!(column(&chunks, "a"), some(&["é", "z"]));
}
