//! Several replicas: all of them are used, and one that is not there costs nobody a call.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use rfe_mesh::fault_from_status;
use rfe_model::{ErrorCode, fault::reason};
use tokio::task::JoinSet;

use crate::{
    names::Names,
    stub::{Act, Stub, channel, get, submit, until},
};

#[tokio::test]
async fn calls_go_to_every_replica_of_every_url() {
    let stubs = [Stub::start(Act::Answer), Stub::start(Act::Answer), Stub::start(Act::Answer)];
    let urls: Vec<String> = stubs.iter().map(Stub::url).collect();
    let channel = channel(&urls.join(","));
    until("all three answer", async || {
        submit(&channel).await.expect("an answer");
        stubs.iter().all(|stub| stub.calls() >= 5)
    })
    .await;
}

#[tokio::test]
async fn a_killed_replica_costs_no_call_that_may_be_repeated() {
    let (stays, dies) = (Stub::start(Act::Answer), Stub::start(Act::Slowly(Duration::from_millis(20))));
    let channel = channel(&format!("{},{}", stays.url(), dies.url()));
    let (failed, done) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let mut callers = JoinSet::new();
    for _ in 0..8 {
        let (channel, failed, done) = (channel.clone(), failed.clone(), done.clone());
        callers.spawn(async move {
            while !done.load(Ordering::Relaxed) {
                if let Err(status) = get(&channel).await {
                    eprintln!("{status}");
                    failed.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
    }
    until("both work", async || stays.calls() > 50 && dies.calls() > 20).await;
    dies.kill();
    let before = stays.calls();
    until("the other one goes on", async || stays.calls() > before + 200).await;
    done.store(true, Ordering::Relaxed);
    callers.join_all().await;
    assert_eq!(failed.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_replica_that_a_name_gains_is_found_and_one_that_it_loses_is_left() {
    let (old, new) = (Stub::start(Act::Answer), Stub::start(Act::Answer));
    let names = Names::default();
    names.mean([old.address]);
    let channel = names.channel();
    submit(&channel).await.expect("the first one answers");
    names.mean([old.address, new.address]);
    let begun = Instant::now();
    until("the new one is found", async || {
        submit(&channel).await.expect("one of them answers");
        new.calls() > 0
    })
    .await;
    assert!(begun.elapsed() < Duration::from_secs(6), "it took {:?}", begun.elapsed());
    names.mean([new.address]);
    until("the old one is left", async || {
        let before = old.calls();
        for _ in 0..50 {
            submit(&channel).await.expect("the new one answers");
        }
        old.calls() == before
    })
    .await;
}

#[tokio::test]
async fn a_call_waits_for_the_only_replica_to_come_back_and_is_made_once() {
    let stub = Stub::start(Act::Answer);
    let (address, channel) = (stub.address, channel(&stub.url()));
    submit(&channel).await.expect("it is there");
    stub.kill();
    let waiting = tokio::spawn({
        let channel = channel.clone();
        async move { submit(&channel).await }
    });
    // Whether the call comes before the channel noticed, or after, differs from run to run; both must do.
    tokio::time::sleep(Duration::from_millis(700)).await;
    let again = restarted(address).await;
    match waiting.await.expect("the task") {
        Ok(_) => assert_eq!(again.calls(), 1),
        // It went out on the dying connection: whether it was done can't be known.
        Err(status) => assert!(status.message().contains(&address.to_string()), "{status}"),
    }
    submit(&channel).await.expect("it is there again");
}

async fn restarted(address: SocketAddr) -> Stub {
    until("the port is free", async || std::net::TcpListener::bind(address).is_ok()).await;
    Stub::start_at(address, Act::Answer)
}

#[tokio::test]
async fn a_role_that_is_away_is_named_with_the_reason_and_holds_nobody_up_for_long() {
    let address =
        std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("its address");
    let channel = channel(&format!("http://{address}"));
    let fault = fault_from_status(&submit(&channel).await.expect_err("nobody is there"));
    assert_eq!((fault.code, fault.reason.as_str()), (ErrorCode::Unavailable, reason::BACKEND_UNAVAILABLE));
    assert!(fault.message.contains(&address.to_string()), "{}", fault.message);
    assert!(fault.message.to_lowercase().contains("refused"), "{}", fault.message);
    let begun = Instant::now();
    submit(&channel).await.expect_err("still nobody");
    assert!(begun.elapsed() < Duration::from_secs(1), "an outage that lasts is told at once");
}

#[tokio::test]
async fn a_replica_that_accepts_and_says_nothing_gets_no_call() {
    let frozen = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let stub = Stub::start(Act::Answer);
    let channel = channel(&format!("http://{},{}", frozen.local_addr().expect("its address"), stub.url()));
    for _ in 0..50 {
        submit(&channel).await.expect("the other one answers");
    }
    assert_eq!(stub.calls(), 50);
}
