//! Delimited text is read from files.

use rfe_proto::metadata::RunState;
use rfe_tests::{Platform, fixture::gzip, grpc::assert_counts};

#[tokio::test]
async fn values_get_types_and_raw_keeps_the_text() {
    let platform = Platform::start().await;
    platform.write(
        "data/a.csv",
        "id;zip;price;day;at;ok;note;empty\n\
         1;00123;1.50;2024-02-29;2024-02-29T12:30:00;true;\"a;b\nc\";\n\
         2;04109;2;2023-01-01;2023-01-01 00:00:01.5;FALSE;\"say \"\"hi\"\"\";\"\"\n\
         3;;1e3;;;;  spaced ;\n",
    );
    platform.apply("version: 1\nsources:\n- {name: typed, kind: csv, config: {location: data/*.csv, delimiter: \";\"}}\n").await;
    let run = platform.pulled("typed").await;
    assert_counts(&run, [3, 3, 0, 0]);
    assert_eq!((run.schema_version, run.attempts), (1, 1));

    let columns = platform.columns("main.typed").await;
    let expected = [
        "id BIGINT",
        "zip VARCHAR",
        "price DOUBLE",
        "day DATE",
        "at TIMESTAMP",
        "ok BOOLEAN",
        "note VARCHAR",
    ];
    assert_eq!(columns[..7], expected, "{columns:?}");
    let rows = platform
        .sql("SELECT id, zip, price, day, \"at\", ok, \"empty\" IS NULL FROM typed ORDER BY id")
        .await;
    assert_eq!(rows[0], "1|00123|1.5|2024-02-29|2024-02-29T12:30:00|true|true");
    assert_eq!(rows[1], "2|04109|2.0|2023-01-01|2023-01-01T00:00:01.500|false|false");
    assert_eq!(rows[2], "3|NULL|1000.0|NULL|NULL|NULL|true");
    assert_eq!(platform.value("SELECT note FROM typed WHERE id = 1").await, "a;b\nc");

    let raw = platform.sql("SELECT id, zip, price, ok, note, _line FROM raw.typed ORDER BY _line").await;
    assert_eq!(
        raw,
        ["1|00123|1.50|true|a;b\nc|2", "2|04109|2|FALSE|say \"hi\"|4", "3|NULL|1e3|NULL|  spaced |5"]
    );
    assert!(platform.value("SELECT DISTINCT _file FROM raw.typed").await.ends_with("data/a.csv"));
    assert_eq!(platform.value("SELECT DISTINCT _run_id FROM typed").await, run.run_id);
}

#[tokio::test]
async fn a_glob_of_plain_and_compressed_files_is_one_dataset() {
    let platform = Platform::start().await;
    platform.write("data/one.csv", "id,name\n1,a\n2,b\n");
    platform.write("data/two.csv.gz", gzip("id,name\n3,c\n"));
    platform.write("data/deep/three.csv", "id,name\n4,d\n");
    platform.write("data/ignored.txt", "id,name\n5,e\n");
    platform
        .apply(
            "version: 1\nsources:\n- {name: all_files, kind: csv, config: {location: \"data/**/*.csv*\"}}\n",
        )
        .await;
    assert_counts(&platform.pulled("all_files").await, [4, 4, 0, 0]);
    assert_eq!(
        platform.sql("SELECT id, name FROM all_files ORDER BY id").await,
        ["1|a", "2|b", "3|c", "4|d"]
    );
    assert_eq!(platform.value("SELECT count(DISTINCT _file) FROM raw.all_files").await, "3");
}

#[tokio::test]
async fn a_ragged_line_becomes_a_letter_and_the_others_land() {
    let platform = Platform::start().await;
    platform.write("bad.csv", "id,name\n1,a\n2,b,surplus\n3,c\n4\n");
    platform.apply("version: 1\nsources:\n- {name: ragged, kind: csv, config: {location: bad.csv}}\n").await;
    let run = platform.pulled("ragged").await;
    assert_counts(&run, [4, 2, 2, 0]);
    assert_eq!(platform.sql("SELECT id, name FROM ragged ORDER BY id").await, ["1|a", "3|c"]);
    let mut letters = Vec::new();
    for letter in platform.letters("ragged").await {
        letters.push(platform.letter(&letter.id).await);
    }
    letters.sort_by_key(|letter| letter.position.as_ref().map(|position| position.line));
    let line = |at: usize| letters[at].position.as_ref().expect("a place").line;
    assert_eq!((line(0), line(1)), (3, 5));
    assert_eq!(letters[0].raw_base64.trim_ascii_end(), b"2,b,surplus");
    assert_eq!(letters[1].raw_base64.trim_ascii_end(), b"4");
    for letter in &letters {
        assert_eq!(
            (letter.kind.as_str(), letter.state.as_str(), letter.stage.as_str()),
            ("record", "open", "decode")
        );
        assert_eq!((letter.run_id.as_str(), letter.code.as_str()), (run.run_id.as_str(), "RAGGED_ROW"));
        assert!(!letter.message.is_empty() && letter.raw_sha256.len() == 64);
    }
    let objects = platform.objects().await;
    let of_it = |name: &&String| name.starts_with("dead-letter/ragged/") && name.ends_with(".json");
    assert_eq!(
        objects.iter().filter(of_it).count(),
        2,
        "each letter is an object of the bucket: {objects:?}"
    );
    let failures = platform.sql("SELECT kind, stage, code, state FROM meta.ingestion_failures").await;
    assert_eq!(failures, ["record|decode|RAGGED_ROW|open", "record|decode|RAGGED_ROW|open"]);
}

#[tokio::test]
async fn declared_types_win_and_what_does_not_fit_is_a_letter_that_names_the_field() {
    let platform = Platform::start().await;
    platform.write("sums.csv", "account,amount\n0001,10.25\n0002,much\n3,7\n");
    platform
        .apply(
            "version: 1\nsources:\n  - name: sums\n    kind: csv\n    config: {location: sums.csv}\n    \
             columns: {account: VARCHAR, amount: \"DECIMAL(10,2)\"}\n",
        )
        .await;
    let run = platform.pulled("sums").await;
    assert_counts(&run, [3, 2, 1, 0]);
    assert_eq!(platform.columns("main.sums").await[..2], ["account VARCHAR", "amount DECIMAL(10,2)"]);
    assert_eq!(platform.sql("SELECT account, amount FROM sums ORDER BY 1").await, ["0001|10.25", "3|7.00"]);
    let letter = platform.only_letter("sums").await;
    assert_eq!(letter.field_path, "amount", "{letter:?}");
    assert!(letter.message.contains("much"), "{}", letter.message);
    assert_eq!(letter.raw_base64.trim_ascii_end(), b"0002,much");
}

#[tokio::test]
async fn reading_a_source_again_leaves_the_same_rows_and_a_changed_file_replaces_them() {
    let platform = Platform::start().await;
    platform.write("small.csv", "id\n1\n2\n3\n");
    platform.apply("version: 1\nsources:\n- {name: small, kind: csv, config: {location: small.csv}}\n").await;
    let first = platform.pulled("small").await;
    let second = platform.pulled("small").await;
    assert_ne!(first.run_id, second.run_id);
    assert!(second.snapshot > first.snapshot);
    assert_eq!(platform.value("SELECT count(*), count(DISTINCT _run_id) FROM small").await, "3|1");
    assert_eq!(platform.value("SELECT count(*), count(DISTINCT _run_id) FROM raw.small").await, "3|1");
    platform.write("small.csv", "id\n4\n");
    let _third = platform.pulled("small").await;
    assert_eq!(platform.sql("SELECT id FROM small").await, ["4"]);
    assert_eq!(platform.dataset("small").await.rows, 1);
}

#[tokio::test]
async fn a_missing_file_fails_the_run_at_once_and_leaves_what_was_there() {
    let platform = Platform::start().await;
    let file = platform.write("here.csv", "id\n1\n");
    platform.apply("version: 1\nsources:\n- {name: here, kind: csv, config: {location: here.csv}}\n").await;
    let _first = platform.pulled("here").await;
    std::fs::remove_file(file).expect("a file can be removed");
    let run = platform.pull("here").await;
    assert_eq!((run.state(), run.attempts), (RunState::Failed, 1), "trying again can't help: {run:?}");
    assert!(run.error.contains("here.csv"), "{}", run.error);
    let letter = platform.only_letter("here").await;
    assert_eq!((letter.kind.as_str(), letter.run_id), ("job", run.run_id));
    assert_eq!(platform.sql("SELECT id FROM here").await, ["1"]);
}

#[tokio::test]
async fn a_file_outside_the_allowed_folders_is_not_read_even_through_a_link() {
    let platform = Platform::start().await;
    let outside = platform.data().join("outside.csv");
    std::fs::write(&outside, "secret\nvery\n").expect("a file can be written");
    std::os::unix::fs::symlink(&outside, platform.work().join("link.csv")).expect("a link can be made");
    let yaml = format!(
        "version: 1\nsources:\n- {{name: linked, kind: csv, config: {{location: link.csv}}}}\n\
         - {{name: direct, kind: csv, config: {{location: {}}}}}\n",
        outside.display()
    );
    platform.apply(&yaml).await;
    for source in ["linked", "direct"] {
        let run = platform.pull(source).await;
        assert_eq!(run.state(), RunState::Failed, "{run:?}");
        assert!(!run.error.contains("very"), "{}", run.error);
    }
}

#[tokio::test]
async fn a_bad_line_fails_the_run_where_the_source_says_so() {
    let platform = Platform::start().await;
    platform.write("strict.csv", "id,name\n1,a\n2\n");
    platform.apply("version: 1\nsources:\n- {name: strict, kind: csv, config: {location: strict.csv}, on_bad_row: fail}\n").await;
    let run = platform.pull("strict").await;
    assert_eq!(run.state(), RunState::Failed, "{run:?}");
    assert_eq!(platform.value("SELECT count(*) FROM strict").await, "0", "nothing of the run is visible");
}

#[tokio::test]
async fn types_do_not_depend_on_the_order_of_rows_and_wide_integers_keep_their_digits() {
    let platform = Platform::start().await;
    let early: String = (0..5000).map(|number| format!("{number},{number},1.50\n")).collect();
    platform.write("late.csv", format!("id,code,price\n{early}5000,x1,9007199254740993\n5001,00,n/a\n"));
    platform.write("first.csv", format!("id,code,price\n5001,00,n/a\n5000,x1,9007199254740993\n{early}"));
    platform
        .apply(
            "version: 1\nsources:\n- {name: late, kind: csv, config: {location: late.csv}}\n\
             - {name: first, kind: csv, config: {location: first.csv}}\n",
        )
        .await;
    for source in ["late", "first"] {
        assert_counts(&platform.pulled(source).await, [5002, 5002, 0, 0]);
        assert_eq!(
            platform.columns(&format!("main.{source}")).await[..3],
            ["id BIGINT", "code VARCHAR", "price VARCHAR"]
        );
    }
    let difference =
        "SELECT count(*) FROM (SELECT id, code, price FROM late EXCEPT SELECT id, code, price FROM first)";
    assert_eq!(platform.value(difference).await, "0");
    assert_eq!(platform.value("SELECT price FROM late WHERE id = 7").await, "1.50", "not 1.5");
    assert_eq!(platform.value("SELECT price FROM late WHERE id = 5000").await, "9007199254740993");
}
