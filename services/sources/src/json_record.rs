//! One JSON value as a record: its top-level keys are columns.

use std::{collections::HashMap, ops::Range};

use serde_json::value::RawValue;

use crate::{
    error::code,
    flaw::Flaw,
    json_object::Object,
    json_pointer,
    json_scan::{Kind, Scan, Shape, has_lone_surrogate, unescape},
};

/// A record with a key more than this is bad: a map was taken for an object.
const MAX_COLUMNS: usize = 2000;

/// A field of a record.
#[derive(Debug, Clone)]
pub(crate) struct Field {
    /// Its key's place among all keys so far.
    pub(crate) place: usize,
    /// Where its exact JSON stands in the record.
    pub(crate) value: Range<usize>,
    kind: Kind,
}

/// What a field's value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content<'a> {
    Null,
    Boolean(&'a str),
    /// A number's exact text.
    Number(&'a str),
    /// A string's text.
    Text(&'a str),
    /// A nested value's exact JSON.
    Json(&'a str),
}

impl Field {
    /// True if it has no value.
    pub(crate) fn is_null(&self) -> bool {
        self.kind == Kind::Null
    }

    /// What its value is. `scratch` holds a text that had escapes.
    pub(crate) fn content<'a>(&self, record: &'a str, scratch: &'a mut String) -> Content<'a> {
        let json = &record[self.value.clone()];
        match self.kind {
            Kind::Null => Content::Null,
            Kind::Boolean => Content::Boolean(json),
            Kind::Number => Content::Number(json),
            Kind::Nested => Content::Json(json),
            Kind::Text => Content::Text(&json[1..json.len() - 1]),
            Kind::Escaped => {
                scratch.clear();
                if unescape(&json[1..json.len() - 1], scratch) {
                    Content::Text(scratch)
                } else {
                    Content::Json(json)
                }
            }
        }
    }
}

/// The record at hand, and the keys that records have had so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct Record {
    scan: Scan,
    keys: Keys,
}

impl Record {
    /// Takes a record apart. `paths` are (column, JSON pointer) and win over keys; what is no object is one column `value`. New
    /// keys that `refuses` names are left out if they have no value.
    ///
    /// # Errors
    /// If the text is not JSON, escapes half a character, or has too many keys.
    pub(crate) fn take(
        &mut self,
        text: &str,
        paths: &[(String, String)],
        refuses: &dyn Fn(&str) -> bool,
    ) -> Result<(), Flaw> {
        let Self { scan, keys } = self;
        keys.begin();
        match scan.take(text).ok_or_else(|| not_json(text))? {
            Shape::Object => {
                let mut unescaped = String::new();
                for (turn, member) in scan.members.iter().enumerate() {
                    let mut key = &text[member.key.clone()];
                    if member.is_escaped {
                        unescaped.clear();
                        if !unescape(key, &mut unescaped) {
                            return Err(not_json(text));
                        }
                        key = &unescaped;
                    }
                    keys.add(turn, key, (member.value.clone(), member.kind), refuses);
                }
            }
            Shape::Other(place) => keys.add(0, "value", (place, Kind::Nested), refuses),
        }
        if has_lone_surrogate(text) {
            return Err(half_a_character());
        }
        if !paths.is_empty() {
            keys.follow(text, paths, refuses)?;
        }
        if keys.is_full { Err(too_many()) } else { Ok(()) }
    }

    /// The fields of the record at hand, in the order of its keys; the last of equal keys wins.
    pub(crate) fn fields(&self) -> &[Field] {
        &self.keys.fields
    }

    /// All keys so far, those that the record at hand brings at the end.
    pub(crate) fn keys(&self) -> &[String] {
        &self.keys.all
    }

    /// True if the record at hand brings keys.
    pub(crate) fn has_new(&self) -> bool {
        self.keys.all.len() > self.keys.known
    }

    /// The keys of the record at hand are known from now on; without this they are forgotten with it.
    pub(crate) fn keep(&mut self) {
        self.keys.known = self.keys.all.len();
    }
}

#[derive(Debug, Clone, Default)]
struct Keys {
    all: Vec<String>,
    places: HashMap<String, usize>,
    /// So many are known from records before.
    known: usize,
    is_full: bool,
    /// Records so far.
    record: u64,
    fields: Vec<Field>,
    /// By place: the last record that had the key, and which of its fields that is.
    seen: Vec<(u64, usize)>,
    /// The places in the order of the record before: most records have the same keys in the same order.
    order: Vec<usize>,
}

impl Keys {
    fn begin(&mut self) {
        for key in self.all.drain(self.known..) {
            self.places.remove(&key);
        }
        self.is_full = false;
        self.record += 1;
        self.fields.clear();
    }

    fn add(
        &mut self,
        turn: usize,
        key: &str,
        (value, kind): (Range<usize>, Kind),
        refuses: &dyn Fn(&str) -> bool,
    ) {
        let found = match self.find(turn, key) {
            None if kind == Kind::Null && refuses(key) => return,
            None => self.grow(key),
            known => known,
        };
        let Some(place) = found else { return };
        match self.order.get_mut(turn) {
            Some(guess) => *guess = place,
            None => self.order.push(place),
        }
        let (record, at) = self.seen[place];
        if record == self.record {
            self.fields[at] = Field { place, value, kind };
        } else {
            self.seen[place] = (self.record, self.fields.len());
            self.fields.push(Field { place, value, kind });
        }
    }

    fn find(&self, turn: usize, key: &str) -> Option<usize> {
        let guess = self.order.get(turn).copied();
        let is_right = |place: &usize| self.all.get(*place).is_some_and(|known| known == key);
        guess.filter(is_right).or_else(|| self.places.get(key).copied())
    }

    fn grow(&mut self, key: &str) -> Option<usize> {
        let place = self.all.len();
        self.is_full |= place >= MAX_COLUMNS;
        if self.is_full {
            return None;
        }
        self.places.insert(key.to_owned(), place);
        self.all.push(key.to_owned());
        if self.seen.len() <= place {
            self.seen.push((0, 0));
        }
        Some(place)
    }

    fn follow(
        &mut self,
        text: &str,
        paths: &[(String, String)],
        refuses: &dyn Fn(&str) -> bool,
    ) -> Result<(), Flaw> {
        let whole: &RawValue = serde_json::from_str(text).map_err(|error| refused(&error.to_string()))?;
        for (turn, (column, pointer)) in (self.fields.len()..).zip(paths) {
            let found = match json_pointer::find(whole, pointer) {
                Some(found) => (place_in(text, found), kind(found.get())),
                None => (0..0, Kind::Null),
            };
            self.add(turn, column, found, refuses);
        }
        Ok(())
    }
}

fn place_in(text: &str, raw: &RawValue) -> Range<usize> {
    let start = raw.get().as_ptr() as usize - text.as_ptr() as usize;
    start..start + raw.get().len()
}

fn kind(json: &str) -> Kind {
    match json.as_bytes().first() {
        Some(b'n') => Kind::Null,
        Some(b't' | b'f') => Kind::Boolean,
        Some(b'"') if json.contains('\\') => Kind::Escaped,
        Some(b'"') => Kind::Text,
        Some(b'{' | b'[') => Kind::Nested,
        _ => Kind::Number,
    }
}

// serde_json has the words for what is wrong.
fn not_json(text: &str) -> Flaw {
    let whole = serde_json::from_str::<&RawValue>(text).err();
    match whole.or_else(|| serde_json::from_str::<Object<'_>>(text).err()) {
        Some(error) => refused(&error.to_string()),
        None => refused("it can't be taken apart"),
    }
}

fn refused(reason: &str) -> Flaw {
    Flaw::decode(code::NOT_JSON, format!("the record is not JSON: {reason}"))
}

fn half_a_character() -> Flaw {
    let message =
        "the record escapes half a character, such as \\ud800 without its other half; no text holds that";
    Flaw::decode(code::BAD_ENCODING, message)
}

fn too_many() -> Flaw {
    let message = format!(
        "the record brings the dataset to more than {MAX_COLUMNS} columns; is a map taken for an object?"
    );
    Flaw::decode(code::TOO_MANY_COLUMNS, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(text: &str, paths: &[(String, String)]) -> Option<Vec<(String, String)>> {
        let mut record = Record::default();
        record.take(text, paths, &|_| false).ok()?;
        let mut scratch = String::new();
        let shown = |field: &Field| {
            (record.keys()[field.place].clone(), format!("{:?}", field.content(text, &mut scratch)))
        };
        Some(record.fields().iter().map(shown).collect())
    }

    fn fields(expected: &[(&str, Content<'_>)]) -> Option<Vec<(String, String)>> {
        Some(expected.iter().map(|(key, content)| ((*key).to_owned(), format!("{content:?}"))).collect())
    }

    #[test]
    fn numbers_and_nested_values_keep_their_exact_text() {
        let text =
            r#" {"a": 1.50, "b": 12345678901234567890123, "c": {"z":1,  "a":2}, "d": null, "e": false} "#;
        let expected = [
            ("a", Content::Number("1.50")),
            ("b", Content::Number("12345678901234567890123")),
            ("c", Content::Json(r#"{"z":1,  "a":2}"#)),
            ("d", Content::Null),
            ("e", Content::Boolean("false")),
        ];
        assert_eq!(decode(text, &[]), fields(&expected));
    }

    #[test]
    fn strings_and_keys_are_unescaped() {
        assert_eq!(decode(r#"{"\u00e4": "a\n\"b\""}"#, &[]), fields(&[("ä", Content::Text("a\n\"b\""))]));
        assert_eq!(decode(r#"{"\ud834": 1}"#, &[]), None);
    }

    #[test]
    fn the_last_of_equal_keys_wins_in_the_place_of_the_first() {
        let expected = fields(&[("a", Content::Number("3")), ("b", Content::Number("2"))]);
        assert_eq!(decode(r#"{"a":1,"b":2,"a":3}"#, &[]), expected);
        assert_eq!(decode(r#"{"a":1,"b":2,"\u0061":3}"#, &[]), expected);
    }

    #[test]
    fn keys_in_any_order_find_their_places() {
        let mut record = Record::default();
        for text in [r#"{"a":1,"b":2}"#, r#"{"b":3,"a":4,"c":5}"#, r#"{"c":6}"#, r#"{"a":7,"a":8}"#] {
            record.take(text, &[], &|_| false).expect("json");
            record.keep();
        }
        assert_eq!(record.keys(), ["a", "b", "c"]);
        assert_eq!(record.fields().iter().map(|field| field.place).collect::<Vec<_>>(), [0]);
    }

    #[test]
    fn keys_of_a_record_that_is_not_kept_are_forgotten() {
        let mut record = Record::default();
        record.take(r#"{"a":1,"b":2}"#, &[], &|_| false).expect("json");
        record.take(r#"{"b":1}"#, &[], &|_| false).expect("json");
        assert_eq!((record.keys(), record.fields()[0].place), (&["b".to_owned()][..], 0));
    }

    #[test]
    fn a_refused_key_without_value_is_left_out() {
        let mut record = Record::default();
        let text = r#"{"a":null,"b":null,"c":1}"#;
        record.take(text, &[], &|key| key != "a").expect("json");
        assert_eq!(record.keys(), ["a", "c"]);
        record.keep();
        record.take(r#"{"c":null}"#, &[], &|_| true).expect("json");
        assert_eq!(record.fields().len(), 1, "a key that is known stays");
    }

    #[test]
    fn what_is_no_object_is_one_json_column() {
        for text in ["[1,2]", "5", "\"x\"", "null", "true"] {
            assert_eq!(decode(text, &[]), fields(&[("value", Content::Json(text))]));
        }
    }

    #[test]
    fn what_is_not_json_is_refused_in_words() {
        for text in
            ["", "{", "{\"a\":}", "{} {}", "nul", "{\"a\":1,}", "NaN", "01", "{\"a\":1}x", "{\"\\ud834\":1}"]
        {
            let flaw = Record::default().take(text, &[], &|_| false).expect_err(text);
            assert_eq!(flaw.code, code::NOT_JSON);
            assert!(flaw.message.starts_with("the record is not JSON: "), "{}", flaw.message);
        }
        let flaw = Record::default().take(r#"{"a":1"#, &[], &|_| false).expect_err("cut");
        assert!(flaw.message.ends_with("EOF while parsing an object at line 1 column 6"), "{}", flaw.message);
    }

    #[test]
    fn paths_become_columns() {
        let paths = [
            ("city".to_owned(), "/address/city".to_owned()),
            ("none".to_owned(), "/x/y".to_owned()),
            ("id".to_owned(), "/address/id".to_owned()),
        ];
        let text = r#"{"id":1,"address":{"city":"Bonn","id":2}}"#;
        let expected = [
            ("id", Content::Number("2")),
            ("address", Content::Json(r#"{"city":"Bonn","id":2}"#)),
            ("city", Content::Text("Bonn")),
            ("none", Content::Null),
        ];
        assert_eq!(decode(text, &paths), fields(&expected));
    }
}
