//! A process that leaves: nobody sees a failed call.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinSet,
};

use crate::stub::{Act, Stub, channel, submit, until};

#[tokio::test]
async fn a_rolling_restart_under_load_fails_no_call_and_makes_none_twice() {
    let slowly = Act::Slowly(Duration::from_millis(5));
    let mut replicas = [Stub::start(slowly), Stub::start(slowly)];
    let channel = channel(&format!("{},{}", replicas[0].url(), replicas[1].url()));
    let (done, failed, answered) =
        (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let mut callers = JoinSet::new();
    for _ in 0..16 {
        let (channel, done, failed, answered) =
            (channel.clone(), done.clone(), failed.clone(), answered.clone());
        callers.spawn(async move {
            while !done.load(Ordering::Relaxed) {
                match submit(&channel).await {
                    Ok(_) => answered.fetch_add(1, Ordering::Relaxed),
                    Err(status) => {
                        eprintln!("{status}");
                        failed.fetch_add(1, Ordering::Relaxed)
                    }
                };
            }
        });
    }
    let mut arrived = 0;
    for _ in 0..3 {
        for replica in &mut replicas {
            until("it works", async || replica.calls() > 50).await;
            assert!(replica.drain().await, "what runs is answered");
            arrived += replica.calls();
            let address = replica.address;
            *replica = Stub::start_at(address, slowly);
        }
    }
    done.store(true, Ordering::Relaxed);
    callers.join_all().await;
    arrived += replicas.iter().map(Stub::calls).sum::<usize>();
    assert_eq!(failed.load(Ordering::Relaxed), 0);
    assert_eq!(answered.load(Ordering::Relaxed), arrived, "none was made twice");
}

#[tokio::test]
async fn a_call_that_runs_is_answered_before_the_process_ends() {
    let stub = Stub::start(Act::Slowly(Duration::from_secs(1)));
    let channel = channel(&stub.url());
    let call = tokio::spawn({
        let channel = channel.clone();
        async move { submit(&channel).await }
    });
    until("it has arrived", async || stub.calls() == 1).await;
    assert!(stub.drain().await, "it drains");
    call.await.expect("the task").expect("it is answered");
}

#[tokio::test]
async fn http_1_clients_are_told_that_the_connection_ends() {
    let stub = Stub::start(Act::Answer);
    let mut stream = TcpStream::connect(stub.address).await.expect("a connection");
    let request = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n";
    stream.write_all(request).await.expect("sent");
    let mut buffer = vec![0; 4096];
    let read = stream.read(&mut buffer).await.expect("an answer");
    assert!(!String::from_utf8_lossy(&buffer[..read]).contains("connection: close"), "it stays open");
    let (drained, ()) = tokio::join!(stub.drain(), async {
        // The request that crosses the process's decision to leave.
        stream.write_all(request).await.expect("sent");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.expect("an answer, and the end");
        let answer = String::from_utf8_lossy(&answer).into_owned();
        assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("connection: close"), "{answer}");
    });
    assert!(drained);
}

#[tokio::test]
async fn a_connection_that_says_nothing_is_closed() {
    let stub = Stub::start(Act::Answer);
    for begin in [&b""[..], b"PRI * HTTP/2.0\r\n\r\nS"] {
        let mut stream = TcpStream::connect(stub.address).await.expect("a connection");
        stream.write_all(begin).await.expect("sent");
        let mut nothing = Vec::new();
        let closed = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut nothing));
        let _reset_or_ended = closed.await.expect("it is closed in time");
    }
}

#[tokio::test]
async fn a_client_that_never_hears_of_the_end_does_not_hold_it_up() {
    let stub = Stub::start(Act::Answer);
    // HTTP/2's preface and empty settings, and never again a word.
    let mut deaf = TcpStream::connect(stub.address).await.expect("a connection");
    let hello = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    deaf.write_all(hello).await.expect("sent");
    let mut settings = [0; 9];
    deaf.read_exact(&mut settings).await.expect("the server's settings");
    let begun = Instant::now();
    assert!(stub.drain().await, "it drains");
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}
