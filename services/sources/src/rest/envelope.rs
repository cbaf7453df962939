//! What a page is made of, found in one pass over its text: the places of its records, and what tells of the next page.

use std::{fmt, ops::Range};

use serde::de::{Deserialize as _, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::{json_document, json_pointer};

/// Where to look.
#[derive(Debug, Clone, Default)]
pub(super) struct Pointers {
    records: Option<String>,
    paths: Vec<(Target, Vec<String>)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Target {
    Records,
    Cursor,
    More,
}

/// The place of a record in a page's bytes; no page has more than 4 GiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    start: u32,
    end: u32,
}

impl Span {
    pub(super) fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    pub(super) fn len(self) -> usize {
        (self.end - self.start) as usize
    }
}

/// What a page has.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Envelope {
    pub(super) records: Vec<Span>,
    /// The exact JSON at `cursor`.
    pub(super) cursor: Option<String>,
    /// The exact JSON at `more`.
    pub(super) more: Option<String>,
}

/// Why a page can't be read.
#[derive(Debug)]
pub(super) enum Unreadable {
    NotJson(String),
    NoRecords(String),
}

impl Pointers {
    /// Pointers as the config has them, checked.
    pub(super) fn new(records: Option<&str>, cursor: Option<&str>, more: Option<&str>) -> Self {
        let path = |target: Target, pointer: &str| {
            (target, pointer.split('/').skip(1).map(json_pointer::unescape).collect())
        };
        let paths = [
            Some(path(Target::Records, records.unwrap_or_default())),
            cursor.map(|pointer| path(Target::Cursor, pointer)),
            more.map(|pointer| path(Target::More, pointer)),
        ];
        Self { records: records.map(str::to_owned), paths: paths.into_iter().flatten().collect() }
    }

    /// Looks at a page.
    pub(super) fn find(&self, body: &[u8]) -> Result<Envelope, Unreadable> {
        let not_json = |reason: &dyn fmt::Display| Unreadable::NotJson(reason.to_string());
        let text = std::str::from_utf8(body).map_err(|error| not_json(&error))?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut found =
            Found { pointers: self, base: body.as_ptr() as usize, records: None, cursor: None, more: None };
        let mut json = serde_json::Deserializer::from_str(text);
        let targets = self.paths.iter().map(|(target, path)| (*target, path.as_slice())).collect();
        let sought = Sought { targets, found: &mut found };
        sought.deserialize(&mut json).and_then(|()| json.end()).map_err(|error| not_json(&error))?;
        let (records, cursor, more) = (found.records.take(), found.cursor, found.more);
        let records = match records {
            Some(records) => records,
            None => self.find_slowly(text, &found)?,
        };
        let owned = |raw: Option<&RawValue>| raw.map(|raw| raw.get().to_owned());
        Ok(Envelope { records, cursor: owned(cursor), more: owned(more) })
    }

    // One object where a list is usual, or an answer with a reason.
    fn find_slowly(&self, text: &str, found: &Found<'_, '_>) -> Result<Vec<Span>, Unreadable> {
        let whole: &RawValue =
            serde_json::from_str(text).map_err(|error| Unreadable::NotJson(error.to_string()))?;
        let records = json_document::find(whole, self.records.as_deref()).map_err(Unreadable::NoRecords)?;
        Ok(records.into_iter().map(|record| found.span(record)).collect())
    }
}

struct Found<'p, 'de> {
    pointers: &'p Pointers,
    base: usize,
    records: Option<Vec<Span>>,
    cursor: Option<&'de RawValue>,
    more: Option<&'de RawValue>,
}

impl<'de> Found<'_, 'de> {
    fn span(&self, raw: &RawValue) -> Span {
        let start = raw.get().as_ptr() as usize - self.base;
        Span { start: start as u32, end: (start + raw.get().len()) as u32 }
    }

    // The last of equal keys wins.
    fn forget(&mut self, target: Target) {
        match target {
            Target::Records => self.records = None,
            Target::Cursor => self.cursor = None,
            Target::More => self.more = None,
        }
    }

    fn set(&mut self, target: Target, raw: Option<&'de RawValue>) {
        match target {
            Target::Records => {
                let items = raw.and_then(|raw| serde_json::from_str::<Vec<&RawValue>>(raw.get()).ok());
                self.records = items.map(|items| items.into_iter().map(|item| self.span(item)).collect());
            }
            Target::Cursor => self.cursor = raw,
            Target::More => self.more = raw,
        }
    }
}

/// A value, with what is sought in it and by which further steps.
struct Sought<'p, 'f, 'de> {
    targets: Vec<(Target, &'p [String])>,
    found: &'f mut Found<'p, 'de>,
}

impl<'p, 'de> Sought<'p, '_, 'de> {
    fn step<'k>(&'k mut self, key: &str) -> Sought<'p, 'k, 'de> {
        let ahead = self.targets.iter().filter(|(_, path)| path.first().is_some_and(|step| step == key));
        let targets: Vec<_> = ahead.map(|(target, path)| (*target, &path[1..])).collect();
        for (target, _) in &targets {
            self.found.forget(*target);
        }
        Sought { targets, found: &mut *self.found }
    }
}

impl<'de> DeserializeSeed<'de> for Sought<'_, '_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        match self.targets.as_slice() {
            [] => IgnoredAny::deserialize(from).map(drop),
            [(Target::Records, [])] => from.deserialize_any(Items(self.found)),
            targets if targets.iter().all(|(_, path)| !path.is_empty()) => from.deserialize_any(self),
            targets => {
                let raw = <&'de RawValue>::deserialize(from)?;
                for (target, path) in targets {
                    let pointer: String =
                        path.iter().map(|step| format!("/{}", json_pointer::escape(step))).collect();
                    self.found.set(*target, json_pointer::find(raw, &pointer));
                }
                Ok(())
            }
        }
    }
}

/// A scalar has nothing in it.
macro_rules! ignores_scalars {
    () => {
        fn visit_bool<E>(self, _: bool) -> Result<(), E> {
            Ok(())
        }
        fn visit_i64<E>(self, _: i64) -> Result<(), E> {
            Ok(())
        }
        fn visit_u64<E>(self, _: u64) -> Result<(), E> {
            Ok(())
        }
        fn visit_f64<E>(self, _: f64) -> Result<(), E> {
            Ok(())
        }
        fn visit_str<E>(self, _: &str) -> Result<(), E> {
            Ok(())
        }
    };
}

impl<'de> Visitor<'de> for Sought<'_, '_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    ignores_scalars!();

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<std::borrow::Cow<'de, str>>()? {
            map.next_value_seed(self.step(&key))?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<(), A::Error> {
        for place in 0.. {
            if list.next_element_seed(self.step(&place.to_string()))?.is_none() {
                break;
            }
        }
        Ok(())
    }
}

/// The list of records.
struct Items<'f, 'p, 'de>(&'f mut Found<'p, 'de>);

impl<'de> Visitor<'de> for Items<'_, '_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    ignores_scalars!();

    fn visit_unit<E>(self) -> Result<(), E> {
        // NULL at a pointer is an empty list; a body of NULL has none.
        if self.0.pointers.records.is_some() {
            self.0.records = Some(Vec::new());
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let mut records = Vec::new();
        while let Some(record) = list.next_element::<&'de RawValue>()? {
            records.push(self.0.span(record));
        }
        self.0.records = Some(records);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(body: &str, pointers: [Option<&str>; 3]) -> (Vec<String>, Option<String>, Option<String>) {
        let [records, cursor, more] = pointers;
        let found = Pointers::new(records, cursor, more).find(body.as_bytes()).expect("readable");
        let records = found.records.iter().map(|span| body[span.range()].to_owned()).collect();
        (records, found.cursor, found.more)
    }

    fn some(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|&text| text.to_owned()).collect()
    }

    #[test]
    fn records_cursor_and_more_are_found_wherever_they_stand() {
        let body = r#"{"meta": {"next": "c 2", "x": [1, {"more": false}]}, "data": {"items": [ {"a": 1.50} , 5,"x"]}}"#;
        let found = look(body, [Some("/data/items"), Some("/meta/next"), Some("/meta/x/1/more")]);
        assert_eq!(
            found,
            (some(&[r#"{"a": 1.50}"#, "5", "\"x\""]), Some("\"c 2\"".into()), Some("false".into()))
        );
    }

    #[test]
    fn one_pointer_may_lead_into_what_another_points_to() {
        let body = r#"{"data": [{"id": "a"}, {"id": "b"}]}"#;
        let found = look(body, [Some("/data"), Some("/data/1/id"), Some("/data")]);
        assert_eq!(found.0, some(&[r#"{"id": "a"}"#, r#"{"id": "b"}"#]));
        assert_eq!(found.1.as_deref(), Some("\"b\""));
        assert!(found.2.expect("more").starts_with('['));
        assert_eq!(look("[{\"id\":7}]", [None, Some("/0/id"), None]).1.as_deref(), Some("7"));
    }

    #[test]
    fn what_is_not_there_is_not_found() {
        assert_eq!(look("[1]", [None, Some("/next"), Some("/more")]), (some(&["1"]), None, None));
        assert_eq!(
            look("{\"d\":null,\"n\":null}", [Some("/d"), Some("/n"), None]),
            (vec![], Some("null".into()), None)
        );
    }

    #[test]
    fn the_last_of_equal_keys_wins() {
        let body = r#"{"d": [1], "p": {"n": 1}, "d": [2, 3], "p": {}}"#;
        assert_eq!(look(body, [Some("/d"), Some("/p/n"), None]), (some(&["2", "3"]), None, None));
    }

    #[test]
    fn keys_are_unescaped_in_body_and_pointer() {
        assert_eq!(
            look(r#"{"\u0064/x": [1], "n~": 2}"#, [Some("/d~1x"), Some("/n~0"), None]).1.as_deref(),
            Some("2")
        );
        assert_eq!(look(r#"{"\u0064/x": [1]}"#, [Some("/d~1x"), None, None]).0, some(&["1"]));
    }

    #[test]
    fn one_object_is_one_record_and_a_byte_order_mark_is_no_text() {
        assert_eq!(look(r#"{"d": {"a": 1}}"#, [Some("/d"), None, None]).0, some(&[r#"{"a": 1}"#]));
        assert_eq!(look("\u{feff}[{\"a\":1}]", [None, None, None]).0, some(&["{\"a\":1}"]));
    }

    #[test]
    fn what_is_broken_anywhere_is_not_json() {
        for body in
            ["", "[1", "[1] x", "{\"d\":[1],}", "{\"d\":[01]}", "{\"a\":nul,\"d\":[]}", "{\"d\":[{\"a\":}]}"]
        {
            let found = Pointers::new(Some("/d"), Some("/c"), None).find(body.as_bytes());
            assert!(matches!(found, Err(Unreadable::NotJson(_))), "{body}: {found:?}");
        }
        let found = Pointers::new(None, None, None).find(b"[\"\xff\"]");
        assert!(matches!(found, Err(Unreadable::NotJson(_))));
        for body in ["{\"x\":1}", "5", "null", "{\"d\":7}"] {
            let found = Pointers::new(Some("/d"), None, None).find(body.as_bytes());
            assert!(matches!(found, Err(Unreadable::NoRecords(_))), "{body}: {found:?}");
        }
    }
}
