//! A store whose every byte is chosen by the test: it cuts bodies, and tells which bytes were asked for.

use std::sync::atomic::{AtomicUsize, Ordering};

use rfe_sources::ReadContext;
use serde_json::{Value as Json, json};

use crate::{
    desk::{column, context, kind, read, spec},
    file_server::{FileServer, head},
};

fn header(asked: &str, name: &str) -> Option<String> {
    let of = |line: &str| Some(line.split_once(": ")?.1.trim().to_owned());
    asked.lines().find(|line| line.to_lowercase().starts_with(&format!("{name}:"))).and_then(of)
}

fn range(asked: &str) -> Option<(usize, usize)> {
    let range = header(asked, "range")?;
    let (from, to) = range.strip_prefix("bytes=")?.split_once('-')?;
    Some((from.parse().ok()?, to.parse().ok()?))
}

// One object whatever is asked for; of the first `cuts` bodies only the first half is sent.
fn store(content: Vec<u8>, cuts: usize) -> impl Fn(&str) -> Vec<u8> + Send + Sync + 'static {
    let left = AtomicUsize::new(cuts);
    move |asked| {
        let about = [("ETag", "\"v1\""), ("Last-Modified", "Wed, 21 Oct 2026 07:28:00 GMT")];
        if asked.starts_with("HEAD") {
            let length = content.len().to_string();
            return head("200 OK", &[&about[..], &[("Content-Length", length.as_str())]].concat(), b"");
        }
        assert_eq!(header(asked, "if-match").as_deref(), Some("\"v1\""), "it is pinned");
        let (from, to) = range(asked).expect("a range");
        let body = &content[from..=to.min(content.len() - 1)];
        let length = body.len().to_string();
        let place = format!("bytes {from}-{}/{}", from + body.len() - 1, content.len());
        let is_cut =
            left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
        let sent = if is_cut { &body[..body.len() / 2] } else { body };
        let headers = [("Content-Length", length.as_str()), ("Content-Range", place.as_str())];
        head("206 Partial Content", &[&about[..], &headers].concat(), sent)
    }
}

fn config(server: &FileServer) -> Json {
    json!({"location": "s3://bucket/a.csv", "s3": {"endpoint": server.url}})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_breaks_off_is_asked_for_again_from_there() {
    let text: String = (0..300_000).map(|row| format!("{row},x\n")).collect();
    let server = FileServer::start(store(format!("id,name\n{text}").into_bytes(), 5)).await;
    let chunks = read(&spec("csv", config(&server)), &context(Vec::new())).await.expect("read");
    let expected: Vec<Option<String>> = (0..300_000).map(|row| Some(row.to_string())).collect();
    assert!(column(&chunks, "id") == expected);
    let asked = server.asked.lock().expect("heads").clone();
    let starts: Vec<usize> = asked.iter().filter_map(|asked| range(asked)).map(|(from, _)| from).collect();
    assert!(starts.is_sorted() && starts.len() > 6, "{starts:?}");
    assert!(
        asked.iter().all(|asked| header(asked, "authorization").is_none()),
        "without keys nothing is signed"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_large_object_no_more_is_asked_for_than_is_read() {
    let content = format!("id,name\n{}", "1,some words\n".repeat(5_000_000)).into_bytes();
    let size = content.len();
    let server = FileServer::start(store(content, 0)).await;
    let context = ReadContext { chunk_bytes: 256 << 10, ..context(Vec::new()) };
    let mut reader = kind("csv").open(&spec("csv", config(&server)), context).await.expect("open");
    assert!(reader.next().await.expect("read").expect("a chunk").rows() > 10);
    drop(reader);
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    let asked = server.asked.lock().expect("heads").clone();
    let last = asked.iter().filter_map(|asked| range(asked)).map(|(_, to)| to).max().expect("ranges");
    assert!(last < 4 << 20 && size > 60 << 20, "{last} of {size}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_down_or_busy_is_a_transient_error() {
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let down = format!("http://{}", closed.local_addr().expect("address"));
    drop(closed);
    let busy = FileServer::start(|_| head("503 Slow Down", &[("Content-Length", "0")], b"")).await;
    let asked = |url: String, code: &'static str| async move {
        let config = json!({"location": "s3://bucket/*.csv", "s3": {"endpoint": url}});
        let error = read(&spec("csv", config), &context(Vec::new())).await.expect_err(code);
        assert!(!error.is_permanent() && error.code == code, "{error}");
        assert!(error.message.contains("s3://bucket/*.csv"), "{error}");
    };
    tokio::join!(asked(down, "CONNECT_FAILED"), asked(busy.url.clone(), "HTTP_BUSY"));
    assert!(busy.requests() > 1, "it is tried again in place");
}
