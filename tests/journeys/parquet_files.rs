//! Parquet is read from files.

use rfe_proto::metadata::RunState;
use rfe_tests::{Platform, fixture::parquet, grpc::assert_counts};

#[tokio::test]
async fn parquet_files_land_with_their_types() {
    let platform = Platform::start().await;
    platform.write("orders/a.parquet", parquet(0, 1000));
    platform.write("orders/b.parquet", parquet(1000, 500));
    platform
        .apply(
            "version: 1\nsources:\n- {name: orders, kind: parquet, config: {location: orders/*.parquet}}\n",
        )
        .await;
    assert_counts(&platform.pulled("orders").await, [1500, 1500, 0, 0]);
    assert_eq!(platform.columns("main.orders").await[..2], ["id BIGINT", "name VARCHAR"]);
    let sums = "SELECT count(*), count(DISTINCT id), sum(id), max(name) FROM ";
    assert_eq!(platform.value(&format!("{sums} orders")).await, "1500|1500|1124250|name 999");
    assert_eq!(platform.value(&format!("{sums} raw.orders")).await, "1500|1500|1124250|name 999");
}

#[tokio::test]
async fn a_truncated_file_is_named_in_the_error_and_what_was_visible_stays() {
    let platform = Platform::start().await;
    let whole = parquet(0, 1000);
    platform.write("data.parquet", &whole);
    platform
        .apply("version: 1\nsources:\n- {name: cut, kind: parquet, config: {location: data.parquet}}\n")
        .await;
    let _good = platform.pulled("cut").await;

    let half_without_footer = &whole[..whole.len() / 2];
    let mut damaged_pages = whole.clone();
    damaged_pages[8..64].fill(0xff);
    let cases: [(&str, &[u8]); 4] = [
        ("half", half_without_footer),
        ("damaged", &damaged_pages),
        ("empty", b""),
        ("no parquet", b"id,name\n1,a\n"),
    ];
    for (case, bytes) in cases {
        platform.write("data.parquet", bytes);
        let run = platform.pull("cut").await;
        assert_eq!(run.state(), RunState::Failed, "{case}: {run:?}");
        assert!(run.error.contains("data.parquet"), "{case}: {}", run.error);
        assert!(!run.error_code.is_empty(), "{case}");
        assert_eq!(platform.value("SELECT count(*) FROM cut").await, "1000", "{case}");
    }
    let letters = platform.letters("cut").await;
    assert!(!letters.is_empty() && letters.iter().all(|letter| letter.kind == "job"), "{letters:?}");
    platform.write("data.parquet", parquet(0, 7));
    let _mended = platform.pulled("cut").await;
    assert_eq!(platform.value("SELECT count(*) FROM cut").await, "7");
}
