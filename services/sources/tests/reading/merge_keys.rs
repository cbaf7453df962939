use apache_avro::{Codec, types::Value};
use rfe_sources::{
    Expectation, ReadContext,
    conformance::{self, Case},
};
use serde_json::json;

use crate::{
    avro::container,
    desk::{Desk, column, kind, read, some},
};

fn keyed(context: ReadContext, key: &[&str]) -> ReadContext {
    let required = key.iter().map(|name| (*name).to_owned()).collect();
    ReadContext { expected: Expectation { required, ..Expectation::default() }, ..context }
}

fn with_key(raw: &[u8]) -> Vec<u8> {
    String::from_utf8(raw.to_vec()).expect("text").replace("null", "2").into_bytes()
}

type Mend = fn(&[u8]) -> Vec<u8>;

#[tokio::test(flavor = "multi_thread")]
async fn a_record_without_its_key_is_bad_and_the_others_land_whatever_the_kind() {
    use polars::prelude::*;
    let desk = Desk::new();
    desk.write("a.csv", "id,note\n1,a\n,b\n3,c\n");
    desk.write("a.ndjson", "{\"id\":1}\n{\"id\":null}\n{\"id\":3}\n");
    let mut frame = df!("id" => [Some(1_i64), None, Some(3)], "note" => ["a", "b", "c"]).expect("frame");
    let mut bytes = Vec::new();
    ParquetWriter::new(&mut bytes).finish(&mut frame).expect("write");
    desk.write("a.parquet", bytes);
    let schema = r#"{"type":"record","name":"r","fields":[{"name":"id","type":["null","long"]}]}"#;
    let record = |id: Option<i64>| {
        let id = id
            .map_or(Value::Union(0, Box::new(Value::Null)), |id| Value::Union(1, Box::new(Value::Long(id))));
        Value::Record(vec![("id".to_owned(), id)])
    };
    let rows = [Some(1), None, Some(3)].map(record).to_vec();
    desk.write("a.avro", container(schema, Codec::Null, &[rows]));

    let mends: [(&str, &str, Mend); 4] = [
        ("csv", "a.csv", |raw| [b"2", raw].concat()),
        ("json", "a.ndjson", with_key),
        ("parquet", "a.parquet", with_key),
        ("avro", "a.avro", with_key),
    ];
    for (of, file, mend) in mends {
        let case = Case {
            kind: kind(of),
            spec: desk.spec(of, json!({ "location": file })),
            context: keyed(desk.context(), &["ID"]),
            records: 3,
            bad: 1,
            mend,
        };
        conformance::run(&case).await;
        let chunks = read(&case.spec, &case.context).await.expect("read");
        let bad = &chunks[0].bad[0];
        assert_eq!((bad.code, bad.field_path.as_str()), ("MERGE_KEY_NULL", "ID"), "{of}");
        assert!(bad.message.contains("`ID`") && bad.message.contains("`merge`"), "{}", bad.message);
    }
}

#[tokio::test]
async fn what_means_null_is_no_key_and_empty_text_is_one() {
    let desk = Desk::new();
    desk.write("a.csv", "id,note\nNA,a\n\"\",b\n3,c\n");
    let spec = desk.spec("csv", json!({"location": "a.csv", "null_values": ["NA"]}));
    let chunks = read(&spec, &keyed(desk.context(), &["id"])).await.expect("read");
    assert_eq!(column(&chunks, "id"), some(&["", "3"]));
    assert_eq!(chunks[0].bad.len(), 1);
}

#[tokio::test]
async fn where_the_column_is_missing_every_record_is_bad() {
    let desk = Desk::new();
    desk.write("a.csv", "note\na\nb\n");
    desk.write("a.ndjson", "{\"note\":\"a\"}\n{}\n");
    for (of, file) in [("csv", "a.csv"), ("json", "a.ndjson")] {
        let spec = desk.spec(of, json!({ "location": file }));
        let chunks = read(&spec, &keyed(desk.context(), &["note", "id"])).await.expect("read");
        let bad: usize = chunks.iter().map(|chunk| chunk.bad.len()).sum();
        assert_eq!(bad, 2, "{of}");
    }
}
