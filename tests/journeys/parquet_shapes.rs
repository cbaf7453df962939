//! Parquet as other writers write it: whatever the codec, encoding and page version, the rows are the same.

use rfe_proto::metadata::RunState;
use rfe_tests::{Platform, grpc::assert_counts};

const PLAIN: &str = "SELECT count(*), sum(id), sum(small), sum(big), sum(ratio), count(DISTINCT text), count(bytes), \
    count(*) FILTER (flag), max(day), sum(price), sum(cost), sum(total), epoch(max(\"at\")), epoch(max(instant)), epoch(max(berlin)), max(clock) FROM ";
const NESTED: &str = "SELECT count(*), sum(id), sum(len(items)), sum(part.a), max(part.b), sum(pairs[1].value), \
    sum(deep[1].x), sum(len(deep[1].ys)), sum(fixed[2]) FROM ";

async fn shapes(platform: &Platform) -> Vec<String> {
    let folder = platform.write("shapes/.keep", "").parent().expect("folder").display().to_string();
    let written = platform.python("parquet_shapes.py", &[&folder]).await.ok();
    written.stdout.split_whitespace().map(str::to_owned).collect()
}

async fn declare(platform: &Platform, names: &[String]) {
    let entry = |name: &String| {
        format!("- {{name: {name}, kind: parquet, config: {{location: shapes/{name}.parquet}}}}\n")
    };
    let entries: String = names.iter().map(entry).collect();
    platform.apply(&format!("version: 1\nsources:\n{entries}")).await;
}

#[tokio::test]
async fn whatever_the_shape_the_rows_are_the_same() {
    let platform = Platform::start().await;
    let names = shapes(&platform).await;
    declare(&platform, &names).await;
    let (mut plain, mut nested) = (Vec::new(), Vec::new());
    for name in &names {
        assert_counts(&platform.pulled(name).await, [3000, 3000, 0, 0]);
        let is_nested = name.starts_with("nested");
        let sums = if is_nested { NESTED } else { PLAIN };
        let sums = platform.value(&format!("{sums} {name}")).await;
        let alike = if is_nested { &mut nested } else { &mut plain };
        alike.push((name, sums));
    }
    for (name, sums) in plain.iter().chain(&nested) {
        let first = if name.starts_with("nested") { &nested[0].1 } else { &plain[0].1 };
        assert_eq!(sums, first, "{name}");
    }
    assert!(plain[0].1.starts_with("3000|4498500|"), "{}", plain[0].1);
    let types = platform.columns("main.snappy").await;
    let wanted =
        ["id BIGINT", "small BIGINT", "big DECIMAL(20,0)", "ratio DOUBLE", "text VARCHAR", "bytes BLOB"];
    assert_eq!(types[..6], wanted);
    assert_eq!(types[8..11], ["price DECIMAL(9,2)", "cost DECIMAL(18,2)", "total DECIMAL(30,2)"]);
}

#[tokio::test]
async fn edges_of_the_format_are_read_or_refused_by_name() {
    let platform = Platform::start().await;
    shapes(&platform).await;
    let names = ["units", "no_rows", "far", "cases", "twice"].map(str::to_owned);
    declare(&platform, &names).await;
    assert_counts(&platform.pulled("units").await, [3000, 3000, 0, 0]);
    assert_eq!(platform.value("SELECT max(s) FROM units").await, "2026-01-03T01:59:00");
    assert_eq!(
        platform.value("SELECT count(*) FROM units WHERE s = ms AND ms = us AND us = ns").await,
        "2700"
    );
    assert_eq!(platform.value("SELECT min(clock_ms), min(span) FROM units").await, "01:02:03.004|0.000");
    assert_counts(&platform.pulled("no_rows").await, [0, 0, 0, 0]);
    assert_eq!(platform.columns("main.no_rows").await[0], "id BIGINT");
    assert_counts(&platform.pulled("far").await, [2, 2, 0, 0]);
    assert_eq!(platform.value("SELECT year(min(\"at\")), year(max(\"at\")) FROM far").await, "1|9999");
    assert_counts(&platform.pulled("cases").await, [1, 1, 0, 0]);
    assert_eq!(platform.value("SELECT Id, ID_2 FROM cases").await, "1|2");
    let run = platform.pull("twice").await;
    assert_eq!(run.state(), RunState::Failed, "{run:?}");
    assert!(run.error.contains("twice.parquet") && run.error.contains("one name"), "{}", run.error);
}
