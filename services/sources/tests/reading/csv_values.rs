use rfe_model::SqlType;
use serde_json::json;

use crate::desk::{Desk, column, expecting, kind, observed, raw, read, some};

#[tokio::test]
async fn numbers_with_a_decimal_comma_have_types_and_raw_keeps_their_text() {
    let desk = Desk::new();
    desk.write("a.csv", "n;price;mixed;day\n1.234;1.234,56;1,5;31.12.2025\n7;-0,5;n/a;01.01.2026\n");
    let config = json!({"location": "a.csv", "delimiter": ";", "decimal": ",", "thousands": "."});
    let chunks = desk.read("csv", config).await.expect("read");
    assert_eq!(raw(&chunks, "price"), some(&["1.234,56", "-0,5"]));
    assert_eq!(column(&chunks, "price"), some(&["1234.56", "-0.5"]));
    assert_eq!(column(&chunks, "n"), some(&["1234", "7"]));
    assert_eq!(column(&chunks, "day"), some(&["31.12.2025", "01.01.2026"]));
    for (name, of) in [
        ("n", SqlType::BigInt),
        ("price", SqlType::Double),
        ("mixed", SqlType::Varchar),
        ("day", SqlType::Date),
    ] {
        assert_eq!(observed(&chunks, name), Some(of), "{name}");
    }
}

#[tokio::test]
async fn with_a_decimal_comma_a_point_makes_no_number() {
    let desk = Desk::new();
    desk.write("a.csv", "a;b\n1.5;1,5\n2,5;1.000\n");
    let chunks =
        desk.read("csv", json!({"location": "a.csv", "delimiter": ";", "decimal": ","})).await.expect("read");
    for name in ["a", "b"] {
        assert_eq!(observed(&chunks, name), Some(SqlType::Varchar), "{name}");
    }
    assert_eq!(column(&chunks, "a"), some(&["1.5", "2.5"]));
    assert_eq!(column(&chunks, "b"), some(&["1.5", "1.000"]));
}

#[tokio::test]
async fn groups_that_are_not_of_three_stay_text() {
    let desk = Desk::new();
    desk.write("a.csv", "a;b\n1,234.5;12,34\n");
    let config = json!({"location": "a.csv", "delimiter": ";", "thousands": ","});
    let chunks = desk.read("csv", config).await.expect("read");
    assert_eq!(observed(&chunks, "a"), Some(SqlType::Double));
    assert_eq!(observed(&chunks, "b"), Some(SqlType::Varchar));
    assert_eq!(column(&chunks, "b"), some(&["12,34"]));
}

#[tokio::test]
async fn declared_columns_are_checked_in_the_form_that_the_file_has() {
    let desk = Desk::new();
    desk.write("a.csv", "account;amount;n\n1.234;1.234,50;1.000\n5;1234.50;1\n6;7,5;1,5\n");
    let config = json!({"location": "a.csv", "delimiter": ";", "decimal": ",", "thousands": "."});
    let spec = desk.spec("csv", config);
    let types = [("account", SqlType::Varchar), ("amount", SqlType::Decimal(10, 2)), ("n", SqlType::BigInt)];
    let context = expecting(desk.context(), &types);
    let chunks = read(&spec, &context).await.expect("read");
    assert_eq!(column(&chunks, "account"), some(&["1.234"]), "text that is declared so stays as it is");
    assert_eq!(column(&chunks, "amount"), some(&["1234.50"]));
    assert_eq!(column(&chunks, "n"), some(&["1000"]));
    let fields: Vec<_> = chunks[0].bad.iter().map(|bad| bad.field_path.as_str()).collect();
    assert_eq!(fields, ["amount", "n"]);
    assert!(chunks[0].bad[0].message.starts_with("`1234.50` is no DECIMAL(10,2)"), "{:?}", chunks[0].bad[0]);

    let letter = chunks[0].bad[0].clone().into_letter("things", "run", 1, 1);
    let mended = kind("csv").decode_letter(&spec, &context, &letter, b"5;1.234,50;2.000").expect("decode");
    assert_eq!(column(std::slice::from_ref(&mended), "amount"), some(&["1234.50"]), "{:?}", mended.bad);
    assert_eq!(column(std::slice::from_ref(&mended), "n"), some(&["2000"]));
}

#[tokio::test]
async fn values_are_what_a_person_would_say_they_are() {
    let desk = Desk::new();
    for (values, of) in [
        (&["1", "-2", "9223372036854775807"][..], SqlType::BigInt),
        (&["9223372036854775808", "1"], SqlType::Varchar),
        (&["0042", "7"], SqlType::Varchar),
        (&["+5"], SqlType::Varchar),
        (&["1_000"], SqlType::Varchar),
        (&[" 1"], SqlType::Varchar),
        (&["5."], SqlType::Varchar),
        (&["NaN"], SqlType::Varchar),
        (&["inf"], SqlType::Varchar),
        (&["-0", ".5", "1e5", "1"], SqlType::Double),
        (&["true", "False", "TRUE"], SqlType::Boolean),
        (&["yes", "no"], SqlType::Varchar),
        (&["2026-01-31", "2026/01/31", "31.01.2026"], SqlType::Date),
        (&["2026-01-31", "2026-01-31 10:00", "31.01.2026 10:00:00.5"], SqlType::Timestamp),
        (&["2026-01-31T10:00Z", "20260131T100000Z", "2026-01-31 10:00:00 UTC"], SqlType::TimestampTz),
        (&["2026-01-31T10:00Z", "2026-01-31T10:00"], SqlType::Varchar),
        (&["03/04/2025"], SqlType::Varchar),
        (&["10:00"], SqlType::Varchar),
        (&["20260131"], SqlType::BigInt),
    ] {
        desk.write("a.csv", format!("v,end\n{},\n", values.join(",\n")));
        let chunks = desk.read("csv", json!({"location": "a.csv"})).await.expect("read");
        assert_eq!(observed(&chunks, "v"), Some(of), "{values:?}");
        assert_eq!(column(&chunks, "v"), some(values), "the text is kept until the type is settled");
    }
}
