//! The scan against serde_json, on texts that are nearly JSON.

use proptest::prelude::*;
use serde::Deserialize as _;
use serde_json::{de::Deserializer, value::RawValue};

use super::*;
use crate::json_object::Object;

/// What serde_json makes of a text: the members of an object, or the whole of what is none.
fn by_serde(text: &str) -> Option<Vec<(String, String)>> {
    let whole: &RawValue = serde_json::from_str(text).ok()?;
    if !whole.get().starts_with('{') {
        return Some(vec![(String::new(), whole.get().to_owned())]);
    }
    let Ok(Object(members)) = serde_json::from_str(whole.get()) else { return None };
    Some(members.into_iter().map(|(key, raw)| (key.into_owned(), raw.get().to_owned())).collect())
}

/// The same by the scan; the last of equal keys stands where the first did. `None` as well where a key has half a surrogate.
fn by_scan(text: &str) -> Option<Vec<(String, String)>> {
    let mut scan = Scan::default();
    if let Shape::Other(place) = scan.take(text)? {
        return Some(vec![(String::new(), text[place].to_owned())]);
    }
    let mut members: Vec<(String, String)> = Vec::new();
    for member in &scan.members {
        let mut key = String::new();
        if !unescape(&text[member.key.clone()], &mut key) {
            return None;
        }
        let value = text[member.value.clone()].to_owned();
        match members.iter_mut().find(|(known, _)| *known == key) {
            Some(known) => known.1 = value,
            None => members.push((key, value)),
        }
    }
    Some(members)
}

fn json() -> impl Strategy<Value = String> {
    let blank = prop::sample::select(vec!["", " ", "\n", "\t\r "]);
    let number =
        prop::sample::select(vec!["0", "-0", "1.50", "-12e+7", "1E400", "0.0e-0", "12345678901234567890"]);
    let string = prop_oneof![
        "[a-zäß€𝄞 ]{0,20}".prop_map(|text| format!("\"{text}\"")),
        prop::collection::vec(
            prop::sample::select(vec![
                "\\n",
                "\\\"",
                "\\\\",
                "\\/",
                "\\u00e4",
                "\\ud834\\udd1e",
                "\\ud834",
                "\\uDD1E",
                "\\u0000",
                "x",
                "é",
                "1234567",
                "\\b\\f\\r\\t",
            ]),
            0..6
        )
        .prop_map(|parts| format!("\"{}\"", parts.concat())),
    ];
    let word = prop::sample::select(vec!["true", "false", "null"]);
    let leaf = prop_oneof![number.prop_map(str::to_owned), string.clone(), word.prop_map(str::to_owned)];
    leaf.prop_recursive(5, 60, 6, move |inner| {
        let members = prop::collection::vec((string.clone(), blank.clone(), inner.clone()), 0..6);
        prop_oneof![
            (prop::collection::vec(inner, 0..6), blank.clone())
                .prop_map(|(items, blank)| format!("[{blank}{}{blank}]", items.join(&format!("{blank},")))),
            (members, blank.clone()).prop_map(|(members, blank)| {
                let members: Vec<String> = members
                    .iter()
                    .map(|(key, blank, value)| format!("{key}{blank}:{blank}{value}"))
                    .collect();
                format!("{blank}{{{blank}{}}}", members.join(&format!(",{blank}")))
            }),
        ]
    })
}

/// A text with one character taken out, put in or changed, somewhere.
fn nearly(text: String) -> impl Strategy<Value = String> {
    let characters = "{}[]:,\"\\ \n\u{1}\u{b}\u{a0}019.-+eEtfnu/äx".chars().collect::<Vec<_>>();
    (0..=text.chars().count(), 0..3, prop::sample::select(characters)).prop_map(move |(at, how, new)| {
        let mut characters: Vec<char> = text.chars().collect();
        match how {
            0 if at < characters.len() => drop(characters.remove(at)),
            1 if at < characters.len() => characters[at] = new,
            _ => characters.insert(at, new),
        }
        characters.into_iter().collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn json_is_taken_apart_as_serde_json_does(text in json()) {
        prop_assert_eq!(by_scan(&text), by_serde(&text), "{}", text);
    }

    #[test]
    fn what_is_nearly_json_is_judged_as_serde_json_does(text in json().prop_flat_map(nearly)) {
        prop_assert_eq!(by_scan(&text), by_serde(&text), "{}", text);
    }

    #[test]
    fn a_text_is_unescaped_as_serde_json_does(
        parts in prop::collection::vec(
            prop::sample::select(vec!["\\n", "\\\"", "\\ud83d", "\\ude00", "\\u0041", "\\u00E4", "a", "€", "\\\\", "\\/"]),
            0..8,
        )
    ) {
        let quoted = format!("\"{}\"", parts.concat());
        let expected = String::deserialize(&mut Deserializer::from_str(&quoted)).ok();
        let mut text = String::new();
        let is_text = unescape(&quoted[1..quoted.len() - 1], &mut text);
        prop_assert_eq!(is_text.then_some(text), expected);
    }
}

#[test]
fn a_byte_of_any_value_in_a_string_is_judged_as_serde_json_does() {
    for length in 0..20 {
        for at in 0..=length {
            for byte in 0..=0x7f_u8 {
                let filling = "x".repeat(length);
                let text = format!("{{\"k\":\"{}{}{}\"}}", &filling[..at], char::from(byte), &filling[at..]);
                assert_eq!(by_scan(&text), by_serde(&text), "{text:?}");
            }
        }
    }
}

#[test]
fn no_nesting_is_too_deep() {
    let depth = 1_000_000;
    let text = format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
    assert!(Scan::default().take(&text).is_some());
    assert!(Scan::default().take(&text[..text.len() - 2]).is_none());
    assert!(Scan::default().take(&"{\"a\":".repeat(depth)).is_none());
}

#[test]
fn half_a_character_is_no_text() {
    for lone in [r#""\ud800""#, r#"{"a":"x\uDFFF"}"#, r#"["\ud83d\\ude00"]"#, r#""\ud800\ud800""#] {
        assert!(has_lone_surrogate(lone), "{lone}");
    }
    for whole in [r#""\ud83d\ude00""#, r#""\\ud800""#, r#""\u00e9""#, r#""\uD83D\uDE00\u0041""#, "5"] {
        assert!(!has_lone_surrogate(whole), "{whole}");
    }
}
