//! Flight SQL as drivers speak it.

use std::sync::Arc;

use arrow_array::{Array as _, Int64Array, RecordBatch, StringArray, cast::AsArray as _};
use arrow_flight::{
    FlightInfo,
    sql::{
        CommandGetDbSchemas, CommandGetTables, CommandGetXdbcTypeInfo, SqlInfo,
        client::FlightSqlServiceClient,
    },
};
use futures::TryStreamExt as _;
use tonic::transport::Channel;

use crate::fixture;

async fn rows(client: &mut FlightSqlServiceClient<Channel>, info: FlightInfo) -> Vec<RecordBatch> {
    let schema = (!info.schema.is_empty()).then(|| info.clone().try_decode_schema().expect("schema"));
    let ticket = info.endpoint[0].ticket.clone().expect("ticket");
    let stream = client.do_get(ticket).await.expect("rows");
    let batches = stream.try_collect::<Vec<_>>().await.expect("batches");
    if let (Some(schema), Some(first)) = (schema, batches.first()) {
        assert_eq!(*first.schema(), schema, "the schema of the FlightInfo is that of the stream");
    }
    batches
}

#[tokio::test]
async fn a_statement_answers_with_the_schema_it_announced() {
    let served = fixture::serve().await;
    let mut client = served.sql().await;
    for sql in [
        "SELECT * FROM finance_csv",
        "SELECT * FROM clicks LIMIT 3",
        "SELECT * FROM nested",
        "SELECT sum(id), 'a'::ENUM('a','b'), INTERVAL 1 DAY, 1::UUID IS NULL, [1,2], MAP {'a': 1}, now() FROM finance_csv".replace("1::UUID IS NULL", "uuid()").as_str(),
        "SELECT * FROM finance_csv WHERE false",
        "DESCRIBE finance_csv",
        "SUMMARIZE finance_csv",
        "EXPLAIN SELECT 1",
    ] {
        let info = client.execute(sql.to_owned(), None).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        assert!(!info.schema.is_empty(), "{sql}");
        rows(&mut client, info).await;
    }
}

#[tokio::test]
async fn a_decimal_tells_its_digits_to_drivers_that_read_no_types() {
    let served = fixture::serve().await;
    let mut client = served.sql().await;
    let sql = "SELECT 2.50::DECIMAL(9,2) AS amount, sum(id) AS total, 1::BIGINT AS n FROM finance_csv";
    let schema =
        client.execute(sql.to_owned(), None).await.expect("info").try_decode_schema().expect("schema");
    let said =
        |at: usize, key: &str| schema.field(at).metadata().get(&format!("ARROW:FLIGHT:SQL:{key}")).cloned();
    assert_eq!((said(0, "PRECISION"), said(0, "SCALE")), (Some("9".to_owned()), Some("2".to_owned())));
    assert_eq!((said(1, "PRECISION"), said(1, "SCALE")), (Some("38".to_owned()), Some("0".to_owned())));
    assert!(schema.field(2).metadata().is_empty());
}

#[tokio::test]
async fn a_ticket_keeps_its_snapshot() {
    let served = fixture::serve().await;
    let mut client = served.sql().await;
    let mut info = client.execute("SELECT count(*) FROM finance_csv".to_owned(), None).await.expect("info");
    let now = rows(&mut client, info.clone()).await;
    assert_eq!(fixture::text(&now), ["5"]);
    // The same ticket, as it would have been made at snapshot 1.
    let ticket = info.endpoint[0].ticket.as_mut().expect("ticket");
    let bytes = ticket.ticket.to_vec();
    let at = bytes.windows(2).position(|pair| pair == [0x10, 2]).expect("the snapshot's field");
    let mut earlier = bytes;
    earlier[at + 1] = 1;
    ticket.ticket = earlier.into();
    assert_eq!(fixture::text(&rows(&mut client, info).await), ["3"]);
}

#[tokio::test]
async fn a_prepared_statement_takes_parameters_by_position_and_by_name() {
    let served = fixture::serve().await;
    let mut client = served.sql().await;
    let mut by_position = client
        .prepare("SELECT id FROM finance_csv WHERE id > ? AND account = ?".to_owned(), None)
        .await
        .expect("prepare");
    assert_eq!(by_position.parameter_schema().expect("parameters").fields().len(), 2);
    assert_eq!(by_position.dataset_schema().expect("columns").field(0).name(), "id");
    let ids: arrow_array::ArrayRef = Arc::new(Int64Array::from(vec![1]));
    let accounts: arrow_array::ArrayRef = Arc::new(StringArray::from(vec!["a"]));
    let values = RecordBatch::try_from_iter([("1", ids), ("2", accounts)]).expect("values");
    by_position.set_parameters(values.clone()).expect("set");
    let info = by_position.execute().await.expect("execute");
    assert_eq!(fixture::text(&rows(&mut client, info).await), ["3"]);

    let mut by_name = client.prepare("SELECT $b, $a".to_owned(), None).await.expect("prepare");
    let swapped =
        RecordBatch::try_from_iter([("a", values.column(0).clone()), ("b", values.column(1).clone())])
            .expect("values");
    by_name.set_parameters(swapped).expect("set");
    let info = by_name.execute().await.expect("execute");
    assert_eq!(fixture::text(&rows(&mut client, info).await), ["a|1"]);
    by_name.close().await.expect("close");
}

#[tokio::test]
async fn closing_one_statement_leaves_its_twin_and_updates_are_refused() {
    let served = fixture::serve().await;
    let mut client = served.sql().await;
    let statement = client.prepare("SELECT 1".to_owned(), None).await.expect("prepare");
    let mut twin = client.prepare("SELECT 1".to_owned(), None).await.expect("prepare");
    statement.close().await.expect("close");
    twin.execute().await.expect("the other lives");
    let update = client
        .execute_update("DELETE FROM finance_csv".to_owned(), None)
        .await
        .expect_err("read-only")
        .to_string();
    assert!(update.contains("read-only"), "{update}");
    let begin = client.begin_transaction().await.expect_err("no transactions").to_string();
    assert!(begin.to_lowercase().contains("implement"), "{begin}");
}

#[tokio::test]
async fn metadata_is_complete() {
    let served = fixture::serve().await;
    let mut client = served.sql().await;
    let info = client.get_catalogs().await.expect("catalogs");
    assert_eq!(fixture::text(&rows(&mut client, info).await), ["rfe"]);
    let info = client
        .get_db_schemas(CommandGetDbSchemas { catalog: None, db_schema_filter_pattern: None })
        .await
        .expect("schemas");
    assert_eq!(fixture::text(&rows(&mut client, info).await), ["rfe|main", "rfe|meta", "rfe|raw"]);
    let info = client.get_table_types().await.expect("types");
    assert_eq!(fixture::text(&rows(&mut client, info).await), ["TABLE"]);
    let info = client.get_xdbc_type_info(CommandGetXdbcTypeInfo { data_type: None }).await.expect("xdbc");
    assert!(rows(&mut client, info).await[0].num_rows() > 10);
    let info = client
        .get_primary_keys(arrow_flight::sql::CommandGetPrimaryKeys {
            catalog: None,
            db_schema: None,
            table: "finance_csv".into(),
        })
        .await
        .expect("keys");
    assert!(fixture::text(&rows(&mut client, info).await).is_empty());
}

#[tokio::test]
async fn tables_come_with_the_schema_that_a_query_answers_with() {
    let served = fixture::serve().await;
    let mut client = served.sql().await;
    let ask = CommandGetTables {
        catalog: Some("rfe".into()),
        db_schema_filter_pattern: Some("main".into()),
        table_name_filter_pattern: Some("finance%".into()),
        table_types: vec![],
        include_schema: true,
    };
    let info = client.get_tables(ask).await.expect("tables");
    let batches = rows(&mut client, info).await;
    assert_eq!(batches[0].num_rows(), 1);
    let bytes = batches[0].column(4).as_binary::<i32>().value(0).to_vec();
    let schema = arrow_schema::Schema::try_from(arrow_flight::IpcMessage(bytes.into())).expect("schema");
    assert_eq!(schema.field(2).metadata()["ARROW:FLIGHT:SQL:TYPE_NAME"], "DOUBLE");
    let queried = client
        .execute("FROM finance_csv".to_owned(), None)
        .await
        .expect("info")
        .try_decode_schema()
        .expect("schema");
    let types = |schema: &arrow_schema::Schema| {
        schema.fields().iter().map(|field| field.data_type().clone()).collect::<Vec<_>>()
    };
    assert_eq!(types(&schema), types(&queried));
}

#[tokio::test]
async fn every_sql_info_has_a_value_and_no_transactions_are_offered() {
    let served = fixture::serve().await;
    let mut client = served.sql().await;
    let info = client.get_sql_info(vec![]).await.expect("all");
    let all = rows(&mut client, info).await;
    let codes = all[0].column(0).as_primitive::<arrow_array::types::UInt32Type>().values().to_vec();
    for code in (0..=11).chain(100..=101).chain(500..=576) {
        assert!(codes.contains(&code), "no value of {code}");
    }
    let info = client.get_sql_info(vec![SqlInfo::FlightSqlServerTransaction]).await.expect("one");
    let one = rows(&mut client, info).await;
    let union = one[0].column(1).as_any().downcast_ref::<arrow_array::UnionArray>().expect("union");
    assert_eq!((union.len(), union.type_id(0)), (1, 3), "an int32 child, as clients read it");
    assert_eq!(union.value(0).as_primitive::<arrow_array::types::Int32Type>().value(0), 0);
}

#[tokio::test]
async fn a_statement_runs_with_one_row_of_parameters_only() {
    let served = fixture::serve().await;
    let mut client = served.sql().await;
    let mut statement = client.prepare("SELECT ? + 1".to_owned(), None).await.expect("prepare");
    let two: arrow_array::ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
    statement.set_parameters(RecordBatch::try_from_iter([("1", two)]).expect("values")).expect("set");
    let error = statement.execute().await.expect_err("two rows").to_string();
    assert!(error.contains("one row"), "{error}");
    let mut unbound = client.prepare("SELECT ? + 1".to_owned(), None).await.expect("prepare");
    let info = unbound.execute().await.expect("info");
    let ticket = info.endpoint[0].ticket.clone().expect("ticket");
    let text = client.do_get(ticket).await.expect_err("unbound").to_string();
    assert!(text.contains("1 parameters"), "{text}");
}
