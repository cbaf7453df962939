//! Stores that go away for a while, and connections that break.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use rfe_lake::{Bucket, Lake as _, LakeError, S3Config, S3Lake, conformance};
use rfe_model::id::sha256_hex;
use rfe_test_servers::{Minio, Outage, S3Faults, S3Weather, Versity};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy},
    net::{TcpListener, TcpStream},
};

use crate::ground::{config, lake};

#[tokio::test(flavor = "multi_thread")]
async fn a_short_outage_is_waited_for() {
    let server = Minio::start();
    let lake = lake(&server).await;
    lake.put(Bucket::Raw, "before", Bytes::from_static(b"before")).await.expect("put");
    server.stop_hard();
    let waiting = lake.put(Bucket::Raw, "during", Bytes::from_static(b"during"));
    let back = async {
        tokio::time::sleep(Duration::from_millis(700)).await;
        tokio::task::block_in_place(|| server.start_again());
    };
    let (put, ()) = tokio::join!(waiting, back);
    put.expect("put once it is back");
    assert_eq!(lake.get(Bucket::Raw, "before").await.expect("get"), "before");
    assert_eq!(lake.get(Bucket::Raw, "during").await.expect("get"), "during");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_outage_is_an_error_of_the_store_and_the_same_call_succeeds_later() {
    let server = Versity::start();
    let lake = lake(&server).await;
    server.stop_hard();
    let put = lake.put(Bucket::Raw, "key", Bytes::from_static(b"bytes")).await;
    let Err(LakeError::Store { source, .. }) = put else { panic!("{put:?}") };
    assert!(source.to_string().contains("Connection refused"), "{source}");
    tokio::task::block_in_place(|| server.start_again());
    lake.put(Bucket::Raw, "key", Bytes::from_static(b"bytes")).await.expect("put");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lake_conforms_in_bad_weather() {
    for (server, seed) in [(Minio::shared(), 1), (Versity::shared(), 2)] {
        let faults = S3Faults::start(server.port(), seed).await;
        let config = S3Config { endpoint: Some(faults.endpoint()), ..config(server) };
        faults.set(S3Weather { slow_down: 0.3, reset: 0.05, slow: 0.01 });
        let lake = S3Lake::connect(config).await.expect("connect");
        conformance::run(&lake).await;
        let counts = faults.counts();
        assert!(
            counts.slowed_down > counts.requests / 5 && counts.resets > counts.requests / 40,
            "{counts:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_hangs_at_the_start_is_an_error_within_seconds() {
    let server = Minio::shared();
    let faults = S3Faults::start(server.port(), 3).await;
    faults.fail(Outage::Hung);
    let config = S3Config { endpoint: Some(faults.endpoint()), ..config(server) };
    let begun = Instant::now();
    let connected = S3Lake::connect(config.clone()).await;
    let Err(LakeError::Setup(message)) = connected else { panic!("{connected:?}") };
    assert!(message.contains("can't be reached") && message.contains("MINIO_ENDPOINT"), "{message}");
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    faults.heal();
    S3Lake::connect(config).await.expect("connect once it answers");
}

/// Forwards connections and cuts each after so many bytes from the server.
async fn cutting(upstream: u16, after: u64) -> (String, Arc<AtomicU64>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("listen");
    let endpoint = format!("http://{}", listener.local_addr().expect("address"));
    let cuts = Arc::new(AtomicU64::new(0));
    let counted = cuts.clone();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let counted = counted.clone();
            tokio::spawn(async move {
                let server = TcpStream::connect(("127.0.0.1", upstream)).await.expect("connect");
                let ((mut from_client, mut to_client), (from_server, mut to_server)) =
                    (client.into_split(), server.into_split());
                // The client's side may end first; the answer is still due.
                let up = async {
                    copy(&mut from_client, &mut to_server).await.ok();
                    to_server.shutdown().await.ok();
                    std::future::pending::<()>().await;
                };
                let down = async {
                    let copied = copy(&mut from_server.take(after), &mut to_client).await;
                    counted
                        .fetch_add(u64::from(copied.is_ok_and(|copied| copied == after)), Ordering::Relaxed);
                };
                tokio::select! {
                    () = up => {}
                    () = down => {}
                }
            });
        }
    });
    (endpoint, cuts)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_goes_on_where_its_connection_broke() {
    for server in [Minio::shared(), Versity::shared()] {
        let direct = config(server);
        let folder = tempfile::tempdir().expect("folder");
        let (file, to) = (folder.path().join("file"), folder.path().join("fetched"));
        let bytes: Vec<u8> = (0..24_u32 << 18).flat_map(u32::to_le_bytes).collect();
        let sum = sha256_hex(&bytes);
        std::fs::write(&file, &bytes).expect("write");
        let lake = S3Lake::connect(direct.clone()).await.expect("connect");
        lake.put_file(Bucket::Raw, "large", &file, &sum).await.expect("put");

        let (endpoint, cuts) = cutting(server.port(), 5 << 20).await;
        let cut = S3Lake::connect(S3Config { endpoint: Some(endpoint), ..direct }).await.expect("connect");
        let info = cut.fetch(Bucket::Raw, "large", &to, Some(&sum)).await.expect("fetch");
        assert_eq!(info.bytes, bytes.len() as u64);
        assert!(std::fs::read(&to).expect("read") == bytes, "another file");
        assert!((4..=6).contains(&cuts.load(Ordering::Relaxed)), "resumed, not begun anew: {cuts:?} cuts");
    }
}
