//! Running statements: streams, ends and limits.

use std::time::{Duration, Instant};

use arrow_flight::{
    Action, CancelFlightInfoRequest, CancelFlightInfoResult, CancelStatus, FlightDescriptor, Ticket,
};
use futures::StreamExt as _;
use prost::Message as _;
use rfe_model::fault::reason;
use rfe_query::Config;
use tonic::{Code, Request};

use crate::fixture;

// Minutes of work that yields no row before its end.
const ENDLESS: &str =
    "SELECT count(*) FROM range(1000000) a, range(10000000) b WHERE (a.range * b.range) % 7 = 3";
// Rows without end.
const FLOOD: &str = "SELECT a.range, b.range, 'some text' || a.range FROM range(100000) a, range(1000000) b";

#[tokio::test]
async fn ten_million_rows_stream_in_batches_of_bounded_size() {
    let served = fixture::serve().await;
    let mut stream = served
        .plain()
        .await
        .do_get(Ticket::new("SELECT range, range * 2 AS twice FROM range(10000000)"))
        .await
        .expect("rows")
        .into_inner();
    let (mut rows, mut largest) = (0, 0);
    let mut decoder = arrow_flight::decode::FlightRecordBatchStream::new_from_flight_data(
        futures::stream::poll_fn(move |context| {
            stream.poll_next_unpin(context).map(|next| {
                next.map(|data| {
                    data.map_err(|status| arrow_flight::error::FlightError::Tonic(Box::new(status)))
                })
            })
        }),
    );
    while let Some(batch) = decoder.next().await {
        let batch = batch.expect("batch");
        rows += batch.num_rows();
        largest = largest.max(batch.num_rows());
    }
    assert_eq!(rows, 10_000_000);
    assert!((2049..=131_072).contains(&largest), "{largest} rows in the largest batch");
}

#[tokio::test]
async fn a_failure_after_many_rows_is_an_error_and_never_a_short_result() {
    let served = fixture::serve().await;
    let failed =
        served.rows("SELECT word::BIGINT FROM clicks").await.expect_err("the last row can't be cast");
    assert_eq!(
        (failed.code(), rfe_mesh::fault_from_status(&failed).reason.as_str()),
        (Code::InvalidArgument, reason::SQL_INVALID)
    );
    let late = "SELECT CASE WHEN range = 3000000 THEN error('too late') ELSE range END FROM range(4000000)";
    let failed = served.rows(late).await.expect_err("an error after millions of rows");
    assert!(failed.message().contains("too late"), "{failed}");
}

#[tokio::test]
async fn a_deadline_ends_the_statement() {
    let served =
        fixture::serve_with(Config { max_runtime: Duration::from_millis(300), ..Config::default() }).await;
    let began = Instant::now();
    let late = served.rows(ENDLESS).await.expect_err("too slow");
    assert_eq!(late.code(), Code::DeadlineExceeded, "{late}");
    let flood = served.rows(FLOOD).await.expect_err("too much");
    assert_eq!(flood.code(), Code::DeadlineExceeded, "{flood}");
    assert!(began.elapsed() < Duration::from_secs(20));
}

#[tokio::test]
async fn a_clients_own_timeout_ends_the_statement() {
    let served = fixture::serve_with(Config { max_running: 1, ..Config::default() }).await;
    let mut request = Request::new(Ticket::new(FLOOD));
    request.set_timeout(Duration::from_millis(300));
    let mut stream = served.plain().await.do_get(request).await.expect("rows begin").into_inner();
    let ended = loop {
        match stream.next().await {
            Some(Ok(_)) => {}
            Some(Err(status)) => break status,
            None => panic!("a flood has no end"),
        }
    };
    assert!(matches!(ended.code(), Code::DeadlineExceeded | Code::Cancelled), "{ended}");
    assert_eq!(served.text("SELECT 1").await, ["1"], "its place is free again");
}

#[tokio::test]
async fn a_dropped_stream_frees_its_place() {
    let served = fixture::serve_with(Config { max_running: 1, max_waiting: 4, ..Config::default() }).await;
    let mut stream = served.plain().await.do_get(Ticket::new(FLOOD)).await.expect("rows begin").into_inner();
    stream.next().await.expect("a message").expect("the schema");
    drop(stream);
    // One place only: this answers once the flood has been interrupted.
    let answer = tokio::time::timeout(Duration::from_secs(20), served.rows("SELECT 1")).await;
    answer.expect("in time").expect("rows");
}

#[tokio::test]
async fn a_cancel_by_flight_info_interrupts_what_runs() {
    let served = fixture::serve().await;
    let mut client = served.plain().await;
    let info = client.get_flight_info(FlightDescriptor::new_cmd(FLOOD)).await.expect("info").into_inner();
    let cancel =
        |info| Action::new("CancelFlightInfo", CancelFlightInfoRequest { info: Some(info) }.encode_to_vec());
    let status = |mut answer: tonic::Streaming<arrow_flight::Result>| async move {
        let body = answer.next().await.expect("an answer").expect("a result").body;
        CancelFlightInfoResult::decode(body).expect("result").status()
    };
    let idle = client.do_action(cancel(info.clone())).await.expect("cancel").into_inner();
    assert_eq!(status(idle).await, CancelStatus::NotCancellable);
    let ticket = info.endpoint[0].ticket.clone().expect("ticket");
    let mut stream = client.do_get(ticket).await.expect("rows begin").into_inner();
    stream.next().await.expect("a message").expect("the schema");
    let answer = client.do_action(cancel(info)).await.expect("cancel").into_inner();
    assert_eq!(status(answer).await, CancelStatus::Cancelling);
    let ended = loop {
        match stream.next().await {
            Some(Ok(_)) => {}
            Some(Err(status)) => break status,
            None => panic!("a cancelled statement is no complete one"),
        }
    };
    assert_eq!(
        (ended.code(), rfe_mesh::fault_from_status(&ended).reason.as_str()),
        (Code::Cancelled, reason::CANCELLED)
    );
}

#[tokio::test]
async fn too_many_statements_are_told_when_to_come_again() {
    let served = fixture::serve_with(Config { max_running: 1, max_waiting: 0, ..Config::default() }).await;
    let mut stream = served.plain().await.do_get(Ticket::new(FLOOD)).await.expect("rows begin").into_inner();
    stream.next().await.expect("a message").expect("the schema");
    let full = served.rows("SELECT 1").await.expect_err("full");
    assert_eq!(full.code(), Code::ResourceExhausted);
    assert!(rfe_mesh::fault_from_status(&full).retry_after.is_some());
}

#[tokio::test]
async fn a_statement_too_large_for_memory_and_scratch_is_told_so() {
    let small = Config { memory_bytes: 32 << 20, max_scratch_bytes: 1 << 20, ..Config::default() };
    let served = fixture::serve_with(small).await;
    let failed = served.rows("SELECT list(range) FROM range(50000000)").await.expect_err("too large");
    assert_eq!(
        (failed.code(), rfe_mesh::fault_from_status(&failed).reason.as_str()),
        (Code::ResourceExhausted, reason::QUERY_TOO_LARGE),
        "{failed}"
    );
    assert_eq!(served.text("SELECT count(*) FROM finance_csv").await, ["5"], "the engine goes on");
}
