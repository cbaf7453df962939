use rfe_model::{SourceSpec, source::Mode};
use serde_json::{Value as Json, json};

use super::*;
use crate::rest::incremental::IncrementalConfig;

fn rule(config: Json, mode: Mode) -> Rule {
    let config: IncrementalConfig = serde_json::from_value(config).expect("config");
    config.rule(&SourceSpec { mode, ..SourceSpec::sample("things", "rest") }).expect("rule")
}

fn by(field: &str) -> Rule {
    rule(json!({"field": field, "param": "since"}), Mode::Incremental)
}

fn lagging(lag: Json) -> Rule {
    rule(json!({"field": "at", "param": "since", "lag": lag}), Mode::Incremental)
}

/// Reads records after what was kept; gives those that are new, and what is kept now.
fn read(
    rule: &Rule,
    kept: Option<&str>,
    records: &[&str],
) -> Result<(Vec<String>, Option<String>), ReadError> {
    let before = kept.map_or(Ok(None), |kept| Before::read(rule, kept))?;
    let mut state = State::new(rule.clone(), before);
    let mut new = Vec::new();
    for record in records {
        if state.judge(record)? == Verdict::New {
            new.push((*record).to_owned());
        }
    }
    Ok((new, state.kept()?))
}

fn cursor(kept: &Option<String>) -> String {
    let kept: Kept = serde_json::from_str(kept.as_deref().expect("kept")).expect("json");
    kept.value
}

#[test]
fn the_greatest_value_is_kept_in_its_own_order() {
    for (records, greatest) in [
        (vec![r#"{"at": 9}"#, r#"{"at": 10}"#, r#"{"at": 2}"#], "10"),
        (vec![r#"{"at": "9"}"#, r#"{"at": "10"}"#], "10"),
        (
            vec![r#"{"at": "2026-01-01T01:00:00+02:00"}"#, r#"{"at": "2026-01-01T00:00:00Z"}"#],
            "2026-01-01T00:00:00Z",
        ),
        (vec![r#"{"at": "b"}"#, r#"{"at": "a"}"#], "b"),
    ] {
        let (new, kept) = read(&by("at"), None, &records).expect("read");
        assert_eq!((new.len(), cursor(&kept)), (records.len(), greatest.to_owned()));
    }
    let nested = read(&by("/meta/at"), None, &[r#"{"meta": {"at": 5}}"#]).expect("read");
    assert_eq!(cursor(&nested.1), "5");
}

#[test]
fn records_at_the_boundary_come_again_and_land_once() {
    let (a, b, c, d) =
        (r#"{"id":1,"at":5}"#, r#"{"id":2,"at":5}"#, r#"{"id":3,"at":5}"#, r#"{"id":4,"at":6}"#);
    let (_, kept) = read(&by("at"), None, &[r#"{"id":0,"at":4}"#, a, b]).expect("first");
    let (new, kept) = read(&by("at"), kept.as_deref(), &[a, b, c]).expect("second");
    assert_eq!(new, [c], "what came late with the same value is new");
    let (new, kept) = read(&by("at"), kept.as_deref(), &[b, c, d]).expect("third");
    assert_eq!((new, cursor(&kept)), (vec![d.to_owned()], "6".to_owned()));
    let (new, kept) = read(&by("at"), kept.as_deref(), &[d]).expect("fourth");
    assert_eq!((new, kept), (vec![], None), "nothing new: the cursor stays");
}

#[test]
fn equal_records_are_counted() {
    let a = r#"{"at":5}"#;
    let (_, kept) = read(&by("at"), None, &[a, a]).expect("first");
    let (new, kept) = read(&by("at"), kept.as_deref(), &[a, a, a]).expect("second");
    assert_eq!(new, [a]);
    assert!(read(&by("at"), kept.as_deref(), &[a, a, a]).expect("third").0.is_empty());
}

#[test]
fn what_is_older_than_was_asked_for_was_read_before() {
    let (_, kept) = read(&by("at"), None, &[r#"{"at":5}"#]).expect("first");
    let (new, _) = read(&by("at"), kept.as_deref(), &[r#"{"at":1}"#, r#"{"at":7}"#]).expect("second");
    assert_eq!(new, [r#"{"at":7}"#]);
}

#[test]
fn with_a_lag_what_came_late_lands_and_what_was_read_does_not() {
    let at = |minute: u32, id: u32| format!(r#"{{"id":{id},"at":"2026-01-01T10:{minute:02}:00Z"}}"#);
    let rule = lagging(json!("5m"));
    let first = [at(0, 1), at(6, 2), at(10, 3)];
    let (_, kept) = read(&rule, None, &first.each_ref().map(String::as_str)).expect("first");
    let second = [at(6, 2), at(7, 4), at(10, 3), at(12, 5)];
    let (new, kept) = read(&rule, kept.as_deref(), &second.each_ref().map(String::as_str)).expect("second");
    assert_eq!(new, [at(7, 4), at(12, 5)]);
    let third = [at(7, 4), at(10, 3), at(12, 5), at(8, 6)];
    let (new, kept) = read(&rule, kept.as_deref(), &third.each_ref().map(String::as_str)).expect("third");
    assert_eq!(new, [at(8, 6)], "late, and behind the cursor");
    let fourth = [at(8, 6), at(12, 5)];
    assert!(
        read(&rule, kept.as_deref(), &fourth.each_ref().map(String::as_str)).expect("fourth").0.is_empty()
    );
}

#[test]
fn a_lag_has_the_unit_of_its_field() {
    assert!(read(&lagging(json!(10)), None, &[r#"{"at":100}"#]).is_ok());
    for (lag, record) in
        [(json!("5m"), r#"{"at":100}"#), (json!(10), r#"{"at":"2026-01-01"}"#), (json!(10), r#"{"at":"x"}"#)]
    {
        let error = read(&lagging(lag), None, &[record]).expect_err("no such lag");
        assert!(error.is_permanent() && error.code == "BAD_CURSOR", "{error}");
    }
}

#[test]
fn values_of_different_kinds_have_no_order() {
    let error = read(&by("at"), None, &[r#"{"at":5}"#, r#"{"at":"2026-01-01"}"#]).expect_err("mixed");
    assert!(error.message.contains("`at`") && error.message.contains("2026-01-01"), "{error}");
    let (_, kept) = read(&by("at"), None, &[r#"{"at":"2026-01-01"}"#]).expect("first");
    assert!(read(&by("at"), kept.as_deref(), &[r#"{"at":5}"#]).is_err(), "also between runs");
}

#[test]
fn a_record_without_a_value_can_not_be_judged_unless_rows_are_merged() {
    for record in [r#"{"id":1}"#, r#"{"at":null}"#, r#"{"at":true}"#, r#"{"at":[1]}"#, "5"] {
        let mut state = State::new(by("at"), None);
        assert!(matches!(state.judge(record), Ok(Verdict::Flawed(_))), "{record}");
    }
    let merging = rule(json!({"field": "at", "param": "since"}), Mode::Merge);
    assert_eq!(State::new(merging.clone(), None).judge(r#"{"id":1}"#).expect("judged"), Verdict::New);
    let (_, kept) = read(&merging, None, &[r#"{"at":5}"#]).expect("first");
    let (new, kept) = read(&merging, kept.as_deref(), &[r#"{"at":5}"#, r#"{"at":1}"#]).expect("second");
    assert_eq!((new.len(), kept), (2, None), "what comes again does no harm");
}

#[test]
fn another_field_has_another_cursor() {
    let (_, kept) = read(&by("at"), None, &[r#"{"at":5,"id":1}"#]).expect("first");
    let error = read(&by("id"), kept.as_deref(), &[]).expect_err("another field");
    assert!(error.message.contains("`at`") && error.message.contains("`id`"), "{error}");
    let (new, _) = read(&by("at"), Some("7"), &[r#"{"at":5}"#, r#"{"at":8}"#]).expect("by hand");
    assert_eq!(new, [r#"{"at":8}"#]);
}

#[test]
fn a_text_that_looks_like_a_number_in_json_stays_text() {
    let (_, kept) = read(&by("at"), None, &[r#"{"at":"1e5"}"#]).expect("first");
    assert_eq!(read(&by("at"), kept.as_deref(), &[r#"{"at":"1f5"}"#]).expect("second").0.len(), 1);
}

#[test]
fn an_overlap_that_is_too_large_is_an_error_and_never_rows_twice() {
    let records: Vec<String> = (0..=MOST).map(|id| format!(r#"{{"id":{id},"at":5}}"#)).collect();
    let records: Vec<&str> = records.iter().map(String::as_str).collect();
    let error = read(&by("at"), None, &records).expect_err("too many");
    assert!(error.message.contains("mode merge"), "{error}");
    assert!(read(&by("at"), None, &records[1..]).is_ok(), "as many as are remembered");
    let beyond: Vec<&str> = records.iter().copied().chain([r#"{"id":0,"at":6}"#]).collect();
    assert!(read(&by("at"), None, &beyond).is_ok(), "only the overlap of the greatest value counts");
}
