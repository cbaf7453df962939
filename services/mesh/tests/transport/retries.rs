//! Repetition: only where it is safe, and never without end.

use rfe_mesh::{MeshChannel, Metrics, channel::Dial};
use tonic::Code;

use crate::stub::{Act, Stub, channel, get, submit, until};

#[tokio::test]
async fn a_call_that_may_be_repeated_goes_on_to_another_replica() {
    let (ill, well) = (Stub::start(Act::Unavailable), Stub::start(Act::Answer));
    let channel = channel(&format!("{},{}", ill.url(), well.url()));
    until("both were asked", async || {
        get(&channel).await.expect("the other one answers");
        ill.calls() > 0 && well.calls() > 0
    })
    .await;
}

#[tokio::test]
async fn repetitions_and_connections_are_counted() {
    let (ill, well) = (Stub::start(Act::Unavailable), Stub::start(Act::Answer));
    let metrics = Metrics::default();
    let dial = Dial { counters: metrics.dialled(), ..Dial::default() };
    let channel = MeshChannel::remote(&format!("{},{}", ill.url(), well.url()), &dial).expect("a channel");
    until("one was asked in vain", async || {
        get(&channel).await.expect("the other one answers");
        ill.calls() > 0
    })
    .await;
    let count = |name: &str| -> usize {
        let page = metrics.render();
        let line = page.lines().find_map(|line| line.strip_prefix(&format!("rfe_rpc_client_{name}_total ")));
        line.expect("it is shown").parse().expect("a number")
    };
    assert_eq!((count("retries"), count("connections"), count("disconnections")), (ill.calls(), 2, 0));
    ill.kill();
    until("the end of a connection is counted", async || count("disconnections") == 1).await;
}

#[tokio::test]
async fn a_call_that_must_not_be_repeated_is_made_once() {
    let ill = Stub::start(Act::Unavailable);
    let channel = channel(&ill.url());
    let status = submit(&channel).await.expect_err("it is not available");
    assert_eq!((status.code(), status.message()), (Code::Unavailable, "not now"));
    assert_eq!(ill.calls(), 1);
}

#[tokio::test]
async fn repetitions_end_with_the_budget() {
    let ill = Stub::start(Act::Unavailable);
    let channel = channel(&ill.url());
    for _ in 0..100 {
        get(&channel).await.expect_err("it is not available");
    }
    let repeated = ill.calls() - 100;
    assert!((10..=21).contains(&repeated), "{repeated} repetitions of 100 calls");
}

#[tokio::test]
async fn a_call_that_was_turned_away_goes_on_to_another_replica_whatever_it_asks_for() {
    let (busy, idle) = (Stub::start(Act::Overloaded), Stub::start(Act::Answer));
    let channel = channel(&format!("{},{}", busy.url(), idle.url()));
    until("both were asked", async || {
        submit(&channel).await.expect("the other one answers");
        busy.calls() > 0 && idle.calls() > 0
    })
    .await;
}

#[tokio::test]
async fn a_replica_that_takes_no_calls_yet_costs_nobody_a_call_however_many_there_are() {
    let (starting, well) = (Stub::start(Act::NotYet), Stub::start(Act::Answer));
    let channel = channel(&format!("{},{}", starting.url(), well.url()));
    until("it was asked often", async || {
        submit(&channel).await.expect("the other one answers");
        starting.calls() > 100
    })
    .await;
}

#[tokio::test]
async fn a_call_does_not_wait_for_ever_for_the_only_replica_to_take_calls() {
    let starting = Stub::start(Act::NotYet);
    let status = submit(&channel(&starting.url())).await.expect_err("it does not");
    assert_eq!((status.code(), status.message()), (Code::Unavailable, "not yet"));
    assert!(starting.calls() > 2, "it was asked {} times", starting.calls());
}
