//! One JSON value as a record: its top-level keys are columns.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::json_pointer;

/// A value of a record's column.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value<'a> {
    Null,
    Boolean(&'a str),
    /// A number's exact text.
    Number(&'a str),
    /// A string's text and its exact JSON.
    Text(Cow<'a, str>, &'a str),
    /// A nested value's exact JSON.
    Json(&'a str),
}

impl<'a> Value<'a> {
    fn of(raw: &'a RawValue) -> Self {
        let json = raw.get();
        match json.as_bytes().first() {
            Some(b'n') => Self::Null,
            Some(b't' | b'f') => Self::Boolean(json),
            Some(b'"') => match serde_json::from_str::<Text<'a>>(json) {
                Ok(Text(text)) => Self::Text(text, json),
                Err(_) => Self::Json(json),
            },
            Some(b'{' | b'[') => Self::Json(json),
            _ => Self::Number(json),
        }
    }
}

/// Takes a record apart, in the order of its keys. The last of equal keys wins; `paths` are (column, JSON pointer) and win over keys.
/// What is no object is one column `value`.
///
/// # Errors
/// If the text is not JSON.
pub(crate) fn decode<'a>(
    text: &'a str,
    paths: &[(String, String)],
) -> Result<Vec<(Cow<'a, str>, Value<'a>)>, serde_json::Error> {
    let whole: &'a RawValue = serde_json::from_str(text)?;
    let mut fields = if whole.get().starts_with('{') {
        let Object(fields) = serde_json::from_str(whole.get())?;
        fields.into_iter().map(|(key, raw)| (key, Value::of(raw))).collect()
    } else {
        vec![(Cow::Borrowed("value"), Value::Json(whole.get()))]
    };
    for (column, pointer) in paths {
        let value = json_pointer::find(whole, pointer).map_or(Value::Null, Value::of);
        match fields.iter_mut().find(|(key, _)| key == column) {
            Some(field) => field.1 = value,
            None => fields.push((Cow::Owned(column.clone()), value)),
        }
    }
    Ok(fields)
}

/// True if a string of the JSON escapes half a character (`\ud800` without its other half), which no text can hold.
pub(crate) fn has_lone_surrogate(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut from = 0;
    while let Some(found) = memchr::memmem::find(&bytes[from..], b"\\u") {
        let at = from + found;
        from = at + 2;
        let slashes = bytes[..at].iter().rev().take_while(|byte| **byte == b'\\').count();
        if slashes % 2 == 1 {
            continue;
        }
        match surrogate(bytes, at) {
            Some(Half::High) if surrogate(bytes, at + 6) == Some(Half::Low) => from = at + 12,
            Some(_) => return true,
            None => {}
        }
    }
    false
}

#[derive(PartialEq)]
enum Half {
    High,
    Low,
}

// Which half of a character the escape at a place is.
fn surrogate(bytes: &[u8], at: usize) -> Option<Half> {
    match bytes.get(at..at + 4)? {
        [b'\\', b'u', b'd' | b'D', b'8' | b'9' | b'a' | b'b' | b'A' | b'B'] => Some(Half::High),
        [b'\\', b'u', b'd' | b'D', b'c'..=b'f' | b'C'..=b'F'] => Some(Half::Low),
        _ => None,
    }
}

/// The members of an object, in order; the last of equal keys wins.
pub(crate) struct Object<'a>(pub(crate) Vec<(Cow<'a, str>, &'a RawValue)>);

#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// serde's own `Cow<str>` as a map key would always be owned.
struct Key<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Key<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct KeyVisitor;
        impl<'de> Visitor<'de> for KeyVisitor {
            type Value = Cow<'de, str>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Cow::Borrowed(text))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Cow::Owned(text.to_owned()))
            }
        }
        from.deserialize_str(KeyVisitor).map(Key)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct ObjectVisitor;
        impl<'de> Visitor<'de> for ObjectVisitor {
            type Value = Object<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields: Vec<(Cow<'de, str>, &'de RawValue)> = Vec::new();
                let mut places = std::collections::HashMap::new();
                while let Some(Key(key)) = map.next_key::<Key<'de>>()? {
                    let raw = map.next_value()?;
                    match places.get(&key) {
                        Some(at) => fields[*at] = (key, raw),
                        None => {
                            places.insert(key.clone(), fields.len());
                            fields.push((key, raw));
                        }
                    }
                }
                Ok(Object(fields))
            }
        }
        from.deserialize_map(ObjectVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(text: &str) -> Vec<(String, String)> {
        let fields = decode(text, &[]).expect("json");
        fields.into_iter().map(|(key, value)| (key.into_owned(), format!("{value:?}"))).collect()
    }

    #[test]
    fn numbers_and_nested_values_keep_their_exact_text() {
        let text =
            r#" {"a": 1.50, "b": 12345678901234567890123, "c": {"z":1,  "a":2}, "d": null, "e": false} "#;
        assert_eq!(
            decode(text, &[]).expect("json"),
            [
                ("a".into(), Value::Number("1.50")),
                ("b".into(), Value::Number("12345678901234567890123")),
                ("c".into(), Value::Json(r#"{"z":1,  "a":2}"#)),
                ("d".into(), Value::Null),
                ("e".into(), Value::Boolean("false")),
            ]
        );
    }

    #[test]
    fn strings_and_keys_are_unescaped() {
        assert_eq!(
            decode(r#"{"\u00e4": "a\n\"b\""}"#, &[]).expect("json"),
            [("ä".into(), Value::Text("a\n\"b\"".into(), r#""a\n\"b\"""#))]
        );
    }

    #[test]
    fn the_last_of_equal_keys_wins() {
        assert_eq!(decoded(r#"{"a":1,"b":2,"a":3}"#), decoded(r#"{"a":3,"b":2}"#));
    }

    #[test]
    fn what_is_no_object_is_one_json_column() {
        for text in ["[1,2]", "5", "\"x\"", "null", "true"] {
            assert_eq!(decode(text, &[]).expect("json"), [("value".into(), Value::Json(text))]);
        }
    }

    #[test]
    fn what_is_not_json_is_refused() {
        for text in ["", "{", "{\"a\":}", "{} {}", "nul", "{\"a\":1,}", "NaN", "01"] {
            assert!(decode(text, &[]).is_err(), "{text}");
        }
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

    #[test]
    fn paths_become_columns() {
        let paths = [("city".to_owned(), "/address/city".to_owned()), ("none".to_owned(), "/x/y".to_owned())];
        let fields = decode(r#"{"address":{"city":"Bonn"}}"#, &paths).expect("json");
        assert_eq!(fields[1], ("city".into(), Value::Text("Bonn".into(), "\"Bonn\"")));
        assert_eq!(fields[2], ("none".into(), Value::Null));
    }
}
