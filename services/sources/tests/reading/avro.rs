use std::collections::HashMap;

use apache_avro::{
    Bzip2Settings, Codec, Decimal, DeflateSettings, Schema, Writer, ZstandardSettings, types::Value,
};
use polars::prelude::{AnyValue, Column};
use rfe_model::SqlType;
use rfe_sources::{
    Chunk,
    conformance::{self, Case},
};
use serde_json::json;

use crate::desk::{Desk, expecting, kind, names, observed, raw, read};

pub fn container(schema: &str, codec: Codec, blocks: &[Vec<Value>]) -> Vec<u8> {
    let schema = Schema::parse_str(schema).expect("schema");
    let mut writer = Writer::with_codec(&schema, Vec::new(), codec);
    for block in blocks {
        for value in block {
            writer.append(value.clone()).expect("append");
        }
        writer.flush().expect("flush");
    }
    writer.into_inner().expect("bytes")
}

const ORDERS: &str = r#"{"type":"record","name":"order","fields":[
    {"name":"id","type":"long"},
    {"name":"note","type":["null","string"],"default":null}]}"#;

fn order(id: i64, note: Option<&str>) -> Value {
    let note = match note {
        Some(note) => Value::Union(1, Box::new(Value::String(note.to_owned()))),
        None => Value::Union(0, Box::new(Value::Null)),
    };
    Value::Record(vec![("id".to_owned(), Value::Long(id)), ("note".to_owned(), note)])
}

fn orders(ids: std::ops::Range<i64>) -> Vec<Value> {
    ids.map(|id| order(id, (id % 3 != 0).then(|| id.to_string()).as_deref())).collect()
}

const EVERY_TYPE: &str = r#"{"type":"record","name":"all","namespace":"org.x","fields":[
        {"name":"int","type":"int"}, {"name":"long","type":"long"}, {"name":"float","type":"float"}, {"name":"double","type":"double"},
        {"name":"flag","type":"boolean"}, {"name":"text","type":"string"}, {"name":"bytes","type":"bytes"},
        {"name":"fixed","type":{"type":"fixed","name":"two","size":2}},
        {"name":"again","type":"two"}, {"name":"third","type":"org.x.two"},
        {"name":"color","type":{"type":"enum","name":"color","symbols":["RED","BLUE"]}},
        {"name":"price","type":{"type":"bytes","logicalType":"decimal","precision":10,"scale":2}},
        {"name":"day","type":{"type":"int","logicalType":"date"}},
        {"name":"millis","type":{"type":"long","logicalType":"timestamp-millis"}},
        {"name":"micros","type":{"type":"long","logicalType":"timestamp-micros"}},
        {"name":"nanos","type":{"type":"long","logicalType":"timestamp-nanos"}},
        {"name":"local","type":{"type":"long","logicalType":"local-timestamp-millis"}},
        {"name":"clock","type":{"type":"int","logicalType":"time-millis"}},
        {"name":"uuid","type":{"type":"string","logicalType":"uuid"}},
        {"name":"nothing","type":"null"},
        {"name":"maybe","type":["null","double"]},
        {"name":"either","type":["null","long","string"]},
        {"name":"list","type":{"type":"array","items":["null","int"]}},
        {"name":"map","type":{"type":"map","values":"double"}},
        {"name":"tree","type":{"type":"record","name":"node","fields":[
            {"name":"name","type":"string"}, {"name":"next","type":["null","node"]}]}}]}"#;

/// Names, values, their JSON, and their types in the contract.
fn one_of_each() -> Vec<(&'static str, Value, &'static str, SqlType)> {
    let leaf = Value::Record(vec![
        ("name".to_owned(), Value::String("b".to_owned())),
        ("next".to_owned(), Value::Union(0, Box::new(Value::Null))),
    ]);
    vec![
        ("int", Value::Int(-5), "-5", SqlType::BigInt),
        ("long", Value::Long(i64::MIN), "-9223372036854775808", SqlType::BigInt),
        ("float", Value::Float(0.1), "0.1", SqlType::Double),
        ("double", Value::Double(f64::NAN), "\"NaN\"", SqlType::Double),
        ("flag", Value::Boolean(true), "true", SqlType::Boolean),
        ("text", Value::String("é\"".to_owned()), "\"é\\\"\"", SqlType::Varchar),
        ("bytes", Value::Bytes(vec![0, 0xff]), r#""\\x00ff""#, SqlType::Blob),
        ("fixed", Value::Fixed(2, vec![1, 2]), r#""\\x0102""#, SqlType::Blob),
        ("again", Value::Fixed(2, vec![1, 2]), r#""\\x0102""#, SqlType::Blob),
        ("third", Value::Fixed(2, vec![1, 2]), r#""\\x0102""#, SqlType::Blob),
        ("color", Value::Enum(1, "BLUE".to_owned()), "\"BLUE\"", SqlType::Varchar),
        ("price", Value::Decimal(Decimal::from(vec![0xff, 0x85])), "-1.23", SqlType::Decimal(10, 2)),
        ("day", Value::Date(20_000), "\"2024-10-04\"", SqlType::Date),
        (
            "millis",
            Value::TimestampMillis(1_700_000_000_123),
            "\"2023-11-14T22:13:20.123Z\"",
            SqlType::TimestampTz,
        ),
        ("micros", Value::TimestampMicros(-1), "\"1969-12-31T23:59:59.999999Z\"", SqlType::TimestampTz),
        (
            "nanos",
            Value::TimestampNanos(1_700_000_000_123_456_789),
            "\"2023-11-14T22:13:20.123456789Z\"",
            SqlType::TimestampTz,
        ),
        ("local", Value::LocalTimestampMillis(0), "\"1970-01-01T00:00:00\"", SqlType::Timestamp),
        ("clock", Value::TimeMillis(3_600_001), "\"01:00:00.001\"", SqlType::Varchar),
        (
            "uuid",
            Value::Uuid(uuid::Uuid::from_u128(7)),
            "\"00000000-0000-0000-0000-000000000007\"",
            SqlType::Varchar,
        ),
        ("nothing", Value::Null, "null", SqlType::Varchar),
        ("maybe", Value::Union(1, Box::new(Value::Double(2.5))), "2.5", SqlType::Double),
        ("either", Value::Union(1, Box::new(Value::Long(5))), "5", SqlType::Varchar),
        (
            "list",
            Value::Array(vec![
                Value::Union(1, Box::new(Value::Int(1))),
                Value::Union(0, Box::new(Value::Null)),
            ]),
            "[1,null]",
            SqlType::Json,
        ),
        (
            "map",
            Value::Map(HashMap::from([("k".to_owned(), Value::Double(0.5))])),
            r#"{"k":0.5}"#,
            SqlType::Json,
        ),
        (
            "tree",
            Value::Record(vec![
                ("name".to_owned(), Value::String("a".to_owned())),
                ("next".to_owned(), Value::Union(1, Box::new(leaf))),
            ]),
            r#"{"name":"a","next":{"name":"b","next":null}}"#,
            SqlType::Json,
        ),
    ]
}

/// A file with a value of every type.
pub fn every_type(codec: Codec) -> Vec<u8> {
    let fields = one_of_each().into_iter().map(|(name, value, ..)| (name.to_owned(), value));
    let record = Value::Record(fields.collect());
    container(EVERY_TYPE, codec, &vec![vec![record; 20]; 3])
}

fn cells<'c>(chunks: &'c [Chunk], name: &str) -> &'c Column {
    &chunks[0].columns.iter().find(|column| column.name == name).expect("column").values
}

#[tokio::test]
async fn the_suite_passes() {
    let desk = Desk::new();
    let blocks = [orders(0..20), vec![order(20, Some("many")), order(21, Some("7"))], orders(22..40)];
    desk.write("a.avro", container(ORDERS, Codec::Null, &blocks));
    let other = r#"{"type":"record","name":"order","fields":[
        {"name":"ID","type":"int"}, {"name":"picture","type":"bytes"}, {"name":"_run_id","type":"string"}]}"#;
    let row = Value::Record(vec![
        ("ID".to_owned(), Value::Int(100)),
        ("picture".to_owned(), Value::Bytes(vec![0, 0xff])),
        ("_run_id".to_owned(), Value::String("x".to_owned())),
    ]);
    desk.write("b.avro", container(other, Codec::Null, &[vec![row]]));
    let case = Case {
        kind: kind("avro"),
        spec: desk.spec("avro", json!({"location": "*.avro"})),
        context: expecting(desk.context(), &[("note", SqlType::BigInt)]),
        records: 41,
        bad: 1,
        mend: |raw| String::from_utf8(raw.to_vec()).expect("text").replace("\"many\"", "7").into_bytes(),
    };
    conformance::run(&case).await;
    let chunks = read(&case.spec, &case.context).await.expect("read");
    assert_eq!(names(&chunks[0]), ["id", "note", "picture", "src__run_id"]);
    assert_eq!(raw(&chunks, "body")[1].as_deref(), Some(r#"{"id":1,"note":"1"}"#));
    let bad = &chunks[0].bad[0];
    assert_eq!(
        (bad.code, bad.position.record, bad.raw.as_slice()),
        ("BAD_VALUE", 21, &br#"{"id":20,"note":"many"}"#[..])
    );
}

#[tokio::test]
async fn a_mended_record_has_its_bytes_again() {
    let desk = Desk::new();
    let schema =
        r#"{"type":"record","name":"r","fields":[{"name":"n","type":"string"},{"name":"b","type":"bytes"}]}"#;
    let row = Value::Record(vec![
        ("n".to_owned(), Value::String("x".to_owned())),
        ("b".to_owned(), Value::Bytes(vec![0, 0xff])),
    ]);
    desk.write("a.avro", container(schema, Codec::Null, &[vec![row]]));
    let spec = desk.spec("avro", json!({"location": "a.avro"}));
    let context = expecting(desk.context(), &[("n", SqlType::BigInt)]);
    let bad = read(&spec, &context).await.expect("read").remove(0).bad.remove(0);
    let letter = bad.into_letter("things", "run", 1, 1);
    let mended =
        kind("avro").decode_letter(&spec, &context, &letter, br#"{"n":5,"b":"\\x00ff"}"#).expect("decode");
    let chunks = [mended];
    assert_eq!(cells(&chunks, "b").get(0).expect("row"), AnyValue::Binary(&[0, 0xff]));
    assert_eq!(observed(&chunks, "b"), Some(SqlType::Blob));
}

#[tokio::test]
async fn types_are_those_of_the_contract() {
    let desk = Desk::new();
    let fields = one_of_each();
    desk.write("a.avro", every_type(Codec::Null));
    let chunks = desk.read("avro", json!({"location": "a.avro"})).await.expect("read");
    let members: Vec<String> = fields.iter().map(|(name, _, json, _)| format!("\"{name}\":{json}")).collect();
    assert_eq!(raw(&chunks, "body")[0], Some(format!("{{{}}}", members.join(","))));
    for (name, _, json, of) in &fields {
        let wanted = if *name == "nothing" { None } else { Some(of.clone()) };
        assert_eq!(observed(&chunks, name), wanted, "{name}");
        let column = cells(&chunks, name);
        assert_eq!(Some(column.dtype().clone()), rfe_sources::cast::data_type(of), "{name}");
        let shown = column.get(0).expect("row").to_string();
        match *name {
            "either" => assert_eq!(shown, "\"5\""),
            "price" => assert_eq!(shown, "-1.23"),
            "nanos" => assert_eq!(shown, "2023-11-14 22:13:20.123456 UTC"),
            "nothing" => assert_eq!(shown, "null"),
            _ if matches!(of, SqlType::Json) => assert_eq!(column.str().expect("text").get(0), Some(*json)),
            _ => assert_eq!(column.null_count(), 0, "{name}"),
        }
    }
}

#[tokio::test]
async fn every_codec_reads_the_same() {
    let desk = Desk::new();
    let blocks: Vec<_> = (0..20).map(|block| orders(block * 100..block * 100 + 100)).collect();
    for codec in [
        Codec::Null,
        Codec::Deflate(DeflateSettings::default()),
        Codec::Snappy,
        Codec::Zstandard(ZstandardSettings::default()),
        Codec::Bzip2(Bzip2Settings::default()),
    ] {
        desk.write("a.avro", container(ORDERS, codec, &blocks));
        let chunks = desk.read("avro", json!({"location": "a.avro"})).await.expect("read");
        let bodies = raw(&chunks, "body");
        assert_eq!(bodies.len(), 2000, "{codec:?}");
        assert_eq!(bodies[1999].as_deref(), Some(r#"{"id":1999,"note":"1999"}"#), "{codec:?}");
    }
}

#[tokio::test]
async fn a_file_without_records_has_columns_and_a_bare_value_is_one() {
    let desk = Desk::new();
    desk.write("a.avro", container(ORDERS, Codec::Null, &[]));
    let chunks = desk.read("avro", json!({"location": "a.avro"})).await.expect("read");
    assert_eq!((chunks.len(), chunks[0].rows(), names(&chunks[0])), (1, 0, vec!["id", "note"]));
    desk.write("a.avro", container("\"string\"", Codec::Null, &[vec![Value::String("x".to_owned())]]));
    let chunks = desk.read("avro", json!({"location": "a.avro"})).await.expect("read");
    assert_eq!(names(&chunks[0]), ["value"]);
    assert_eq!(raw(&chunks, "body"), [Some("\"x\"".to_owned())]);
}

#[tokio::test]
async fn a_damaged_file_is_an_error_that_names_the_block() {
    let desk = Desk::new();
    let blocks: Vec<_> = (0..5).map(|block| orders(block * 100..block * 100 + 100)).collect();
    let whole = container(ORDERS, Codec::Snappy, &blocks);
    let header = container(ORDERS, Codec::Snappy, &[]).len();
    let block = (whole.len() - header) / 5;
    let mut scrambled = whole.clone();
    scrambled[header + 3 * block + 40..header + 3 * block + 60].fill(0xa5);
    let unknown = String::from_utf8_lossy(&whole).contains("snappy");
    assert!(unknown, "the header names its codec");
    let mut other_codec = whole.clone();
    let at = whole.windows(6).position(|bytes| bytes == b"snappy").expect("the codec");
    other_codec[at..at + 6].copy_from_slice(b"lzma17");
    for (bytes, code, part) in [
        (&b"id,note\n1,2\n"[..], "NOT_AVRO", "Obj1"),
        (b"", "NOT_AVRO", "Obj1"),
        (&whole[..40], "DAMAGED_FILE", "its header"),
        (&whole[..header + 2 * block + 30], "DAMAGED_FILE", "block 3"),
        (&whole[..whole.len() - 1], "DAMAGED_FILE", "block 5"),
        (&scrambled, "DAMAGED_FILE", "block 4"),
        (&other_codec, "TYPE_NOT_SUPPORTED", "lzma17"),
    ] {
        desk.write("a.avro", bytes);
        let error = desk.read("avro", json!({"location": "a.avro"})).await.expect_err("damaged");
        assert!(error.is_permanent() && error.code == code, "{part}: {error}");
        assert!(error.message.contains("a.avro") && error.message.contains(part), "{part}: {error}");
    }
}

#[tokio::test]
async fn a_record_whose_text_is_no_text_is_bad_and_the_others_land() {
    let desk = Desk::new();
    let mut bytes = container(ORDERS, Codec::Null, &[orders(0..3)]);
    let header = container(ORDERS, Codec::Null, &[]).len();
    let at = header + bytes[header..].iter().position(|byte| *byte == b'1').expect("the note of record 1");
    bytes[at] = 0xff;
    desk.write("a.avro", bytes);
    let chunks = desk.read("avro", json!({"location": "a.avro"})).await.expect("read");
    assert_eq!((chunks[0].rows(), chunks[0].bad.len()), (2, 1));
    assert_eq!((chunks[0].bad[0].code, chunks[0].bad[0].position.record), ("BAD_ENCODING", 2));
}
