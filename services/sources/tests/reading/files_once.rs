use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use bytes::Bytes;
use rfe_model::{SourceSpec, source::Mode};
use rfe_sources::{Chunk, FileMark, ReadContext, ReadError, ReadMemory};
use serde_json::json;

use crate::{
    desk::{Desk, column, kind, names, read, some, spec},
    file_server::{FileServer, ok},
};

/// A registry that remembers files.
#[derive(Debug, Default)]
pub struct Known(Mutex<BTreeSet<FileMark>>);

impl Known {
    /// As a commit does.
    pub fn remember(&self, chunks: &[Chunk]) {
        let files = chunks.iter().flat_map(|chunk| chunk.files.clone());
        self.0.lock().expect("known").extend(files);
    }
}

#[async_trait]
impl ReadMemory for Known {
    async fn checkpoint(&self, _: usize) -> Result<Option<Bytes>, ReadError> {
        Ok(None)
    }

    async fn unread(&self, files: Vec<FileMark>) -> Result<Vec<FileMark>, ReadError> {
        let known = self.0.lock().expect("known");
        Ok(files.into_iter().filter(|file| !known.contains(file)).collect())
    }
}

struct Shelf {
    desk: Desk,
    known: Arc<Known>,
}

impl Shelf {
    fn new() -> Self {
        Self { desk: Desk::new(), known: Arc::default() }
    }

    fn context(&self) -> ReadContext {
        ReadContext { memory: self.known.clone(), ..self.desk.context() }
    }

    fn spec(&self, kind: &str, location: &str) -> SourceSpec {
        SourceSpec { mode: Mode::Append, ..self.desk.spec(kind, json!({ "location": location })) }
    }

    // Reads and commits.
    async fn run(&self, spec: &SourceSpec) -> Vec<Chunk> {
        let chunks = read(spec, &self.context()).await.expect("read");
        self.known.remember(&chunks);
        chunks
    }
}

fn files(chunks: &[Chunk]) -> Vec<String> {
    let name = |mark: &FileMark| mark.path.rsplit('/').next().unwrap_or_default().to_owned();
    chunks.iter().flat_map(|chunk| chunk.files.iter().map(name)).collect()
}

#[tokio::test]
async fn each_file_is_read_once_by_path_size_and_time() {
    let shelf = Shelf::new();
    shelf.desk.write("a.csv", "id\n1\n");
    shelf.desk.write("b.csv", "id\n2\n");
    let spec = shelf.spec("csv", "*.csv");
    assert_eq!(column(&shelf.run(&spec).await, "id"), some(&["1", "2"]));
    assert!(shelf.run(&spec).await.is_empty(), "all files were read before: nothing, and no error");
    shelf.desk.write("c.csv", "id\n3\n");
    shelf.desk.write("a.csv", "id\n1\n4\n");
    let chunks = shelf.run(&spec).await;
    assert_eq!(column(&chunks, "id"), some(&["1", "4", "3"]));
    assert_eq!(files(&chunks), ["a.csv", "c.csv"]);
}

#[tokio::test]
async fn files_without_rows_are_remembered_too() {
    let shelf = Shelf::new();
    shelf.desk.write("a.csv", "");
    shelf.desk.write("b.csv", "id\n");
    shelf.desk.write("c.csv", "id\n1\n");
    shelf.desk.write("d.csv", "id\n");
    let spec = shelf.spec("csv", "*.csv");
    let chunks = shelf.run(&spec).await;
    assert_eq!(files(&chunks), ["a.csv", "b.csv", "c.csv", "d.csv"]);
    assert!(chunks.iter().all(|chunk| names(chunk) == ["id"]));
    assert!(shelf.run(&spec).await.is_empty());
    shelf.desk.write("e.csv", "");
    assert_eq!(files(&shelf.run(&spec).await), ["e.csv"]);
    assert!(shelf.run(&spec).await.is_empty());
}

#[tokio::test]
async fn json_and_parquet_files_are_read_once_too() {
    use polars::prelude::*;
    let shelf = Shelf::new();
    let spec = shelf.spec("json", "*.ndjson");
    shelf.desk.write("a.ndjson", "{\"id\":1}\n");
    shelf.desk.write("b.ndjson", "\n");
    assert_eq!(files(&shelf.run(&spec).await), ["a.ndjson", "b.ndjson"]);
    assert!(shelf.run(&spec).await.is_empty());

    let spec = shelf.spec("parquet", "*.parquet");
    for (name, rows) in [("a.parquet", 0), ("b.parquet", 5), ("c.parquet", 0)] {
        let ids: Vec<i64> = (0..rows).collect();
        let mut frame = df!("id" => ids).expect("frame");
        let mut bytes = Vec::new();
        ParquetWriter::new(&mut bytes).finish(&mut frame).expect("write");
        shelf.desk.write(name, bytes);
    }
    let chunks = shelf.run(&spec).await;
    assert_eq!(files(&chunks), ["a.parquet", "b.parquet", "c.parquet"]);
    assert_eq!(chunks.iter().map(|chunk| chunk.rows()).sum::<usize>(), 5);
    assert!(shelf.run(&spec).await.is_empty());
}

#[tokio::test]
async fn a_glob_that_matches_nothing_yet_is_an_empty_run_and_a_path_that_is_not_there_an_error() {
    let shelf = Shelf::new();
    assert!(shelf.run(&shelf.spec("csv", "*.csv")).await.is_empty());
    let error = read(&shelf.spec("csv", "a.csv"), &shelf.context()).await.expect_err("none");
    assert!(error.is_permanent() && error.code == "FILE_NOT_FOUND", "{error}");
}

#[tokio::test]
async fn a_file_is_remembered_only_with_the_chunk_that_ends_it() {
    let shelf = Shelf::new();
    shelf.desk.write("a.csv", "id\n1\n2\n3\n");
    shelf.desk.write("b.csv", "id\n4\n");
    let mut context = shelf.context();
    context.chunk_bytes = 2;
    let chunks = read(&shelf.spec("csv", "*.csv"), &context).await.expect("read");
    let ends: Vec<usize> = chunks.iter().map(|chunk| chunk.files.len()).collect();
    let rows: usize =
        chunks.iter().take_while(|chunk| chunk.files.is_empty()).map(|chunk| chunk.rows()).sum();
    assert!(rows >= 3, "{ends:?}");
    assert_eq!(ends.iter().sum::<usize>(), 2);
}

#[tokio::test]
async fn a_file_that_changes_while_it_is_read_is_a_transient_error() {
    for (of, name, line) in [("csv", "a.csv", "1\n"), ("json", "a.ndjson", "{\"id\":1}\n")] {
        let shelf = Shelf::new();
        let header = if of == "csv" { "id\n" } else { "" };
        shelf.desk.write(name, format!("{header}{}", line.repeat(100_000)));
        let mut context = shelf.context();
        context.chunk_bytes = 1_000;
        let spec = shelf.desk.spec(of, json!({ "location": name }));
        let mut reader = kind(of).open(&spec, context).await.expect("open");
        assert!(reader.next().await.expect("first").is_some());
        shelf.desk.write(name, format!("{header}{}", line.repeat(100_001)));
        let error = loop {
            match reader.next().await {
                Ok(Some(_)) => {}
                Ok(None) => panic!("{of}: the change was not noticed"),
                Err(error) => break error,
            }
        };
        assert!(!error.is_permanent() && error.code == "FILE_CHANGED", "{error}");
        assert!(error.message.contains(name), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_behind_a_url_is_read_again_only_if_its_etag_changed() {
    let shelf = Shelf::new();
    let version = Arc::new(Mutex::new(1));
    let now = version.clone();
    let server = FileServer::start(move |_| {
        let version = *now.lock().expect("version");
        let etag = format!("\"v{version}\"");
        ok(&[("ETag", etag.as_str())], format!("id\n{version}\n").as_bytes())
    })
    .await;
    for of in ["csv", "parquet"] {
        let spec =
            SourceSpec { mode: Mode::Append, ..spec(of, json!({"location": format!("{}/x", server.url)})) };
        if of == "csv" {
            assert_eq!(column(&shelf.run(&spec).await, "id"), some(&["1"]));
        }
        assert!(shelf.run(&spec).await.is_empty());
    }
    *version.lock().expect("version") = 2;
    let spec =
        SourceSpec { mode: Mode::Append, ..spec("csv", json!({"location": format!("{}/x", server.url)})) };
    assert_eq!(column(&shelf.run(&spec).await, "id"), some(&["2"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_url_that_does_not_say_what_version_it_has_can_not_be_read_once() {
    let shelf = Shelf::new();
    let server = FileServer::start(|_| ok(&[], b"id\n1\n")).await;
    let spec = SourceSpec { mode: Mode::Append, ..spec("csv", json!({"location": server.url})) };
    let error = read(&spec, &shelf.context()).await.expect_err("no version");
    assert!(error.is_permanent() && error.message.contains("mode: replace"), "{error}");
}
