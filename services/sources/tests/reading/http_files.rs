use std::{sync::Arc, time::Duration};

use apache_avro::{Codec, types::Value};
use rfe_model::SourceSpec;
use rfe_sources::{
    conformance::{self, Case},
    error::Class,
};
use serde_json::json;

use crate::{
    avro::container,
    desk::{Secrets, column, context, expecting, gz, kind, names, raw, read, some, spec},
    file_server::{FileServer, head, ok},
};

const CSV: &str = "id,name\n1,ann\n2\n3,\"c\nd\"\n";

fn csv(url: &str) -> SourceSpec {
    spec("csv", json!({ "location": url }))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_suite_passes_on_files_behind_urls() {
    let server = FileServer::start(|asked| match asked.split(' ').nth(1) {
        Some("/a.csv.gz") => ok(&[], &gz(CSV)),
        Some("/a.ndjson") => ok(&[], b"{\"id\":1}\n{\"id\":tru\n{\"id\":3}\n"),
        other => panic!("{other:?}"),
    })
    .await;
    let case = Case {
        kind: kind("csv"),
        spec: csv(&format!("{}/a.csv.gz", server.url)),
        context: context(Vec::new()),
        records: 3,
        bad: 1,
        mend: |raw| [raw, b",bob"].concat(),
    };
    conformance::run(&case).await;
    let case = Case {
        kind: kind("json"),
        spec: spec("json", json!({"location": format!("{}/a.ndjson", server.url)})),
        mend: |_| b"{\"id\":true}".to_vec(),
        ..case
    };
    conformance::run(&case).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parquet_file_behind_a_url_is_read_and_leaves_nothing_in_the_scratch_folder() {
    use polars::prelude::*;
    let mut frame = df!("id" => [1_i64, 2, 3], "note" => ["7", "seven", "8"]).expect("frame");
    let mut bytes = Vec::new();
    ParquetWriter::new(&mut bytes).finish(&mut frame).expect("write");
    let server = FileServer::of(&bytes).await;
    let scratch = tempfile::tempdir().expect("folder");
    let mut within = expecting(context(Vec::new()), &[("note", rfe_model::SqlType::BigInt)]);
    within.scratch = scratch.path().to_path_buf();
    let case = Case {
        kind: kind("parquet"),
        spec: spec("parquet", json!({"location": format!("{}/a.parquet", server.url)})),
        context: within,
        records: 3,
        bad: 1,
        mend: |raw| String::from_utf8(raw.to_vec()).expect("text").replace("\"seven\"", "7").into_bytes(),
    };
    conformance::run(&case).await;
    tokio::time::timeout(std::time::Duration::from_secs(10), async {
        while std::fs::read_dir(scratch.path()).expect("folder").count() > 0 {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    })
    .await
    .expect("downloads go when they are read");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_asked_for_once_and_named_without_its_query() {
    let server = FileServer::of(CSV).await;
    let url = server.url.replace("http://", "http://user:pass@");
    let chunks = read(&csv(&format!("{url}/a.csv?sig=s3cret#x")), &context(Vec::new())).await.expect("read");
    assert_eq!(column(&chunks, "id"), some(&["1", "3"]));
    let name = format!("{}/a.csv", server.url);
    assert_eq!(raw(&chunks, "_file"), some(&[name.as_str(), name.as_str()]));
    assert_eq!(chunks[0].bad[0].position.file, name);
    assert_eq!(server.requests(), 1);
    let asked = server.asked.lock().expect("heads")[0].to_lowercase();
    assert!(asked.starts_with("get /a.csv?sig=s3cret "), "{asked}");
    assert!(asked.contains("authorization: basic dxnlcjpwyxnz"), "{asked}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_records_is_asked_for_once() {
    let schema = r#"{"type":"record","name":"r","fields":[{"name":"id","type":"long"}]}"#;
    let record = |id| Value::Record(vec![("id".to_owned(), Value::Long(id))]);
    let server = FileServer::of(container(schema, Codec::Null, &[vec![record(1), record(2)]])).await;
    let spec = spec("avro", json!({"location": format!("{}/a.avro", server.url)}));
    let chunks = read(&spec, &context(Vec::new())).await.expect("read");
    assert_eq!(chunks.iter().map(rfe_sources::Chunk::rows).sum::<usize>(), 2);
    assert_eq!(server.requests(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_are_sent_and_their_secrets_are_resolved() {
    let server = FileServer::of(CSV).await;
    let config = json!({"location": "${env:BASE}/a.csv", "headers": {"X-Key": "k-${env:KEY}"}});
    let secrets = [("BASE".to_owned(), server.url.clone()), ("KEY".to_owned(), "t0p".to_owned())];
    let mut within = context(Vec::new());
    within.secrets = Arc::new(Secrets(secrets.into()));
    let chunks = read(&spec("csv", config), &within).await.expect("read");
    assert_eq!(raw(&chunks, "_file")[0].as_deref(), Some("${env:BASE}/a.csv"));
    let asked = server.asked.lock().expect("heads")[0].to_lowercase();
    assert!(asked.contains("x-key: k-t0p"), "{asked}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_cut_short_is_a_transient_error_and_never_fewer_rows() {
    let rows: String = (0..50_000).map(|row| format!("{row},x\n")).collect();
    let text = format!("id,name\n{rows}");
    let half = text.as_bytes()[..text.len() / 2].to_vec();
    let length = text.len().to_string();
    let chunk = [format!("{:x}\r\n", half.len()).as_bytes(), &half, b"\r\n"].concat();
    for answer in [
        head("200 OK", &[("Content-Length", length.as_str())], &half),
        head("200 OK", &[("Transfer-Encoding", "chunked")], &chunk),
    ] {
        let server = FileServer::start(move |_| answer.clone()).await;
        for (name, of) in [("a.csv", "csv"), ("a.ndjson", "json"), ("a.parquet", "parquet")] {
            let location = format!("{}/{name}?token=s3cret", server.url);
            let error = read(&spec(of, json!({ "location": location })), &context(Vec::new()))
                .await
                .expect_err("cut");
            assert!(!error.is_permanent() && error.code == "CONNECT_FAILED", "{of}: {error}");
            assert!(error.message.contains(name) && !error.message.contains("s3cret"), "{error}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_whose_end_nobody_could_tell_is_refused() {
    let server = FileServer::start(|_| head("200 OK", &[], CSV.as_bytes())).await;
    let error = read(&csv(&server.url), &context(Vec::new())).await.expect_err("no end");
    assert!(error.is_permanent() && error.code == "NOT_A_FILE", "{error}");
    assert!(error.message.contains("Content-Length"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chunked_body_is_read_to_its_end() {
    let chunked = "8\r\nid,name\n\r\n6\r\n1,ann\n\r\n0\r\n\r\n";
    let server =
        FileServer::start(move |_| head("200 OK", &[("Transfer-Encoding", "chunked")], chunked.as_bytes()))
            .await;
    let chunks = read(&csv(&server.url), &context(Vec::new())).await.expect("read");
    assert_eq!(column(&chunks, "name"), some(&["ann"]));
    assert_eq!(chunks[0].bytes_total, 0, "nobody knows");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_server_answers_decides_whether_trying_again_helps() {
    for (answer, code, permanent) in [
        (head("404 Not Found", &[("Content-Length", "0")], b""), "HTTP_STATUS", true),
        (head("401 Unauthorized", &[("Content-Length", "0")], b""), "HTTP_STATUS", true),
        (head("503 Busy", &[("Content-Length", "0"), ("Retry-After", "7")], b""), "HTTP_BUSY", false),
        (head("500 Oops", &[("Content-Length", "0")], b""), "HTTP_BUSY", false),
        (ok(&[("Content-Type", "text/html; charset=utf-8")], b"<html>login</html>"), "NOT_A_FILE", true),
    ] {
        let server = FileServer::start(move |_| answer.clone()).await;
        let error = read(&csv(&server.url), &context(Vec::new())).await.expect_err(code);
        assert_eq!((error.code, error.is_permanent()), (code, permanent), "{error}");
        if error.message.contains("503") {
            assert_eq!(error.class, Class::Transient { retry_after: Some(Duration::from_secs(7)) });
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn private_hosts_are_refused_at_once_and_behind_redirects() {
    let server = FileServer::of(CSV).await;
    let mut within = context(Vec::new());
    within.allow_private_hosts.clear();
    let error = read(&csv(&server.url), &within).await.expect_err("private");
    assert!(error.is_permanent() && error.code == "HOST_NOT_ALLOWED", "{error}");
    assert_eq!(server.requests(), 0);

    let away = FileServer::start(|_| {
        head("302 Found", &[("Location", "http://127.0.0.2:1/x"), ("Content-Length", "0")], b"")
    })
    .await;
    let error = read(&csv(&away.url), &context(Vec::new())).await.expect_err("private");
    assert!(error.is_permanent() && error.code == "HOST_NOT_ALLOWED", "{error}");

    let target = format!("{}/real.csv", server.url);
    let there = FileServer::start(move |_| {
        head("302 Found", &[("Location", target.as_str()), ("Content-Length", "0")], b"")
    })
    .await;
    let chunks = read(&csv(&there.url), &context(Vec::new())).await.expect("read");
    assert_eq!(names(&chunks[0]), ["id", "name"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_is_read_as_it_comes_whatever_the_transport_calls_it() {
    let answer = ok(&[("Content-Encoding", "gzip")], &gz(CSV));
    let server = FileServer::start(move |_| answer.clone()).await;
    let chunks = read(&csv(&server.url), &context(Vec::new())).await.expect("read");
    assert_eq!(column(&chunks, "id"), some(&["1", "3"]));
    let read: u64 = chunks.iter().map(|chunk| chunk.bytes_read).sum();
    assert_eq!(read, gz(CSV).len() as u64);
}
