use serde_json::json;

use crate::desk::{Desk, column, some};

#[tokio::test]
async fn a_quote_that_never_closes_costs_its_own_line_and_no_other() {
    let desk = Desk::new();
    desk.write("a.csv", "a,b\n1,2\n3,\"open\n4,5\n6,7\n");
    let chunks = desk.read("csv", json!({"location": "a.csv"})).await.expect("read");
    assert_eq!(column(&chunks, "a"), some(&["1", "4", "6"]));
    let [bad] = chunks[0].bad.as_slice() else { panic!("{:?}", chunks[0].bad) };
    assert_eq!((bad.code, bad.raw.as_slice(), bad.position.line), ("UNCLOSED_QUOTE", &b"3,\"open"[..], 3));
    assert_eq!(bad.message, "line 3 opens a quote that does not close");
}

#[tokio::test]
async fn a_quote_left_open_among_quoted_fields_does_not_take_the_next_record_with_it() {
    let desk = Desk::new();
    desk.write(
        "a.csv",
        "id,name\r\n\"1\",\"ann\"\r\n\"2\",\"bob\r\n\"3\",\"cy\"\r\n\"4\",\"two\r\nlines\"\r\n",
    );
    let chunks = desk.read("csv", json!({"location": "a.csv"})).await.expect("read");
    assert_eq!(column(&chunks, "id"), some(&["1", "3", "4"]));
    assert_eq!(column(&chunks, "name"), some(&["ann", "cy", "two\r\nlines"]));
    let [bad] = chunks[0].bad.as_slice() else { panic!("{:?}", chunks[0].bad) };
    assert_eq!((bad.code, bad.raw.as_slice(), bad.position.line), ("UNCLOSED_QUOTE", &b"\"2\",\"bob"[..], 3));
    let lines: Vec<i64> =
        chunks[0].raw.column("_line").expect("_line").i64().expect("integers").iter().flatten().collect();
    assert_eq!(lines, [2, 4, 5]);
}

#[tokio::test]
async fn an_open_quote_on_the_second_line_of_a_record_is_named_by_that_line() {
    let desk = Desk::new();
    desk.write("a.csv", "a,b\n\"x\ny\",\"open\n4,5\n");
    let chunks = desk.read("csv", json!({"location": "a.csv"})).await.expect("read");
    assert_eq!(column(&chunks, "a"), some(&["4"]));
    let bad = &chunks[0].bad[0];
    assert_eq!((bad.position.line, bad.raw.as_slice()), (2, &b"\"x\ny\",\"open"[..]));
    assert!(bad.message.starts_with("line 3 opens a quote"), "{}", bad.message);
}

#[tokio::test]
async fn an_open_quote_far_from_the_end_of_a_large_file_costs_one_record() {
    let desk = Desk::new();
    let rest = "7,seven\n".repeat(9 << 20);
    assert!(rest.len() > 64 << 20);
    desk.write("a.csv", format!("a,b\n1,\"open\n{rest}"));
    let mut context = desk.context();
    context.chunk_bytes = 16 << 20;
    let chunks =
        crate::desk::read(&desk.spec("csv", json!({"location": "a.csv"})), &context).await.expect("read");
    assert_eq!(chunks.iter().map(|chunk| chunk.rows()).sum::<usize>(), 9 << 20);
    let bad: Vec<_> = chunks.iter().flat_map(|chunk| &chunk.bad).collect();
    assert_eq!((bad.len(), bad[0].code, bad[0].raw.as_slice()), (1, "UNCLOSED_QUOTE", &b"1,\"open"[..]));
}

#[tokio::test]
async fn a_field_of_many_megabytes_lands_and_a_record_above_the_bound_is_an_error_that_names_its_line() {
    let desk = Desk::new();
    let large = "line of a long text\n".repeat(1 << 20);
    desk.write("a.csv", format!("a,b\n1,\"{large}\"\n2,x\n"));
    let chunks = desk.read("csv", json!({"location": "a.csv"})).await.expect("read");
    assert_eq!(column(&chunks, "a"), some(&["1", "2"]));
    assert_eq!(column(&chunks, "b")[0].as_deref(), Some(large.as_str()));

    desk.write("a.csv", format!("a,b\n0,x\n1,{}\n", "x".repeat(65 << 20)));
    let error = desk.read("csv", json!({"location": "a.csv"})).await.expect_err("too large");
    assert!(error.is_permanent() && error.code == "RECORD_TOO_LARGE", "{error}");
    assert!(error.message.contains("line 3") && error.message.contains("a.csv"), "{error}");
}

#[tokio::test]
async fn without_quotes_a_quote_is_a_letter_like_any_other() {
    let desk = Desk::new();
    desk.write("a.csv", "a|b\n\"1|x\"\n2|\"\"\n");
    let config = json!({"location": "a.csv", "delimiter": "|", "quote": ""});
    let chunks = desk.read("csv", config).await.expect("read");
    assert_eq!(column(&chunks, "a"), some(&["\"1", "2"]));
    assert_eq!(column(&chunks, "b"), some(&["x\"", "\"\""]));
}
