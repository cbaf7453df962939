use std::time::{Duration, Instant};

use serde_json::json;

use crate::desk::{Desk, column, names, observed, some};

#[tokio::test]
async fn tabs_pipes_and_other_characters_part_fields() {
    let desk = Desk::new();
    for (delimiter, character) in [("\t", '\t'), ("\\t", '\t'), ("|", '|'), (";", ';'), ("\u{1}", '\u{1}')] {
        desk.write("a.csv", format!("a{character}b\n1{character}\"x{character}y\"\n"));
        let chunks =
            desk.read("csv", json!({"location": "a.csv", "delimiter": delimiter})).await.expect("read");
        assert_eq!(column(&chunks, "b"), some(&[&format!("x{character}y")]), "{delimiter:?}");
    }
}

#[tokio::test]
async fn lines_end_as_they_like() {
    let desk = Desk::new();
    for text in ["a,b\n1,2\n3,4\n", "a,b\r\n1,2\r\n3,4", "a,b\r1,2\r3,4\r", "a,b\n1,2\r\n\r\n3,4\r"] {
        desk.write("a.csv", text);
        for chunk_bytes in [1, 1 << 20] {
            let mut context = desk.context();
            context.chunk_bytes = chunk_bytes;
            let spec = desk.spec("csv", json!({"location": "a.csv"}));
            let chunks = crate::desk::read(&spec, &context).await.expect("read");
            assert_eq!(column(&chunks, "b"), some(&["2", "4"]), "{text:?}");
        }
    }
}

#[tokio::test]
async fn duplicate_and_blank_names_are_told_apart() {
    let desk = Desk::new();
    desk.write("a.csv", "id,,id, ID ,\"\"\n1,2,3,4,5\n");
    let chunks = desk.read("csv", json!({"location": "a.csv"})).await.expect("read");
    assert_eq!(names(&chunks[0]), ["id", "column_2", "id_2", "ID_3", "column_5"]);
}

#[tokio::test]
async fn ten_thousand_columns_are_read_in_time() {
    let desk = Desk::new();
    let header: Vec<String> = (0..10_000).map(|column| format!("c{column}")).collect();
    let same = vec!["same"; 10_000];
    let row = vec!["17"; 10_000].join(",");
    for (names_of, last) in [(header.join(","), "c9999"), (same.join(","), "same_10000")] {
        desk.write("a.csv", format!("{names_of}\n{}", format!("{row}\n").repeat(100)));
        let started = Instant::now();
        let chunks = desk.read("csv", json!({"location": "a.csv"})).await.expect("read");
        assert!(started.elapsed() < Duration::from_secs(30), "{:?}", started.elapsed());
        assert_eq!(chunks.iter().map(|chunk| chunk.rows()).sum::<usize>(), 100);
        assert_eq!(chunks[0].columns.len(), 10_000);
        assert_eq!(chunks[0].columns[9_999].name, last);
    }
}

#[tokio::test]
async fn one_column_has_rows_and_blank_lines_are_none() {
    let desk = Desk::new();
    desk.write("a.csv", "n\n1\n\n\"\"\n2\n");
    let chunks = desk.read("csv", json!({"location": "a.csv"})).await.expect("read");
    assert_eq!(
        column(&chunks, "n"),
        some(&["1", "", "2"]),
        "a quoted empty field is a row, a blank line is none"
    );
}

#[tokio::test]
async fn files_of_blank_lines_and_comments_alone_hold_nothing() {
    let desk = Desk::new();
    for text in ["", "\n", "\r\n\r\n", "\u{feff}", "# nothing\n#\n"] {
        desk.write("a.csv", text);
        let chunks = desk.read("csv", json!({"location": "a.csv", "comment": "#"})).await.expect("read");
        assert!(chunks.is_empty(), "{text:?}");
    }
}

#[tokio::test]
async fn nul_bytes_are_kept() {
    let desk = Desk::new();
    desk.write("a.csv", "a,b\n1,x\0y\n\0,\0\n");
    let chunks = desk.read("csv", json!({"location": "a.csv"})).await.expect("read");
    assert_eq!(column(&chunks, "a"), some(&["1", "\0"]));
    assert_eq!(column(&chunks, "b"), some(&["x\0y", "\0"]));
}

#[tokio::test]
async fn ragged_rows_at_the_border_of_a_chunk_are_bad_and_nothing_else_is() {
    let desk = Desk::new();
    let mut text = String::from("a,b\n");
    for row in 0..2_000 {
        text.push_str(&if row % 7 == 0 { format!("{row}\n") } else { format!("{row},\"x{row}\"\n") });
    }
    desk.write("a.csv", &text);
    let spec = desk.spec("csv", json!({"location": "a.csv"}));
    for chunk_bytes in [1, 13, 97, 1000, 1 << 20] {
        let mut context = desk.context();
        context.chunk_bytes = chunk_bytes;
        let chunks = crate::desk::read(&spec, &context).await.expect("read");
        let bad: Vec<u32> = chunks.iter().flat_map(|chunk| &chunk.bad).map(|bad| bad.position.line).collect();
        let expected: Vec<u32> = (0..2_000).filter(|row| row % 7 == 0).map(|row| row + 2).collect();
        assert_eq!(bad, expected, "{chunk_bytes}");
        assert_eq!(chunks.iter().map(|chunk| chunk.rows()).sum::<usize>(), 2_000 - expected.len());
    }
}

#[tokio::test]
async fn a_type_that_widens_late_is_the_type_of_all() {
    let desk = Desk::new();
    desk.write("a.csv", format!("n\n{}x\n", "1\n".repeat(1000)));
    let chunks = desk.read("csv", json!({"location": "a.csv"})).await.expect("read");
    assert_eq!(observed(&chunks, "n"), Some(rfe_model::SqlType::Varchar));
}

#[tokio::test]
async fn null_values_are_null_quoted_or_not_and_only_whole() {
    let desk = Desk::new();
    desk.write("a.csv", "a,b\nNULL,\\N\n\"NULL\",N\n,\\NN\n");
    let config = json!({"location": "a.csv", "null_values": ["NULL", "\\N"]});
    let chunks = desk.read("csv", config).await.expect("read");
    assert_eq!(column(&chunks, "a"), [None, None, None]);
    assert_eq!(column(&chunks, "b"), [None, Some("N".to_owned()), Some("\\NN".to_owned())]);
}

#[tokio::test]
async fn lines_before_the_header_are_skipped_whatever_they_hold() {
    let desk = Desk::new();
    desk.write("a.csv", "Report \"of\r\nSeptember\r\n\r\nid,name\r\n1,a\r\n");
    let chunks = desk.read("csv", json!({"location": "a.csv", "skip_rows": 3})).await.expect("read");
    assert_eq!((names(&chunks[0]), column(&chunks, "name")), (vec!["id", "name"], some(&["a"])));
    let chunks = desk.read("csv", json!({"location": "a.csv", "skip_rows": 99})).await.expect("read");
    assert!(chunks.is_empty());
}
