//! YAML to JSON with the place of every key and item.

use std::collections::BTreeMap;

use saphyr::{LoadableYamlNode as _, MarkedYaml, Marker, Scalar, ScanError, YamlData};
use serde_json::{Map, Number, Value as Json};

// A number travels to the server as a double.
const MAX_EXACT: i64 = 1 << 53;

/// A place in a file, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

/// What is wrong at a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mistake {
    pub(crate) place: Place,
    /// Such as `sources[1].config.url`; empty for the whole.
    pub(crate) path: String,
    pub(crate) reason: String,
}

/// A document and where its parts stand: a key's value where the key begins, an item where it begins.
#[derive(Debug)]
pub(crate) struct Document {
    pub(crate) value: Json,
    pub(crate) mistakes: Vec<Mistake>,
    places: BTreeMap<String, Place>,
}

impl Document {
    /// Reads the one document of a text.
    pub(crate) fn read(text: &str) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut reader = Reader { text, mistakes: Vec::new(), places: BTreeMap::new() };
        let value = match MarkedYaml::load_from_str(text) {
            Ok(documents) => reader.only(&documents),
            Err(error) => {
                reader.syntax(&error);
                Json::Null
            }
        };
        Self { value, mistakes: reader.mistakes, places: reader.places }
    }

    /// The place of a path, or of the nearest thing around it that exists.
    pub(crate) fn place(&self, path: &str) -> Place {
        let mut path = path;
        loop {
            if let Some(place) = self.places.get(path) {
                return *place;
            }
            match path.rfind(['.', '[']) {
                Some(end) => path = &path[..end],
                None => return Place { line: 1, column: 1 },
            }
        }
    }
}

/// The path of a key below `parent`.
pub(crate) fn below(parent: &str, key: &str) -> String {
    if parent.is_empty() { key.to_owned() } else { format!("{parent}.{key}") }
}

struct Reader<'a> {
    text: &'a str,
    mistakes: Vec<Mistake>,
    places: BTreeMap<String, Place>,
}

impl Reader<'_> {
    fn only(&mut self, documents: &[MarkedYaml<'_>]) -> Json {
        if let Some(second) = documents.get(1) {
            self.mistake(second.span.start, "", "a second document begins; the file has one");
        }
        documents.first().map_or(Json::Null, |root| self.value(root, ""))
    }

    fn value(&mut self, node: &MarkedYaml<'_>, path: &str) -> Json {
        match &node.data {
            YamlData::Value(scalar) => self.scalar(node, scalar, path),
            YamlData::Sequence(items) => Json::Array(
                items
                    .iter()
                    .enumerate()
                    .map(|(index, item)| {
                        let path = format!("{path}[{index}]");
                        self.places.insert(path.clone(), place(item.span.start));
                        self.value(item, &path)
                    })
                    .collect(),
            ),
            YamlData::Mapping(entries) => {
                let mut map = Map::new();
                for (key, value) in entries {
                    self.entry(&mut map, key, value, path);
                }
                Json::Object(map)
            }
            YamlData::Tagged(tag, _) => {
                self.mistake(
                    node.span.start,
                    path,
                    &format!("the tag `{}{}` means nothing here", tag.handle, tag.suffix),
                );
                Json::Null
            }
            YamlData::Representation(..) | YamlData::Alias(_) | YamlData::BadValue => {
                self.mistake(node.span.start, path, "the value does not fit its tag or alias");
                Json::Null
            }
        }
    }

    fn entry(
        &mut self,
        map: &mut Map<String, Json>,
        key: &MarkedYaml<'_>,
        value: &MarkedYaml<'_>,
        path: &str,
    ) {
        let Some(name) = key_text(key) else {
            self.mistake(key.span.start, path, "a key must be a plain text");
            return;
        };
        let path = below(path, &name);
        if map.contains_key(&name) {
            self.mistake(key.span.start, &path, &format!("the key `{name}` appears twice"));
            return;
        }
        self.places.insert(path.clone(), place(key.span.start));
        let value = self.value(value, &path);
        map.insert(name, value);
    }

    fn scalar(&mut self, node: &MarkedYaml<'_>, scalar: &Scalar<'_>, path: &str) -> Json {
        match scalar {
            Scalar::Null => Json::Null,
            Scalar::Boolean(value) => Json::Bool(*value),
            Scalar::String(text) => Json::String(text.to_string()),
            Scalar::Integer(number) if number.abs() <= MAX_EXACT => Json::from(*number),
            Scalar::FloatingPoint(number) if !self.is_whole(node) && number.is_finite() => {
                Number::from_f64(number.0).map_or(Json::Null, Json::Number)
            }
            Scalar::Integer(_) | Scalar::FloatingPoint(_) => {
                let text = self.written(node);
                let reason = format!("`{text}` can't be kept exactly as a number; write it in quotes");
                self.mistake(node.span.start, path, &reason);
                Json::Null
            }
        }
    }

    // The parser reads an integer beyond 64 bits as a float.
    fn is_whole(&self, node: &MarkedYaml<'_>) -> bool {
        let text = self.written(node);
        text.trim_start_matches(['+', '-']).bytes().all(|byte| byte.is_ascii_digit())
    }

    fn written(&self, node: &MarkedYaml<'_>) -> String {
        self.text
            .chars()
            .skip(node.span.start.index())
            .take(node.span.len())
            .collect::<String>()
            .trim()
            .to_owned()
    }

    fn syntax(&mut self, error: &ScanError) {
        let info = error.info();
        let reason = if info.starts_with("duplicated key") {
            let key: String = self
                .text
                .chars()
                .skip(error.marker().index())
                .take_while(|char| !matches!(char, ':' | '\n'))
                .collect();
            format!("the key `{}` appears twice", key.trim())
        } else {
            format!("not YAML: {info}")
        };
        self.mistake(*error.marker(), "", &reason);
    }

    fn mistake(&mut self, at: Marker, path: &str, reason: &str) {
        self.mistakes.push(Mistake { place: place(at), path: path.to_owned(), reason: reason.to_owned() });
    }
}

// The parser counts lines from 1 and columns from 0.
fn place(at: Marker) -> Place {
    Place { line: at.line().max(1), column: at.col() + 1 }
}

fn key_text(key: &MarkedYaml<'_>) -> Option<String> {
    match &key.data {
        YamlData::Value(Scalar::String(text)) => Some(text.to_string()),
        YamlData::Value(Scalar::Integer(number)) => Some(number.to_string()),
        YamlData::Value(Scalar::FloatingPoint(number)) => Some(number.to_string()),
        YamlData::Value(Scalar::Boolean(value)) => Some(value.to_string()),
        YamlData::Value(Scalar::Null) => Some("null".to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn mistakes(text: &str) -> Vec<(usize, usize, String)> {
        let found = Document::read(text).mistakes.into_iter();
        found.map(|one| (one.place.line, one.place.column, one.reason)).collect()
    }

    #[test]
    fn scalars_keep_their_meaning() {
        let text =
            "a: 5\nb: \"5\"\nc: 2s\nd: 0.1\ne: true\nf: ~\ng: 00123\nh: '0 6 * * *'\ni: 2026-01-01\nj: no\n";
        let read = Document::read(text);
        assert_eq!(read.mistakes, []);
        assert_eq!(
            read.value,
            json!({"a": 5, "b": "5", "c": "2s", "d": 0.1, "e": true, "f": null, "g": 123,
                   "h": "0 6 * * *", "i": "2026-01-01", "j": "no"})
        );
    }

    #[test]
    fn numbers_that_would_lose_digits_are_named() {
        for number in ["9007199254740993", "-9223372036854775807", "123456789012345678901234567890", ".inf"] {
            let found = mistakes(&format!("a: {number}\n"));
            assert_eq!(found.len(), 1, "{number}");
            assert!(found[0].2.contains(&format!("`{number}`")), "{found:?}");
        }
        assert_eq!(Document::read("a: 9007199254740992\nb: 1e300\n").mistakes, []);
    }

    #[test]
    fn keys_and_items_have_their_place() {
        let text = "# first\nsources:\n  - name: ä\n    config:\n      url: x\n      list: [a, {b: c}]\n";
        let read = Document::read(text);
        let at = |path| {
            let place = read.place(path);
            (place.line, place.column)
        };
        assert_eq!(at("sources"), (2, 1));
        assert_eq!(at("sources[0]"), (3, 5));
        assert_eq!(at("sources[0].config.url"), (5, 7));
        assert_eq!(at("sources[0].config.list[1].b"), (6, 18));
        assert_eq!(at("sources[0].config.missing.deeper"), (4, 5));
        assert_eq!(at("nowhere"), (1, 1));
    }

    #[test]
    fn aliases_are_resolved() {
        let read = Document::read("a: &x {b: 1}\nc: *x\n");
        assert_eq!(read.value, json!({"a": {"b": 1}, "c": {"b": 1}}));
    }

    #[test]
    fn what_is_no_yaml_has_line_and_column() {
        let found = mistakes("a: 1\nb: [1, 2\nc: 3\n");
        assert_eq!(found.len(), 1);
        assert!(found[0].0 >= 2 && found[0].2.starts_with("not YAML"), "{found:?}");
        assert_eq!(mistakes("a: 1\nb:\n  c: 1\n  c: 2\n"), [(4, 3, "the key `c` appears twice".to_owned())]);
        assert_eq!(mistakes("a: 1\n---\nb: 2\n").len(), 1);
    }
}
