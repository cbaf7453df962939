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
async fn a_file_without_columns_has_its_rows_all_the_same() {
    let desk = Desk::new();
    write(&desk, "a.parquet", DataFrame::new(5, Vec::new()).expect("frame"), 2);
    for chunk_bytes in [1, 1 << 20] {
        let context = rfe_sources::ReadContext { chunk_bytes, ..desk.context() };
        let spec = desk.spec("parquet", json!({"location": "a.parquet"}));
        let chunks = crate::desk::read(&spec, &context).await.expect("read");
        assert_eq!(chunks.iter().map(rfe_sources::Chunk::rows).sum::<usize>(), 5);
        assert!(chunks.iter().all(|chunk| chunk.columns.is_empty()));
    }
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

#[tokio::test]
async fn ten_thousand_row_groups_make_few_chunks_quickly() {
    let desk = Desk::new();
    write(&desk, "a.parquet", orders(20_000), 2);
    let start = std::time::Instant::now();
    let chunks = desk.read("parquet", json!({"location": "a.parquet"})).await.expect("read");
    let rows: usize = chunks.iter().map(|chunk| chunk.rows()).sum();
    assert_eq!(rows, 20_000);
    assert!(chunks.len() < 100, "{} chunks", chunks.len());
    // Quadratic work would take minutes.
    assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_row_group_of_many_pieces_reads_as_it_was_written() {
    let desk = Desk::new();
    let mut frame = orders(50_000);
    let lists: Vec<Series> =
        (0..50_000_i64).map(|row| Series::new("".into(), vec![row; (row % 3) as usize])).collect();
    frame.with_column(Series::new("list".into(), lists).into_column()).expect("list");
    let parts = frame.clone().select(["id", "note"]).expect("parts").into_struct("both".into());
    frame.with_column(parts.into_series().into_column()).expect("struct");
    let mut bytes = Vec::new();
    ParquetWriter::new(&mut bytes)
        .with_row_group_size(Some(50_000))
        .with_data_page_size(Some(8 << 10))
        .finish(&mut frame.clone())
        .expect("write");
    desk.write("a.parquet", bytes);
    for chunk_bytes in [3_000, 40_000, 100 << 20] {
        let context = rfe_sources::ReadContext { chunk_bytes, ..desk.context() };
        let spec = desk.spec("parquet", json!({"location": "a.parquet"}));
        let chunks = crate::desk::read(&spec, &context).await.expect("read");
        let mut whole = chunks[0].raw.clone();
        for chunk in &chunks[1..] {
            whole.vstack_mut(&chunk.raw).expect("one schema");
        }
        assert!(whole.equals_missing(&frame), "{chunk_bytes}");
    }
}

#[tokio::test]
async fn a_file_that_is_cut_while_it_is_read_is_an_error() {
    let desk = Desk::new();
    write(&desk, "a.parquet", orders(100_000), 1_000);
    let context = rfe_sources::ReadContext { chunk_bytes: 1_000, ..desk.context() };
    let spec = desk.spec("parquet", json!({"location": "a.parquet"}));
    let mut reader = kind("parquet").open(&spec, context).await.expect("open");
    reader.next().await.expect("the file is whole").expect("rows");
    let file = std::fs::File::options().write(true).open(desk.path("a.parquet")).expect("file");
    file.set_len(10_000).expect("cut");
    let error = loop {
        match reader.next().await {
            Ok(chunk) => assert!(chunk.is_some(), "the end is not said"),
            Err(error) => break error,
        }
    };
    assert!(error.code == "FILE_CHANGED" && !error.is_permanent(), "{error}");
    assert!(error.message.contains("a.parquet"), "{error}");
}

#[tokio::test]
async fn an_encrypted_file_is_refused_as_such() {
    let desk = Desk::new();
    desk.write("a.parquet", b"PARE some bytes that nobody can read PARE");
    let error = desk.read("parquet", json!({"location": "a.parquet"})).await.expect_err("encrypted");
    assert!(error.code == "TYPE_NOT_SUPPORTED" && error.message.contains("encrypted"), "{error}");
}
