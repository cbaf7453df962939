//! Avro is read from files that another program wrote.

use rfe_proto::metadata::RunState;
use rfe_tests::{Platform, grpc::assert_counts};

const SOURCES: &str =
    "version: 1\nsources:\n- {name: readings, kind: avro, config: {location: \"avro/*.avro\"}}\n";

#[tokio::test]
async fn avro_files_land_with_their_types() {
    let platform = Platform::start().await;
    let folder = platform.write("avro/.keep", "").parent().expect("folder").display().to_string();
    let _written = platform.python("avro_files.py", &[&folder]).await.ok();
    platform.apply(SOURCES).await;
    assert_counts(&platform.pulled("readings").await, [3001, 3001, 0, 0]);
    assert_eq!(
        platform.columns("main.readings").await[..13],
        [
            "id BIGINT",
            "room VARCHAR",
            "degrees DOUBLE",
            "price DECIMAL(12,3)",
            "day DATE",
            "at TIMESTAMP WITH TIME ZONE",
            "local TIMESTAMP",
            "key VARCHAR",
            "state VARCHAR",
            "picture BLOB",
            "tags JSON",
            "place JSON",
            "note VARCHAR",
        ]
    );
    let sums = "SELECT count(*), sum(id), count(room), sum(degrees), sum(price), count(*) FILTER (state = 'ON'), \
        count(DISTINCT key), count(*) FILTER (place->>'city' = 'town 3'), max(note) FROM readings";
    assert_eq!(platform.value(sums).await, "3001|4501500|2250|1124625.0|2998.500|1500|3000|600|new");
    let row = "SELECT day, local, hex(picture), tags FROM readings WHERE id = 1001";
    assert_eq!(platform.value(row).await, "2028-09-28|2026-02-11T17:00:00|E9FF|[\"1001\",\"1001\"]");
    assert_eq!(platform.value("SELECT epoch(\"at\") FROM readings WHERE id = 60").await, "1767225660.0");
    let raw = "SELECT _record, body LIKE '%\"price\":0.500,%', body->>'$.place.city' FROM raw.readings WHERE _file LIKE '%b.avro' ORDER BY _record LIMIT 1";
    assert_eq!(platform.value(raw).await, "1|true|town 0");
}

#[tokio::test]
async fn a_value_that_does_not_fit_is_a_letter_and_a_damaged_block_is_named() {
    let platform = Platform::start().await;
    let folder = platform.write("avro/.keep", "").parent().expect("folder").display().to_string();
    let _written = platform.python("avro_files.py", &[&folder]).await.ok();
    let declared = SOURCES.replace("config:", "columns: {note: BIGINT}, config:");
    platform.apply(&declared).await;
    assert_counts(&platform.pulled("readings").await, [3001, 3000, 1, 0]);
    let letter = platform.only_letter("readings").await;
    assert_eq!((letter.code.as_str(), letter.position.expect("a place").record), ("BAD_VALUE", 1));

    let path = platform.work().join("avro/b.avro");
    let mut bytes = std::fs::read(&path).expect("read");
    let middle = bytes.len() / 2;
    bytes[middle..middle + 30].fill(0xff);
    platform.write("avro/b.avro", bytes);
    let run = platform.pull("readings").await;
    assert_eq!(run.state(), RunState::Failed, "{run:?}");
    assert!(run.error.contains("b.avro") && run.error.contains("block"), "{}", run.error);
    assert_eq!(platform.value("SELECT count(*) FROM readings").await, "3000");
}
