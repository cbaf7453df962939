use proptest::prelude::*;

use super::*;

#[test]
fn only_integers_whose_text_round_trips_are_integers() {
    for text in ["0", "7", "-7", "9223372036854775807", "-9223372036854775808", "9007199254740992"] {
        assert!(matches!(classify(text), Class::BigInt(_)), "{text}");
    }
    for text in
        ["00123", "+5", "-", "9223372036854775808", "12345678901234567890123", "1_000", " 5", "5 ", "١"]
    {
        assert_eq!(classify(text), Class::Text, "{text}");
    }
    assert_eq!(classify("9007199254740992"), Class::BigInt(false));
    assert_eq!(classify("9007199254740993"), Class::BigInt(true));
    assert_eq!(classify("-9007199254740993"), Class::BigInt(true));
}

#[test]
fn doubles_are_finite_decimal_forms() {
    for text in ["1.50", "1e3", "-0.5", ".5", "1E-7", "-0", "0.0", "0e-999", "1.5e+300"] {
        assert_eq!(classify(text), Class::Double, "{text}");
    }
    for text in
        ["1e999", "1e-999", "NaN", "inf", "1.", ".", "-.", "1e", "1e+", "0x1", "01.5", "1.5.2", "1,5", "e5"]
    {
        assert_eq!(classify(text), Class::Text, "{text}");
    }
}

#[test]
fn dates_and_times_are_those_that_mean_one_thing_to_everybody() {
    for text in ["2024-02-29", "2024/02/29", "29.02.2024"] {
        assert_eq!(classify(text), Class::Date, "{text}");
        assert_eq!(parse_date(text), parse_date("2024-02-29"), "{text}");
    }
    for text in [
        "2026-01-01T10:00:00",
        "2026-01-01 10:00:00.5",
        "2026-01-01 10:00:00.123456",
        "2026-01-01 10:00:00.123456000",
        "2026-01-01 10:00:00,5",
        "2026-01-01t10:00",
        "2026/01/01 10:00:00",
        "01.01.2026 10:00",
        "20260101T100000",
        "20260101T1000",
    ] {
        assert_eq!(classify(text), Class::Timestamp, "{text}");
    }
    for text in [
        "2026-01-01T10:00:00Z",
        "2026-01-01T10:00:00.1+02:00",
        "2026-01-01 10:00:00-0530",
        "2026-01-01 10:00:00+02",
        "2026-01-01t10:00:00z",
        "2026-01-01 10:00Z",
        "2026-01-01 10:00:00 UTC",
        "2026-01-01 10:00:00 +0200",
        "01.01.2026 10:00:00+01:00",
        "20260101T100000Z",
        "20260101T100000.5+0200",
    ] {
        assert_eq!(classify(text), Class::TimestampTz, "{text}");
    }
    for text in [
        "2023-02-29",
        "2026-13-01",
        "2026-1-1",
        "03/04/2025",
        "25/12/2025",
        "1.2.2026",
        "30.02.2026",
        "2026.01.31",
        "2026-01/31",
        "10:00",
        "10:00:00",
        "2026-01-01T24:00:00",
        "2026-01-01T10",
        "2026-01-01T10:0",
        "2026-01-01T10:00:",
        "2026-01-01T10:00:0",
        "2026-01-01 10:00:00 ",
        "2026-01-01 10:00:00  Z",
        "2026-01-01 10:00:00 CET",
        "20260101T10",
        "20260101T100000X",
        "20261301T100000",
        "2026010 T100000",
        "2026-01-01T10:00:60",
        "2026-01-01 10:00:00.1234567",
        "2026-01-01T10:00:00.",
        "2026-01-01T10:00:00+2",
        "2026-01-01T",
        "2026-01-01x10:00:00",
    ] {
        assert_eq!(classify(text), Class::Text, "{text}");
    }
    assert_eq!(parse_time("1970-01-01T01:00:00+01:00"), Some(Time::Instant(0)));
    assert_eq!(parse_time("1969-12-31T23:59:59.999999Z"), Some(Time::Instant(-1)));
    for text in ["01.01.1970 00:01", "1970/01/01 00:01:00", "19700101T000100", "1970-01-01T00:01"] {
        assert_eq!(parse_time(text), Some(Time::Local(60 * MICROS_PER_SECOND)), "{text}");
    }
    for text in ["19700101T010000.5+0100", "1970-01-01 00:00:00,5 UTC", "01.01.1970 01:00:00.5 +01"] {
        assert_eq!(parse_time(text), Some(Time::Instant(MICROS_PER_SECOND / 2)), "{text}");
    }
}

#[test]
fn digits_alone_are_a_number_and_no_day() {
    assert!(matches!(classify("20260131"), Class::BigInt(_)));
}

#[test]
fn booleans_are_true_and_false_in_any_case() {
    for text in ["true", "FALSE", "True"] {
        assert_eq!(classify(text), Class::Boolean, "{text}");
    }
    for text in ["t", "yes", "truee", ""] {
        assert_eq!(classify(text), Class::Text, "{text}");
    }
}

#[test]
fn a_decimal_keeps_every_digit_or_is_none() {
    assert_eq!(parse_decimal("1.50", 18, 2), Some(150));
    assert_eq!(parse_decimal("-1.5", 18, 2), Some(-150));
    assert_eq!(parse_decimal("1.500", 18, 2), Some(150));
    assert_eq!(parse_decimal("1.505", 18, 2), None);
    assert_eq!(parse_decimal("12e2", 18, 0), Some(1200));
    assert_eq!(parse_decimal("1000", 3, 0), None);
    assert_eq!(parse_decimal("999", 3, 0), Some(999));
    assert_eq!(parse_decimal("", 3, 0), None);
    assert_eq!(parse_decimal("1e99999999999", 3, 0), None);
}

proptest! {
    #[test]
    fn every_integer_reads_back_as_its_text(value: i64) {
        prop_assert!(matches!(classify(&value.to_string()), Class::BigInt(_)));
        prop_assert_eq!(parse_bigint(&value.to_string()), Some(value));
    }

    #[test]
    fn every_day_is_counted_as_the_calendar_does(day in -700_000_i32..2_900_000) {
        let date = jiff::civil::date(1970, 1, 1).checked_add(jiff::Span::new().days(day)).expect("in range");
        prop_assert_eq!(days_of(date), day);
    }

    #[test]
    fn whatever_is_inferred_can_be_cast(text in "[-+.,/0-9eETZ: tfrualz]{0,24}") {
        match classify(&text) {
            Class::Boolean => prop_assert!(parse_boolean(&text).is_some()),
            Class::BigInt(_) => prop_assert!(parse_bigint(&text).is_some()),
            Class::Double => prop_assert!(parse_double(&text).is_some()),
            Class::Date => prop_assert!(parse_date(&text).is_some()),
            Class::Timestamp | Class::TimestampTz => prop_assert!(parse_timestamp(&text).is_some()),
            Class::Text => {}
        }
    }
}
