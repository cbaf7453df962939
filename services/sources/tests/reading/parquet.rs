use polars::prelude::*;
use rfe_model::SqlType;
use rfe_sources::conformance::{self, Case};
use serde_json::json;

use crate::desk::{Desk, expecting, kind, names, observed};

fn write(desk: &Desk, name: &str, mut frame: DataFrame, row_group: usize) {
    let mut bytes = Vec::new();
    ParquetWriter::new(&mut bytes).with_row_group_size(Some(row_group)).finish(&mut frame).expect("write");
    desk.write(name, bytes);
}

fn orders(rows: i64) -> DataFrame {
    let ids: Vec<i64> = (0..rows).collect();
    let notes: Vec<Option<String>> =
        (0..rows).map(|row| (row % 7 != 0).then(|| format!("note {row}"))).collect();
    DataFrame::new_infer_height(vec![Column::new("id".into(), ids), Column::new("note".into(), notes)])
        .expect("frame")
}

#[tokio::test]
async fn the_suite_passes() {
    let desk = Desk::new();
    write(&desk, "a.parquet", orders(40), 16);
    let other = DataFrame::new_infer_height(vec![
        Column::new("ID".into(), [100_i32, 101]),
        Column::new("note".into(), ["7", "seven"]),
        Column::new("_run_id".into(), [1.5, 2.5]),
    ]);
    write(&desk, "b.parquet", other.expect("frame"), 16);
    let case = Case {
        kind: kind("parquet"),
        spec: desk.spec("parquet", json!({"location": "b.parquet"})),
        context: expecting(desk.context(), &[("note", SqlType::BigInt)]),
        records: 2,
        bad: 1,
        mend: |raw| String::from_utf8(raw.to_vec()).expect("text").replace("\"seven\"", "7").into_bytes(),
    };
    conformance::run(&case).await;
    let both = Case {
        spec: desk.spec("parquet", json!({"location": "*.parquet"})),
        context: desk.context(),
        records: 42,
        bad: 0,
        ..case
    };
    conformance::run(&both).await;
    let chunks = conformance::drain(&both, &both.context).await.expect("read");
    assert_eq!(names(chunks.last().expect("chunk")), ["id", "note", "src__run_id"]);
}

#[tokio::test]
async fn types_come_as_the_contract_says() {
    let desk = Desk::new();
    let at = Column::new("n".into(), [1_700_000_000_123_456_789_i64]);
    let frame = DataFrame::new_infer_height(vec![
        Column::new("small".into(), [5_i8]),
        Column::new("huge".into(), [u64::MAX]),
        Column::new("float".into(), [1.5_f32]),
        Column::new("flag".into(), [true]),
        Column::new("text".into(), ["x"]),
        Column::new("bytes".into(), [&b"\xff\x00"[..]]),
        Column::new("day".into(), [20_000_i32]).cast(&DataType::Date).expect("date"),
        at.cast(&DataType::Datetime(TimeUnit::Nanoseconds, None)).expect("ns").with_name("ns".into()),
        at.cast(&DataType::Datetime(TimeUnit::Nanoseconds, Some(TimeZone::UTC)))
            .expect("tz")
            .with_name("tz".into()),
        Column::new("time".into(), [3_600_000_000_000_i64]).cast(&DataType::Time).expect("time"),
        Column::new("price".into(), ["1.50"]).cast(&DataType::Decimal(10, 2)).expect("decimal"),
        Series::new("list".into(), [Series::new("".into(), [1_i32, 2])]).into_column(),
        Column::new("wide".into(), [9_007_199_254_740_993_i64]),
    ]);
    write(&desk, "a.parquet", frame.expect("frame"), 10);
    let chunks = desk.read("parquet", json!({"location": "a.parquet"})).await.expect("read");
    for (name, of) in [
        ("small", SqlType::BigInt),
        ("huge", SqlType::Decimal(20, 0)),
        ("float", SqlType::Double),
        ("flag", SqlType::Boolean),
        ("text", SqlType::Varchar),
        ("bytes", SqlType::Blob),
        ("day", SqlType::Date),
        ("ns", SqlType::Timestamp),
        ("tz", SqlType::TimestampTz),
        ("time", SqlType::Varchar),
        ("price", SqlType::Decimal(10, 2)),
        ("list", SqlType::Nested("INTEGER[]".to_owned())),
        ("wide", SqlType::BigInt),
    ] {
        assert_eq!(observed(&chunks, name), Some(of.clone()), "{name}");
        let column = &chunks[0].columns.iter().find(|column| column.name == name).expect("column");
        assert_eq!(column.values.null_count(), 0, "{name}");
        assert_eq!(column.exceeds_double, name == "wide", "{name}");
        if let Some(data_type) = rfe_sources::cast::data_type(&of) {
            assert_eq!(*column.values.dtype(), data_type, "{name}");
        }
    }
    let text = |name: &str| {
        chunks[0]
            .columns
            .iter()
            .find(|column| column.name == name)
            .expect("column")
            .values
            .get(0)
            .expect("row")
            .to_string()
    };
    assert_eq!(text("huge"), u64::MAX.to_string());
    assert_eq!(text("time"), "\"01:00:00\"");
}

#[tokio::test]
async fn row_groups_are_read_in_pieces_and_whole() {
    let desk = Desk::new();
    write(&desk, "a.parquet", orders(10_000), 3_000);
    let mut context = desk.context();
    context.chunk_bytes = 4_000;
    let chunks = crate::desk::read(&desk.spec("parquet", json!({"location": "a.parquet"})), &context)
        .await
        .expect("read");
    assert!(chunks.len() > 8, "{}", chunks.len());
    let ids: Vec<i64> = chunks
        .iter()
        .flat_map(|chunk| chunk.columns[0].values.i64().expect("ids").iter().flatten().collect::<Vec<_>>())
        .collect();
    assert_eq!(ids, (0..10_000).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_file_without_rows_has_columns() {
    let desk = Desk::new();
    write(&desk, "a.parquet", orders(0), 10);
    let chunks = desk.read("parquet", json!({"location": "a.parquet"})).await.expect("read");
    assert_eq!((chunks.len(), chunks[0].rows(), names(&chunks[0])), (1, 0, vec!["id", "note"]));
}

#[tokio::test]
async fn damaged_files_are_permanent_errors_that_name_them() {
    let desk = Desk::new();
    write(&desk, "a.parquet", orders(5_000), 1_000);
    let whole = std::fs::read(desk.path("a.parquet")).expect("bytes");
    let mut scrambled = whole.clone();
    scrambled[100..2_000].fill(0xA5);
    let mut footer = whole.clone();
    let end = footer.len();
    footer[end - 60..end - 8].fill(0xA5);
    for (bytes, code) in [
        (&b"a,b\n1,2\n"[..], "NOT_PARQUET"),
        (b"", "NOT_PARQUET"),
        (&whole[..whole.len() / 2], "DAMAGED_FILE"),
        (&whole[..whole.len() - 1], "DAMAGED_FILE"),
        (&scrambled, "DAMAGED_FILE"),
        (&footer, "DAMAGED_FILE"),
    ] {
        desk.write("a.parquet", bytes);
        let error = desk.read("parquet", json!({"location": "a.parquet"})).await.expect_err("damaged");
        assert!(error.is_permanent(), "{error}");
        assert_eq!(error.code, code, "{error}");
        assert!(error.message.contains("a.parquet"), "{error}");
    }
}
