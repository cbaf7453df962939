use std::sync::Arc;

use apache_avro::{Codec, types::Value as Avro};
use polars::prelude::*;
use rfe_model::{SourceSpec, source::Mode};
use rfe_sources::{
    Chunk, ReadContext,
    conformance::{self, Case},
};
use serde_json::json;

use crate::{
    avro::container,
    bucket::Bucket,
    desk::{Desk, column, context, gz, kind, names, raw, read, some, spec},
    file_server::FileServer,
    files_once::Known,
};

fn parquet(frame: &mut DataFrame, row_group: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    ParquetWriter::new(&mut bytes).with_row_group_size(Some(row_group)).finish(frame).expect("write");
    bytes
}

fn rows(chunks: &[Chunk]) -> usize {
    chunks.iter().map(Chunk::rows).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_suite_passes_on_objects_of_every_kind() {
    let bucket = Bucket::new().await;
    bucket.put("in/a.csv.gz", gz("id,name\n1,ann\n2\n")).await;
    bucket.put("in/b.csv.gz", gz("id,name,city\n3,\"c\nd\",Bonn\n")).await;
    bucket.put("in/deeper/c.csv.gz", gz("id\n9\n")).await;
    bucket.put("a.ndjson", "{\"id\":1}\n{\"id\":tru\n{\"id\":3}\n").await;
    bucket.put("list.json", "[{\"id\":1},{\"id\":tru},{\"id\":3}]").await;
    let case = Case {
        kind: kind("csv"),
        spec: bucket.spec("csv", "in/*.csv.gz"),
        context: bucket.context(),
        records: 3,
        bad: 1,
        mend: |raw| [raw, b",bob"].concat(),
    };
    conformance::run(&case).await;
    let chunks = conformance::drain(&case, &case.context).await.expect("read");
    assert_eq!(names(&chunks[0]), ["id", "name", "city"]);
    let files = [bucket.location("in/a.csv.gz"), bucket.location("in/b.csv.gz")];
    assert_eq!(raw(&chunks, "_file"), some(&[&files[0], &files[1]]));
    for key in ["a.ndjson", "list.json"] {
        let case = Case {
            kind: kind("json"),
            spec: bucket.spec("json", key),
            context: bucket.context(),
            mend: |_| b"{\"id\":true}".to_vec(),
            ..case
        };
        conformance::run(&case).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parquet_object_reads_as_the_same_file_does() {
    let (bucket, desk) = (Bucket::new().await, Desk::new());
    let ids: Vec<i64> = (0..3_000).collect();
    let tags: Vec<Series> =
        ids.iter().map(|id| Series::new("".into(), (0..id % 4).collect::<Vec<i64>>())).collect();
    // So many columns that the footer is larger than what is read of it first.
    let mut columns = vec![Column::new("id".into(), &ids), Series::new("tags".into(), tags).into_column()];
    for at in 0..300 {
        let texts: Vec<Option<String>> =
            ids.iter().map(|id| (id % 5 > 0).then(|| format!("{at}-{id}"))).collect();
        columns.push(Column::new(format!("column_{at}").as_str().into(), texts));
    }
    let bytes = parquet(&mut DataFrame::new_infer_height(columns).expect("frame"), 700);
    let footer = u32::from_le_bytes(bytes[bytes.len() - 8..bytes.len() - 4].try_into().expect("length"));
    assert!(footer > 64 << 10, "{footer}");
    bucket.put("wide.parquet", &bytes).await;
    desk.write("wide.parquet", &bytes);
    let far = read(&bucket.spec("parquet", "wide.parquet"), &bucket.context()).await.expect("read");
    let near = desk.read("parquet", json!({"location": "wide.parquet"})).await.expect("read");
    assert_eq!(rows(&far), 3_000);
    assert_eq!(far.len(), near.len());
    for (far, near) in far.iter().zip(&near) {
        assert!(far.raw.equals_missing(&near.raw));
        assert_eq!(far.bytes_total, near.bytes_total);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_of_another_make_is_read_all_the_same() {
    let (bucket, known) = (Bucket::elsewhere().await, Arc::<Known>::default());
    bucket.put("in/a b.csv.gz", gz("id\n1\n")).await;
    bucket.put("in/größe.csv.gz", gz("id\n2\n")).await;
    let mut numbers = df!("n" => (0..300_000_i64).collect::<Vec<_>>()).expect("frame");
    bucket.put("n.parquet", parquet(&mut numbers, 50_000)).await;
    let context = ReadContext { memory: known.clone(), ..bucket.context() };
    let spec = SourceSpec { mode: Mode::Append, ..bucket.spec("csv", "in/*") };
    let chunks = read(&spec, &context).await.expect("read");
    assert_eq!(column(&chunks, "id"), some(&["1", "2"]));
    known.remember(&chunks);
    assert!(read(&spec, &context).await.expect("read").is_empty(), "its etags are the same in each listing");
    assert_eq!(rows(&read(&bucket.spec("parquet", "n.parquet"), &context).await.expect("read")), 300_000);

    let small = ReadContext { chunk_bytes: 10_000, ..bucket.context() };
    let text = |word: &str| {
        format!("id,name\n{}", format!("1,{word} and words that take their place\n").repeat(200_000))
    };
    bucket.put("a.csv", text("some")).await;
    let mut reader = kind("csv").open(&bucket.spec("csv", "a.csv"), small).await.expect("open");
    assert!(reader.next().await.expect("first").is_some());
    bucket.put("a.csv", text("same")).await;
    let error = loop {
        match reader.next().await {
            Ok(next) => assert!(next.is_some(), "the change was not noticed"),
            Err(error) => break error,
        }
    };
    assert!(!error.is_permanent() && error.code == "FILE_CHANGED", "{error}");
    let error = read(&bucket.spec("csv", "none.csv"), &context).await.expect_err("none");
    assert!(error.is_permanent() && error.code == "FILE_NOT_FOUND", "{error}");
    let error =
        read(&bucket.spec("csv", "a.csv"), &bucket.context_with("wr0ng")).await.expect_err("forbidden");
    assert!(error.is_permanent() && error.code == "AUTH_FAILED", "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn avro_objects_are_read() {
    let bucket = Bucket::new().await;
    let schema = r#"{"type":"record","name":"r","fields":[{"name":"id","type":"long"}]}"#;
    for (key, id) in [("a/1.avro", 1), ("a/2.avro", 2)] {
        let record = Avro::Record(vec![("id".to_owned(), Avro::Long(id))]);
        bucket.put(key, container(schema, Codec::Null, &[vec![record]])).await;
    }
    for (key, expected) in [("a/*.avro", 2), ("a/2.avro", 1)] {
        assert_eq!(rows(&read(&bucket.spec("avro", key), &bucket.context()).await.expect("read")), expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_any_spelling_are_found_by_glob_and_by_name() {
    let bucket = Bucket::new().await;
    let keys = [
        "a b.csv",
        "größe/日本.csv",
        "a+b.csv",
        "100%25.csv",
        "a&b=c;d,e.csv",
        "x?y.csv",
        "[1]*.csv",
        "'q'.csv",
    ];
    for (at, key) in keys.iter().enumerate() {
        bucket.put(&format!("odd/{key}"), format!("id\n{at}\n")).await;
    }
    // What stands for a folder is no file.
    bucket.put("odd/größe/", "").await;
    for (at, key) in keys.iter().enumerate() {
        let chunks = read(&bucket.spec("csv", &format!("odd/{key}")), &bucket.context()).await.expect(key);
        assert_eq!(column(&chunks, "id"), some(&[&at.to_string()]), "{key}");
        assert_eq!(raw(&chunks, "_file"), some(&[&bucket.location(&format!("odd/{key}"))]), "{key}");
    }
    let all = read(&bucket.spec("csv", "odd/**/*"), &bucket.context()).await.expect("read");
    assert_eq!(rows(&all), keys.len());
    let mut files: Vec<String> = keys.iter().map(|key| bucket.location(&format!("odd/{key}"))).collect();
    files.sort();
    let read: Vec<String> = raw(&all, "_file").into_iter().flatten().collect();
    assert_eq!(read, files, "by key");
    let flat = crate::desk::read(&bucket.spec("csv", "odd/*"), &bucket.context()).await.expect("read");
    assert_eq!(rows(&flat), keys.len() - 1, "a wildcard stays within a folder");
}

#[tokio::test(flavor = "multi_thread")]
async fn more_objects_than_a_store_lists_at_once_are_read() {
    let bucket = Bucket::new().await;
    let object = |at: usize| (format!("many/{at:05}.csv"), format!("id\n{at}\n"));
    bucket.put_all((0..1_234).map(object).collect()).await;
    bucket.put_all(vec![("many.csv".to_owned(), "id\n-1\n".to_owned())]).await;
    let chunks = read(&bucket.spec("csv", "many/*.csv"), &bucket.context()).await.expect("read");
    let expected: Vec<Option<String>> = (0..1_234).map(|at| Some(at.to_string())).collect();
    assert_eq!(column(&chunks, "id"), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_is_replaced_while_it_is_read_is_a_transient_error() {
    let bucket = Bucket::new().await;
    let text = |first: &str| {
        format!("id,name\n{first},x\n{}", "1,some words that take their place\n".repeat(200_000))
    };
    let numbers = |seed: i64| {
        let numbers: Vec<i64> =
            (0..600_000_i64).map(|at| (at + seed).wrapping_mul(0x5851_f42d_4c95_7f2d)).collect();
        parquet(&mut df!("n" => numbers).expect("frame"), 200_000)
    };
    for (of, key, before, after) in [
        ("csv", "a.csv", text("1").into_bytes(), text("2").into_bytes()),
        ("parquet", "a.parquet", numbers(1), numbers(2)),
    ] {
        bucket.put(key, before).await;
        let context = ReadContext { chunk_bytes: 50_000, ..bucket.context() };
        let mut reader = kind(of).open(&bucket.spec(of, key), context).await.expect("open");
        assert!(reader.next().await.expect("first").is_some());
        bucket.put(key, after).await;
        let error = loop {
            match reader.next().await {
                Ok(Some(_)) => {}
                Ok(None) => panic!("{of}: the change was not noticed"),
                Err(error) => break error,
            }
        };
        assert!(!error.is_permanent() && error.code == "FILE_CHANGED", "{of}: {error}");
        assert!(error.message.contains(&bucket.location(key)), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_or_forbidden_is_a_permanent_error_that_says_what() {
    let bucket = Bucket::new().await;
    bucket.put("a.csv", "id\n1\n").await;
    for (key, says) in
        [("b.csv", "does not exist"), ("b/*.csv", "no object matches"), ("A.csv", "does not exist")]
    {
        let error = read(&bucket.spec("csv", key), &bucket.context()).await.expect_err(key);
        assert!(error.is_permanent() && error.code == "FILE_NOT_FOUND", "{error}");
        assert!(error.message.contains(says) && error.message.contains(&bucket.name), "{error}");
    }
    for key in ["a.csv", "*.csv"] {
        let location = format!("s3://no-such-bucket-here/{key}");
        let spec = spec("csv", json!({"location": location, "s3": bucket.access()}));
        let error = read(&spec, &bucket.context()).await.expect_err(key);
        assert!(error.is_permanent() && error.code == "FILE_NOT_FOUND", "{error}");
        assert!(error.message.contains("NoSuchBucket"), "{error}");
        let error = read(&bucket.spec("csv", key), &bucket.context_with("wr0ng")).await.expect_err(key);
        assert!(error.is_permanent() && error.code == "AUTH_FAILED", "{error}");
        assert!(!error.message.contains("wr0ng"), "{error}");
    }
    let error = read(&bucket.spec("csv", "a.csv"), &context(Vec::new())).await.expect_err("no secret");
    assert!(error.is_permanent() && error.code == "SECRET_NOT_FOUND", "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn new_and_changed_objects_alone_are_read_in_the_modes_that_read_a_file_once() {
    let (bucket, known) = (Bucket::new().await, Arc::<Known>::default());
    let once = |of: &str, key: &str| SourceSpec { mode: Mode::Append, ..bucket.spec(of, key) };
    let context = ReadContext { memory: known.clone(), ..bucket.context() };
    let spec = once("csv", "in/*.csv");
    let run = async || {
        let chunks = read(&spec, &context).await.expect("read");
        known.remember(&chunks);
        column(&chunks, "id")
    };
    assert!(run().await.is_empty(), "a glob may be waiting for its first object");
    bucket.put("in/b.csv", "id\n2\n").await;
    bucket.put("in/a.csv", "id\n1\n").await;
    assert_eq!(run().await, some(&["1", "2"]));
    assert!(run().await.is_empty());
    bucket.put("in/c.csv", "id\n3\n").await;
    bucket.put("in/a.csv", "id\n4\n").await;
    assert_eq!(run().await, some(&["4", "3"]), "of the same size, and another");
    let error = read(&once("csv", "in/none.csv"), &context).await.expect_err("no such key");
    assert!(error.is_permanent() && error.code == "FILE_NOT_FOUND", "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_store_of_its_own_a_source_is_read_from_the_platforms() {
    let bucket = Bucket::new().await;
    bucket.put("a.csv", "id\n1\n").await;
    let spec = spec("csv", json!({"location": bucket.location("a.csv")}));
    // The operator named the endpoint, so it need not be allowed.
    let mut context = ReadContext { allow_private_hosts: Vec::new(), ..bucket.context() };
    let error = read(&spec, &context).await.expect_err("no store");
    assert!(error.is_permanent() && error.code == "BAD_CONFIG", "{error}");
    assert!(error.message.contains("config.s3") && error.message.contains("MINIO_ENDPOINT"), "{error}");
    context.s3 = Some(Arc::new(bucket.own_store()));
    assert_eq!(column(&read(&spec, &context).await.expect("read"), "id"), some(&["1"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lakes_own_buckets_are_no_sources() {
    let bucket = Bucket::new().await;
    bucket.put("a.csv", "id\n1\n").await;
    let mut own = bucket.own_store();
    own.buckets.processed.clone_from(&bucket.name);
    let context = ReadContext { s3: Some(Arc::new(own)), ..bucket.context() };
    let same_endpoint = format!("{}/", bucket.endpoint());
    let location = bucket.location("*.csv");
    for config in [
        json!({ "location": location }),
        json!({"location": location, "s3": bucket.access()}),
        json!({"location": location, "s3": {"endpoint": same_endpoint}}),
    ] {
        let error = read(&spec("csv", config), &context).await.expect_err("the lake's");
        assert!(error.is_permanent() && error.code == "PATH_NOT_ALLOWED", "{error}");
        assert!(error.message.contains(&bucket.name) && error.message.contains("lake"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_in_a_private_network_is_refused_before_anything_is_sent() {
    let server = FileServer::of("id\n1\n").await;
    let port = server.url.rsplit(':').next().expect("port");
    for (host, allowed) in [
        ("169.254.169.254", &["127.0.0.1"][..]),
        ("127.0.0.1", &[]),
        ("localhost", &[]),
        ("[::1]", &["127.0.0.1"]),
        ("2130706433", &["10.0.0.0/8"]),
    ] {
        let access =
            json!({"endpoint": format!("http://{host}:{port}"), "access_key": "k", "secret_key": "${env:S}"});
        let within = ReadContext {
            allow_private_hosts: allowed.iter().map(|&host| host.to_owned()).collect(),
            secrets: Arc::new(crate::desk::Secrets([("S".to_owned(), "s".to_owned())].into())),
            ..context(Vec::new())
        };
        for location in ["s3://bucket/a.csv", "s3://bucket/*.csv"] {
            let spec = spec("csv", json!({"location": location, "s3": access}));
            let asked = tokio::time::timeout(std::time::Duration::from_secs(5), read(&spec, &within)).await;
            let error = asked.expect("it is not tried again").expect_err(host);
            assert!(error.is_permanent() && error.code == "HOST_NOT_ALLOWED", "{host}: {error}");
            assert!(error.message.contains("RFE_ALLOW_PRIVATE_HOSTS"), "{error}");
        }
    }
    assert_eq!(server.requests(), 0);
}
