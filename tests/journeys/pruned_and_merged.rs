//! What a query opens, and what it shows of rows that have versions.

use rfe_tests::{Platform, Role, grpc::assert_counts};

// Files that statements read and left out since the start.
async fn files(platform: &Platform) -> [u64; 2] {
    let page = platform.page(Role::Query, "/metrics").await.text;
    ["read", "pruned"].map(|outcome| {
        let line = format!("rfe_query_files_total{{outcome=\"{outcome}\"}} ");
        let count = page.lines().find_map(|known| known.strip_prefix(&line));
        count.map_or(0, |count| count.parse().expect("a number"))
    })
}

#[tokio::test]
async fn only_files_that_can_match_are_opened() {
    let platform = Platform::start().await;
    platform
        .apply(
            "version: 1\nsources:\n- {name: days, kind: csv, mode: append, config: {location: \"day-*.csv\"}, \
             columns: {price: \"DECIMAL(10,2)\"}}\n",
        )
        .await;
    // The third file widens `n` to text, whose order is another one.
    for (day, n) in [(1, "9"), (2, "10"), (3, "x")] {
        let text = format!(
            "day,at,n,price,note\n2026-11-0{day},2026-11-0{day} 08:00:00,{n},{day}.50,{}\n",
            "long ".repeat(40 * day)
        );
        platform.write(&format!("day-{day}.csv"), text);
        let _run = platform.pulled("days").await;
    }
    let mut before = files(&platform).await;
    for (filter, shown, opened) in [
        ("true", "3", 3),
        ("day = '2026-11-02'", "1", 1),
        ("\"at\" > TIMESTAMP '2026-11-02 07:00:00'", "2", 2),
        ("\"at\" BETWEEN '2026-11-01' AND '2026-11-02'", "1", 1),
        ("price IN (1.5, 9)", "1", 1),
        ("n = '9'", "1", 2),
        ("note < 'm' AND note >= 'long long'", "3", 3),
        ("note > 'm'", "0", 0),
        ("_run_id = 'none'", "0", 0),
        ("_ingested_at IS NULL OR day < DATE '2026-11-02'", "1", 1),
    ] {
        assert_eq!(
            platform.value(&format!("SELECT count(*) FROM days WHERE {filter}")).await,
            shown,
            "{filter}"
        );
        let now = files(&platform).await;
        assert_eq!([now[0] - before[0], now[1] - before[1]], [opened, 3 - opened], "{filter}");
        before = now;
    }
}

#[tokio::test]
async fn a_merged_dataset_shows_the_latest_row_of_each_key_and_raw_all() {
    let platform = Platform::start().await;
    platform
        .apply(
            "version: 1\nsources:\n- {name: people, kind: csv, mode: merge, config: {location: \"people-*.csv\"}, \
             merge: {key: [id], order_by: updated_at, deleted: gone}}\n",
        )
        .await;
    platform.write(
        "people-1.csv",
        "id,name,updated_at,gone\n1,Ann,2026-01-01,false\n2,Bob,2026-01-05,false\n3,Cy,,false\n",
    );
    let _run = platform.pulled("people").await;
    // Newer, older, deleted, and one that has no order in either version: the later one is shown.
    platform.write(
        "people-2.csv",
        "id,name,updated_at,gone\n1,Anna,2026-01-02,false\n2,Robert,2026-01-04,false\n3,Cyd,,false\n4,Di,2026-01-01,true\n",
    );
    let _run = platform.pulled("people").await;
    let shown = "SELECT id, name FROM people ORDER BY id";
    assert_eq!(platform.sql(shown).await, ["1|Anna", "2|Bob", "3|Cyd"]);
    assert_eq!(platform.value("SELECT count(*) FROM people WHERE name = 'Ann'").await, "0");
    assert_eq!(platform.value("SELECT name FROM people WHERE id = 2").await, "Bob");
    assert_eq!(platform.value("SELECT count(*) FROM raw.people").await, "7");
    platform.write("people-3.csv", "id,name,updated_at,gone\n2,Bob,2026-02-01,true\n4,Di,2026-02-01,false\n");
    let _run = platform.pulled("people").await;
    assert_eq!(platform.sql(shown).await, ["1|Anna", "3|Cyd", "4|Di"]);

    platform
        .write("people-4.csv", "id,name,updated_at,gone\n,Nobody,2026-03-01,false\n5,Ed,2026-03-01,false\n");
    assert_counts(&platform.pulled("people").await, [2, 1, 1, 0]);
    let letter = platform.only_letter("people").await;
    assert_eq!((letter.code.as_str(), letter.field_path.as_str()), ("MERGE_KEY_NULL", "id"));
    assert_eq!(platform.sql(shown).await, ["1|Anna", "3|Cyd", "4|Di", "5|Ed"]);
}
