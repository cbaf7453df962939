//! Any number of events over one call.

use std::cell::Cell;

use futures::stream;
use rfe_proto::ingest::{self, Event, StreamEventsRequest, StreamEventsResponse};
use rfe_tests::{Platform, Settings, grpc::reason, until};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

const SOURCES: &str = "version: 1\nsources:\n- {name: hooks, kind: webhook, config: {max_body: 2MiB}}\n\
    - {name: files, kind: csv, config: {location: x.csv}}\n";

fn event(number: usize) -> Event {
    Event {
        event_id: number.to_string(),
        payload: format!("{{\"n\": {number}}}").into_bytes(),
        ..Event::default()
    }
}

fn message(events: Vec<Event>) -> StreamEventsRequest {
    StreamEventsRequest { source: "hooks".to_owned(), events }
}

async fn send(
    platform: &Platform,
    messages: Vec<StreamEventsRequest>,
) -> Result<StreamEventsResponse, Status> {
    let answer = platform.ingest_service().stream_events(stream::iter(messages)).await?;
    Ok(answer.into_inner())
}

fn processed(status: &Status) -> usize {
    let details = status.get_details_error_info().expect("the error has details");
    details.metadata["processed"].parse().expect("a number")
}

#[tokio::test]
async fn every_event_of_a_stream_lands_once_and_is_counted() {
    let platform = Platform::start().await;
    platform.apply(SOURCES).await;
    // Messages of all sizes: none, one, a few, more than a group takes.
    let mut messages = vec![message(Vec::new())];
    let mut number = 0;
    for size in [1, 3, 1, 2500, 40, 1, 999, 1000, 1001] {
        messages.push(message((number..number + size).map(event).collect()));
        number += size;
    }
    messages.push(message((0..10).map(event).collect()));
    messages.push(message(vec![Event { payload: vec![b'1'; 3 << 20], ..event(number) }, event(number + 1)]));
    let answer = send(&platform, messages).await.expect("accepted");
    assert_eq!((answer.accepted, answer.duplicates, answer.rejected_count), (number as i64 + 1, 10, 1));
    assert_eq!(answer.rejected.len(), 1);
    assert!(answer.rejected[0].message.contains("max_body"), "{answer:?}");
    let expected = format!("{0}|{0}", number + 1);
    platform.shows("SELECT count(*), count(DISTINCT n) FROM hooks", &[&expected]).await;
}

#[tokio::test]
async fn a_stream_without_events_is_no_error_and_a_wrong_source_is() {
    let platform = Platform::start().await;
    platform.apply(SOURCES).await;
    assert_eq!(send(&platform, Vec::new()).await.expect("nothing to do"), StreamEventsResponse::default());
    let of =
        |source: &str, number| StreamEventsRequest { source: source.to_owned(), events: vec![event(number)] };
    for (source, code, expected) in [
        ("", Code::InvalidArgument, "INVALID_FIELD"),
        ("nothing", Code::NotFound, "SOURCE_NOT_FOUND"),
        ("files", Code::FailedPrecondition, "SOURCE_KIND_MISMATCH"),
    ] {
        let status = send(&platform, vec![of(source, 1)]).await.expect_err(source);
        assert_eq!((status.code(), reason(&status).as_str(), processed(&status)), (code, expected, 0));
    }
    let status =
        send(&platform, vec![of("hooks", 1), of("", 2), of("files", 3)]).await.expect_err("another source");
    assert_eq!(status.code(), Code::InvalidArgument, "{status}");
}

#[tokio::test]
async fn a_full_backlog_says_how_far_the_stream_got_and_the_client_goes_on_behind_it() {
    let platform = Settings::default().with("RFE_QUEUE_MAX_JOBS", "3").start().await;
    platform.apply(SOURCES).await;
    let request = ingest::PauseSourceRequest { source: "hooks".to_owned() };
    platform.ingest_service().pause_source(request).await.expect("paused");
    let all: Vec<Event> = (0..5000).map(event).collect();
    let messages =
        |from: usize| all[from..].chunks(100).map(|events| message(events.to_vec())).collect::<Vec<_>>();
    let full = send(&platform, messages(0)).await.expect_err("it is full");
    assert_eq!((full.code(), reason(&full).as_str()), (Code::ResourceExhausted, "QUEUE_FULL"));
    assert!(full.get_details_retry_info().is_some(), "{full:?}");
    let done = Cell::new(processed(&full));
    assert!(done.get() > 0 && done.get() < 5000, "{done:?}");
    let request = ingest::GetQueueStatsRequest { source: "hooks".to_owned() };
    let stats = platform.ingest_service().get_queue_stats(request).await.expect("counts").into_inner();
    assert_eq!(stats.sources[0].events, done.get() as i64, "what is answered is durable, and nothing else");

    let request = ingest::ResumeSourceRequest { source: "hooks".to_owned() };
    platform.ingest_service().resume_source(request).await.expect("resumed");
    let accepted = until("all of it is taken", || async {
        match send(&platform, messages(done.get())).await {
            Ok(answer) => Some(done.get() as i64 + answer.accepted + answer.duplicates),
            Err(status) => {
                done.set(done.get() + processed(&status));
                None
            }
        }
    })
    .await;
    assert_eq!(accepted, 5000);
    platform.shows("SELECT count(*), count(DISTINCT n) FROM hooks", &["5000|5000"]).await;
}

#[tokio::test]
async fn what_was_durable_stays_where_a_client_breaks_off_or_the_process_is_killed() {
    let mut platform = Platform::start().await;
    platform.apply(SOURCES).await;
    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    let messages =
        stream::unfold(receiver, |mut receiver| async move { Some((receiver.recv().await?, receiver)) });
    let mut service = platform.ingest_service();
    let call = tokio::spawn(async move { service.stream_events(messages).await });
    sender.send(message((0..50).map(event).collect())).await.expect("the call reads");
    platform.shows("SELECT count(*) FROM hooks", &["50"]).await;
    call.abort();
    assert!(call.await.expect_err("it was broken off").is_cancelled());

    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    let messages =
        stream::unfold(receiver, |mut receiver| async move { Some((receiver.recv().await?, receiver)) });
    let mut service = platform.ingest_service();
    let call = tokio::spawn(async move { service.stream_events(messages).await });
    sender.send(message((40..90).map(event).collect())).await.expect("the call reads");
    until("they are durable", || async {
        let request = ingest::GetQueueStatsRequest::default();
        let stats = platform.ingest_service().get_queue_stats(request).await.expect("counts").into_inner();
        let waits = stats.total.is_some_and(|total| total.events > 0);
        (waits || platform.value("SELECT count(*) FROM hooks").await == "90").then_some(())
    })
    .await;
    platform.kill_nine();
    assert!(call.await.expect("it ends").is_err(), "nothing says that all was accepted");
    platform.restart().await;
    platform.shows("SELECT count(*), count(DISTINCT n) FROM hooks", &["90|90"]).await;
    // Where nothing is known, all is sent again.
    let answer = send(&platform, vec![message((0..100).map(event).collect())]).await.expect("accepted");
    assert_eq!(answer.accepted + answer.duplicates, 100);
    platform.shows("SELECT count(*), count(DISTINCT n) FROM hooks", &["100|100"]).await;
}

#[tokio::test]
async fn an_idle_stream_does_not_hold_up_the_end_of_the_process() {
    let mut platform = Platform::start().await;
    platform.apply(SOURCES).await;
    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    let messages =
        stream::unfold(receiver, |mut receiver| async move { Some((receiver.recv().await?, receiver)) });
    let mut service = platform.ingest_service();
    let call = tokio::spawn(async move { service.stream_events(messages).await });
    sender.send(message((0..3).map(event).collect())).await.expect("the call reads");
    platform.shows("SELECT count(*) FROM hooks", &["3"]).await;
    let begun = std::time::Instant::now();
    platform.stop().await;
    assert!(begun.elapsed() < std::time::Duration::from_secs(10), "{:?}", begun.elapsed());
    let status = call.await.expect("it ends").expect_err("the stream was not at its end");
    assert_eq!((status.code(), reason(&status).as_str()), (Code::Unavailable, "SHUTTING_DOWN"));
    assert_eq!(processed(&status), 3, "what was durable is told");
}
