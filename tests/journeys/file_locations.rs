//! Files of every compression and encoding, on the disk and behind URLs, and files that are read once.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rfe_proto::metadata::RunState;
use rfe_tests::{
    FileServer, Platform,
    fixture::{bzip2, gzip, parquet, utf16, zstd},
    grpc::assert_counts,
};
use serde_json::json;

#[tokio::test]
async fn files_of_every_compression_are_one_dataset() {
    let platform = Platform::start().await;
    platform.write("in/1.csv", "id,name\n1,a\n");
    platform.write("in/2.csv.gz", [gzip("id,name\n2,b\n"), gzip("3,c\n")].concat());
    platform.write("in/3.csv.zst", [zstd("id,name\n4,d\n"), zstd("5,e\n")].concat());
    platform.write("in/4.csv.bz2", [bzip2("id,name\n6,f\n"), bzip2("7\n")].concat());
    platform.apply("version: 1\nsources:\n- {name: packed, kind: csv, config: {location: \"in/*\"}}\n").await;
    assert_counts(&platform.pulled("packed").await, [7, 6, 1, 0]);
    assert_eq!(platform.value("SELECT string_agg(name, '' ORDER BY id) FROM packed").await, "abcdef");
    let letter = platform.only_letter("packed").await;
    let position = letter.position.expect("a place");
    assert!(position.file.ends_with("in/4.csv.bz2") && position.line == 3, "{position:?}");

    let whole = zstd(&format!("id,name\n{}", "8,h\n".repeat(10_000)));
    platform.write("in/5.csv.zst", &whole[..whole.len() - 3]);
    let run = platform.pull("packed").await;
    assert_eq!((run.state(), run.attempts), (RunState::Failed, 1), "{run:?}");
    assert!(run.error.contains("5.csv.zst") && run.error.contains("zstd"), "{}", run.error);
    assert_eq!(platform.value("SELECT count(*) FROM packed").await, "6", "what was there is still there");
}

#[tokio::test]
async fn utf_16_with_decimal_commas_lands_and_a_mended_letter_of_it_does_too() {
    let platform = Platform::start().await;
    platform.write("export.csv", utf16("Konto;Betrag;Tag\r\n0042;1.234,56;31.12.2025\r\n0043;-0,50\r\n"));
    platform
        .apply(
            "version: 1\nsources:\n  - name: export\n    kind: csv\n    \
             config: {location: export.csv, delimiter: \";\", decimal: \",\", thousands: \".\"}\n",
        )
        .await;
    assert_counts(&platform.pulled("export").await, [2, 1, 1, 0]);
    assert_eq!(platform.columns("main.export").await[..3], ["Konto VARCHAR", "Betrag DOUBLE", "Tag DATE"]);
    assert_eq!(platform.sql("SELECT Konto, Betrag, Tag FROM export").await, ["0042|1234.56|2025-12-31"]);
    assert_eq!(platform.sql("SELECT Betrag, Tag FROM raw.export").await, ["1.234,56|31.12.2025"]);
    let letter = platform.only_letter("export").await;
    assert_eq!(letter.raw_base64, b"0043;-0,50", "its bytes are UTF-8");
    let mut mended = platform.rfe(&["dlq", "show", &letter.id, "--json"]).await.ok().json();
    mended["raw_base64"] = json!(STANDARD.encode("0043;-1.000,50;01.01.2026"));
    let reply = platform.webhook("replay").json(mended.to_string()).await;
    assert_eq!(reply.status, 202, "{reply:?}");
    platform
        .shows(
            "SELECT Konto, Betrag, Tag FROM export ORDER BY 1",
            &["0042|1234.56|2025-12-31", "0043|-1000.5|2026-01-01"],
        )
        .await;
}

#[tokio::test]
async fn files_behind_urls_land_and_a_body_that_breaks_off_is_tried_again() {
    let platform = Platform::start().await;
    let server = FileServer::start().await;
    let rows: String = (1..=20_000).map(|id| format!("{id},name {id}\n")).collect();
    server.put("people.csv.gz", gzip(&format!("id,name\n{rows}")));
    server.put("people.parquet", parquet(1, 500));
    server.put("people.ndjson", "{\"id\": 1}\n{\"id\": 2}\n");
    let url = &server.url;
    platform
        .apply(&format!(
            "version: 1\nsources:\n\
             - {{name: far_csv, kind: csv, config: {{location: \"{url}/people.csv.gz?sig=s3cret\"}}}}\n\
             - {{name: far_parquet, kind: parquet, config: {{location: {url}/people.parquet}}}}\n\
             - {{name: far_json, kind: json, config: {{location: {url}/people.ndjson}}}}\n\
             - {{name: nowhere, kind: csv, config: {{location: {url}/nowhere.csv}}}}\n"
        ))
        .await;
    server.break_off(1);
    let run = platform.pulled("far_csv").await;
    assert_counts(&run, [20_000, 20_000, 0, 0]);
    assert_eq!(run.attempts, 2, "half a body is an attempt: {run:?}");
    assert_eq!(
        platform.value("SELECT DISTINCT _file FROM raw.far_csv").await,
        format!("{url}/people.csv.gz"),
        "the query is nobody's business"
    );
    assert_counts(&platform.pulled("far_parquet").await, [500, 500, 0, 0]);
    assert_counts(&platform.pulled("far_json").await, [2, 2, 0, 0]);
    let run = platform.pull("nowhere").await;
    assert_eq!((run.state(), run.attempts), (RunState::Failed, 1), "{run:?}");
    assert!(run.error.contains("404") && run.error.contains("nowhere.csv"), "{}", run.error);
}

#[tokio::test]
async fn in_mode_append_each_file_lands_once() {
    let platform = Platform::start().await;
    let server = FileServer::start().await;
    server.put("far.csv", "id\n10\n");
    std::fs::create_dir(platform.work().join("inbox")).expect("a folder can be made");
    platform
        .apply(&format!(
            "version: 1\nsources:\n\
             - {{name: inbox, kind: csv, mode: append, config: {{location: \"inbox/*.csv*\"}}}}\n\
             - {{name: far, kind: csv, mode: append, config: {{location: {}/far.csv}}}}\n",
            server.url
        ))
        .await;
    assert_counts(&platform.pulled("inbox").await, [0, 0, 0, 0]);
    platform.write("inbox/a.csv", "id,name\n1,a\n2,b\n");
    platform.write("inbox/b.csv", "id,name\n");
    assert_counts(&platform.pulled("inbox").await, [2, 2, 0, 0]);
    assert_counts(&platform.pulled("inbox").await, [0, 0, 0, 0]);
    platform.write("inbox/c.csv.gz", gzip("id,name\n3,c\n"));
    assert_counts(&platform.pulled("inbox").await, [1, 1, 0, 0]);
    platform.write("inbox/a.csv", "id,name\n1,a\n2,b\n4,d\n");
    assert_counts(&platform.pulled("inbox").await, [3, 3, 0, 0]);
    assert_eq!(
        platform.value("SELECT string_agg(name, '' ORDER BY id, name) FROM inbox").await,
        "aabbcd",
        "a file that changed is another file"
    );
    assert_eq!(platform.dataset("inbox").await.columns.len(), 2, "columns stay as they are");

    assert_counts(&platform.pulled("far").await, [1, 1, 0, 0]);
    assert_counts(&platform.pulled("far").await, [0, 0, 0, 0]);
    server.put("far.csv", "id\n11\n");
    assert_counts(&platform.pulled("far").await, [1, 1, 0, 0]);
    assert_eq!(platform.sql("SELECT id FROM far ORDER BY id").await, ["10", "11"]);
}
