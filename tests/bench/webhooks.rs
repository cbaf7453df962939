//! Webhooks of 1 KiB over 64 connections, beside a loop of bare fdatasync on the same disk. The load generator speaks HTTP/1.1
//! by hand, so that it takes little of the two cores.

use std::{
    io::Write as _,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::report::{Bar, beside, figure, quantile};

const CONNECTIONS: usize = 64;
const REQUESTS: usize = 100_000;
const AT_MOST: Duration = Duration::from_secs(30);
const WARM_UP: usize = 2_000;

pub async fn run() {
    let platform = crate::platform().await;
    platform.apply("version: 1\nsources:\n- {name: load, kind: webhook}\n").await;
    let address = platform.ready().http.clone();
    let _warm = post(&address, WARM_UP).await;
    let begun = Instant::now();
    let latencies = post(&address, REQUESTS).await;
    let rate = latencies.len() as f64 / begun.elapsed().as_secs_f64();
    figure("webhooks of 1 KiB at 64 connections, durable", rate, "/s", Bar::AtLeast(8000.0));
    figure("  p99", quantile(&latencies, 0.99), "ms", Bar::AtMost(30.0));
    println!(
        "  p50 {:.2} ms, max {:.2} ms, {} requests",
        quantile(&latencies, 0.5),
        quantile(&latencies, 1.0),
        latencies.len()
    );
    let bare =
        tokio::task::spawn_blocking(move || fdatasyncs(&platform.data())).await.expect("the loop ends");
    beside(
        "  webhooks a second beside one fdatasync an event",
        rate,
        "/s",
        ("bare fdatasync of 1 KiB", bare),
    );
}

/// Posts so many, or as many as fit into the time; sorted latencies in milliseconds.
async fn post(address: &str, requests: usize) -> Vec<f64> {
    let left = Arc::new(AtomicUsize::new(requests));
    let end = Instant::now() + AT_MOST;
    let connections =
        (0..CONNECTIONS).map(|_| tokio::spawn(connection(address.to_owned(), left.clone(), end)));
    let mut all = Vec::new();
    for latencies in futures::future::join_all(connections).await {
        all.extend(latencies.expect("a connection does not fail"));
    }
    all.sort_by(f64::total_cmp);
    all
}

async fn connection(address: String, left: Arc<AtomicUsize>, end: Instant) -> Vec<f64> {
    let mut stream = TcpStream::connect(&address).await.expect("the edge listens");
    stream.set_nodelay(true).expect("a socket takes options");
    let body = format!(r#"{{"kind":"bench","filling":"{}"}}"#, "x".repeat(1024 - 30));
    let request = format!(
        "POST /webhooks/load HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut latencies = Vec::new();
    let mut buffer = vec![0; 4096];
    while Instant::now() < end
        && left.fetch_update(Ordering::AcqRel, Ordering::Acquire, |left| left.checked_sub(1)).is_ok()
    {
        let begun = Instant::now();
        stream.write_all(request.as_bytes()).await.expect("the edge reads");
        answer(&mut stream, &mut buffer).await;
        latencies.push(begun.elapsed().as_secs_f64() * 1000.0);
    }
    latencies
}

/// Reads one answer to its end; it must be a 200.
async fn answer(stream: &mut TcpStream, buffer: &mut [u8]) {
    let mut filled = 0;
    loop {
        let read = stream.read(&mut buffer[filled..]).await.expect("the edge answers");
        assert!(read > 0, "the edge closed the connection");
        filled += read;
        let text = std::str::from_utf8(&buffer[..filled]).expect("headers and JSON are text");
        if let Some(length) = whole_length(text)
            && filled >= length
        {
            assert!(text.starts_with("HTTP/1.1 200"), "{text}");
            return;
        }
    }
}

/// Bytes of the whole answer, once its headers are there.
fn whole_length(text: &str) -> Option<usize> {
    let headers = text.find("\r\n\r\n")? + 4;
    let length = text[..headers].lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    })?;
    Some(headers + length)
}

/// Bare fdatasyncs of 1 KiB a second, below this folder.
fn fdatasyncs(folder: &std::path::Path) -> f64 {
    let mut file = std::fs::File::create(folder.join("fdatasync.bench")).expect("a file can be made");
    let begun = Instant::now();
    let mut count = 0;
    while begun.elapsed() < Duration::from_secs(3) {
        file.write_all(&[0x78; 1024]).expect("a file can be written");
        file.sync_data().expect("a file can be synced");
        count += 1;
    }
    f64::from(count) / begun.elapsed().as_secs_f64()
}
