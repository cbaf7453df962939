//! What stands behind names.

use crate::fixture;

#[tokio::test]
async fn files_of_older_schemas_read_with_the_types_of_today() {
    let served = fixture::serve().await;
    let rows = served.text("SELECT id, account, amount, note FROM finance_csv ORDER BY id").await;
    assert_eq!(rows, ["1|a|10.0|NULL", "2|b|20.0|NULL", "3|a|30.0|NULL", "4|00123|1.5|new", "5|b|2.5|NULL"]);
    let batches = served.rows("FROM main.finance_csv").await.expect("rows");
    let names = batches[0].schema().fields().iter().map(|field| field.name().clone()).collect::<Vec<_>>();
    assert_eq!(
        names,
        [
            "id",
            "account",
            "amount",
            "booked",
            "note",
            "_source",
            "_run_id",
            "_ingested_at",
            "_schema_version"
        ]
    );
}

#[tokio::test]
async fn events_have_their_lineage_and_json_columns_are_json() {
    let served = fixture::serve().await;
    let rows = served
        .text("SELECT doc->>'n', _event_id, typeof(doc), typeof(_received_at) FROM clicks WHERE n = 7")
        .await;
    assert_eq!(rows, ["7|_event_id-7|JSON|TIMESTAMP WITH TIME ZONE"]);
}

#[tokio::test]
async fn raw_shows_texts_as_read_over_files_of_different_columns() {
    let served = fixture::serve().await;
    let rows = served.text("SELECT account, note, _line FROM raw.finance_csv ORDER BY _line").await;
    assert_eq!(rows, ["00123|NULL|2", "x|NULL|3", "00123|n|4", "x|m|5"]);
}

#[tokio::test]
async fn nested_types_come_as_they_were() {
    let served = fixture::serve().await;
    assert_eq!(served.text("SELECT place.city, tags[2] FROM nested").await, ["Bonn|y"]);
}

#[tokio::test]
async fn a_dataset_without_files_is_an_empty_typed_table() {
    let served = fixture::serve().await;
    assert_eq!(served.text("SELECT count(*), count(_run_id) FROM empty_one").await, ["0|0"]);
    assert_eq!(served.text("SELECT count(*) FROM raw.empty_one WHERE _line > 3").await, ["0"]);
    let described = served.text("DESCRIBE empty_one").await;
    assert!(described[1].starts_with("at|TIMESTAMP WITH TIME ZONE|"), "{described:?}");
}

#[tokio::test]
async fn the_catalog_and_every_schema_may_be_written_out() {
    let served = fixture::serve().await;
    for sql in [
        "SELECT count(*) FROM rfe.main.finance_csv",
        "SELECT count(*) FROM \"rfe\".\"main\".\"finance_csv\"",
        "SELECT count(rfe.main.finance_csv.id) FROM rfe.main.finance_csv",
        "SELECT count(*) FROM FINANCE_CSV",
    ] {
        assert_eq!(served.text(sql).await, ["5"], "{sql}");
    }
    assert_eq!(
        served.text("SELECT count(*), max(rows), min(created_at)::DATE FROM meta.ingestion_runs").await,
        ["5000|4999|1970-01-01"]
    );
    assert_eq!(served.text("SELECT f.id FROM finance_csv f JOIN meta.ingestion_runs r ON r.rows = f.id ORDER BY 1 LIMIT 1").await, ["1"]);
}

#[tokio::test]
async fn information_schema_shows_our_tables_and_no_other() {
    let served = fixture::serve().await;
    assert_eq!(served.text("SHOW TABLES").await, ["clicks", "empty_one", "finance_csv", "nested"]);
    let schemas = served.text("SELECT DISTINCT table_schema FROM information_schema.tables ORDER BY 1").await;
    assert_eq!(schemas, ["main", "meta", "raw"]);
    let columns = "SELECT data_type FROM information_schema.columns WHERE table_schema = 'main' AND table_name = 'finance_csv' AND column_name = 'amount'";
    assert_eq!(served.text(columns).await, ["DOUBLE"]);
    assert_eq!(served.text("SELECT count(*) FROM rfe.information_schema.schemata").await, ["3"]);
}

#[tokio::test]
async fn an_unknown_table_names_the_nearest_and_where_to_look() {
    let served = fixture::serve().await;
    let near = served.rows("FROM finance_cvs").await.expect_err("unknown").message().to_owned();
    assert!(near.contains("did you mean `finance_csv`") && near.contains("rfe datasets"), "{near}");
    let meta = served.rows("FROM ingestion_runs").await.expect_err("unknown").message().to_owned();
    assert!(meta.contains("`meta.ingestion_runs`"), "{meta}");
}
