use polars::prelude::*;
use rfe_model::SqlType;
use rfe_sources::cast::{cast, fits};

fn text(values: &[Option<&str>]) -> Column {
    Column::new("c".into(), values)
}

#[test]
fn text_that_does_not_fit_is_named_and_null() {
    let column = text(&[Some("1"), None, Some("x"), Some("007")]);
    let done = cast(&column, &SqlType::BigInt).expect("cast");
    assert_eq!(done.lost, [2]);
    assert_eq!(
        done.column.i64().expect("integers").iter().collect::<Vec<_>>(),
        [Some(1), None, None, Some(7)]
    );
}

#[test]
fn every_type_is_cast_from_text() {
    for (value, of, expected) in [
        ("true", SqlType::Boolean, DataType::Boolean),
        ("-5", SqlType::BigInt, DataType::Int64),
        ("1e3", SqlType::Double, DataType::Float64),
        ("1.50", SqlType::Decimal(18, 2), DataType::Decimal(18, 2)),
        ("2026-01-31", SqlType::Date, DataType::Date),
        ("2026-01-31T10:00:00", SqlType::Timestamp, DataType::Datetime(TimeUnit::Microseconds, None)),
        (
            "2026-01-31T10:00:00+02:00",
            SqlType::TimestampTz,
            DataType::Datetime(TimeUnit::Microseconds, Some(TimeZone::UTC)),
        ),
        ("{}", SqlType::Json, DataType::String),
        ("x", SqlType::Varchar, DataType::String),
        ("x", SqlType::Blob, DataType::Binary),
    ] {
        let done = cast(&text(&[Some(value)]), &of).expect("cast");
        assert_eq!(
            (done.column.dtype(), done.lost.len(), done.column.null_count()),
            (&expected, 0, 0),
            "{value} as {of}"
        );
        assert!(fits(value, &of));
    }
}

#[test]
fn a_cast_from_text_agrees_with_the_check() {
    let all = [
        SqlType::Boolean,
        SqlType::BigInt,
        SqlType::Double,
        SqlType::Decimal(5, 2),
        SqlType::Date,
        SqlType::Timestamp,
        SqlType::TimestampTz,
    ];
    for value in [
        "",
        "1",
        "1.5",
        "1.555",
        "12345.6",
        "true",
        "2026-01-31",
        "2026-01-31 10:00:00Z",
        "nan",
        "inf",
        "x",
        "+5",
        "99999999999999999999",
    ] {
        for of in &all {
            assert_eq!(
                cast(&text(&[Some(value)]), of).expect("cast").lost.is_empty(),
                fits(value, of),
                "`{value}` as {of}"
            );
        }
    }
}

#[test]
fn a_typed_cast_that_would_lose_digits_is_named() {
    let doubles = Column::new("c".into(), [Some(1.0), Some(1.5), None]);
    let done = cast(&doubles, &SqlType::BigInt).expect("cast");
    assert_eq!((done.lost, done.column.null_count()), (vec![1], 2));
    let integers = Column::new("c".into(), [9_007_199_254_740_993_i64, 5]);
    assert_eq!(cast(&integers, &SqlType::Double).expect("cast").lost, [0]);
    let decimals = cast(&text(&[Some("1.25"), Some("2.50")]), &SqlType::Decimal(10, 2)).expect("cast").column;
    assert_eq!(cast(&decimals, &SqlType::Decimal(10, 1)).expect("cast").lost, [0]);
    assert!(cast(&decimals, &SqlType::Double).expect("cast").lost.is_empty());
}

#[test]
fn typed_values_have_texts() {
    let at = cast(&text(&[Some("2026-01-31T10:00:00.5Z")]), &SqlType::TimestampTz).expect("cast").column;
    let done = cast(&at, &SqlType::Varchar).expect("cast");
    assert_eq!(done.column.str().expect("text").get(0), Some("2026-01-31T10:00:00.5Z"));
    let naive = cast(&at, &SqlType::Timestamp).expect("cast").column;
    let done = cast(&naive, &SqlType::Varchar).expect("cast");
    assert_eq!(done.column.str().expect("text").get(0), Some("2026-01-31T10:00:00.5"));
    let list = Series::new("c".into(), [Series::new("".into(), [1_i64, 2])]).into_column();
    assert_eq!(
        cast(&list, &SqlType::Varchar).expect("cast").column.str().expect("text").get(0),
        Some("[1,2]")
    );
    let flags = Column::new("c".into(), [true, false]);
    assert_eq!(
        cast(&flags, &SqlType::Varchar).expect("cast").column.str().expect("text").get(0),
        Some("true")
    );
}

#[test]
fn dates_and_instants_widen_without_loss() {
    let dates = cast(&text(&[Some("2026-01-31"), None]), &SqlType::Date).expect("cast").column;
    for of in [SqlType::Timestamp, SqlType::TimestampTz] {
        let done = cast(&dates, &of).expect("cast");
        assert!(done.lost.is_empty());
        assert_eq!(
            done.column.cast(&DataType::Int64).expect("micros").i64().expect("micros").get(0),
            Some(1_769_817_600_000_000)
        );
    }
    let at = cast(&text(&[Some("2026-01-31"), Some("2026-01-31T10:00:00")]), &SqlType::Timestamp)
        .expect("cast")
        .column;
    assert_eq!(cast(&at, &SqlType::Date).expect("cast").lost, [1]);
}
