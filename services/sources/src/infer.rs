//! The narrowest type of a column of text.

use rfe_model::SqlType;

use crate::scalar::{Class, classify, classify_number};

const BOOLEAN: u8 = 1;
const BIGINT: u8 = 1 << 1;
const DOUBLE: u8 = 1 << 2;
const DATE: u8 = 1 << 3;
const TIMESTAMP: u8 = 1 << 4;
const TIMESTAMPTZ: u8 = 1 << 5;
const TEXT: u8 = 1 << 6;
const JSON: u8 = 1 << 7;

/// What was seen in one column, whatever its order: a set of classes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Inference {
    seen: u8,
    exceeds_double: bool,
}

impl Inference {
    /// Takes a text as CSV has it: ISO dates and times, numbers and booleans are typed.
    #[inline]
    pub fn text(&mut self, text: &str) {
        // Nothing narrows a column that holds text, and only large integers matter to `exceeds_double`.
        if self.seen & TEXT == 0 || may_be_large_integer(text) {
            self.take(classify(text));
        }
    }

    /// Takes the text of a JSON number.
    pub fn number(&mut self, text: &str) {
        self.take(classify_number(text).unwrap_or(Class::Text));
    }

    /// Takes a boolean.
    pub fn boolean(&mut self) {
        self.seen |= BOOLEAN;
    }

    /// Takes a text that stays text.
    pub fn varchar(&mut self) {
        self.seen |= TEXT;
    }

    /// Takes a nested JSON value.
    pub fn json(&mut self) {
        self.seen |= JSON;
    }

    fn take(&mut self, class: Class) {
        self.seen |= match class {
            Class::Boolean => BOOLEAN,
            Class::BigInt(exceeds) => {
                self.exceeds_double |= exceeds;
                BIGINT
            }
            Class::Double => DOUBLE,
            Class::Date => DATE,
            Class::Timestamp => TIMESTAMP,
            Class::TimestampTz => TIMESTAMPTZ,
            Class::Text => TEXT,
        };
    }

    /// The narrowest type that holds all values; `None` if there were none.
    pub fn observed(self) -> Option<SqlType> {
        const ALL: [(u8, SqlType); 8] = [
            (BOOLEAN, SqlType::Boolean),
            (BIGINT, SqlType::BigInt),
            (DOUBLE, SqlType::Double),
            (DATE, SqlType::Date),
            (TIMESTAMP, SqlType::Timestamp),
            (TIMESTAMPTZ, SqlType::TimestampTz),
            (TEXT, SqlType::Varchar),
            (JSON, SqlType::Json),
        ];
        ALL.into_iter()
            .filter(|(class, _)| self.seen & class != 0)
            .map(|(_, sql_type)| sql_type)
            .reduce(|wide, next| wide.widen(&next, self.exceeds_double))
    }

    /// True if an integer of it would lose digits as DOUBLE.
    pub fn exceeds_double(self) -> bool {
        self.exceeds_double
    }
}

// 2^53 has 16 digits, the largest BIGINT 19 and perhaps a sign.
fn may_be_large_integer(text: &str) -> bool {
    (16..=20).contains(&text.len()) && matches!(text.as_bytes()[0], b'0'..=b'9' | b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(texts: &[&str]) -> Option<SqlType> {
        let mut inference = Inference::default();
        texts.iter().for_each(|text| inference.text(text));
        inference.observed()
    }

    #[test]
    fn a_column_has_the_narrowest_type_that_holds_all_of_it() {
        assert_eq!(of(&[]), None);
        assert_eq!(of(&["1", "2"]), Some(SqlType::BigInt));
        assert_eq!(of(&["1", "2.5"]), Some(SqlType::Double));
        assert_eq!(of(&["2.5", "9007199254740993"]), Some(SqlType::Varchar));
        assert_eq!(of(&["2026-01-01", "2026-01-01 10:00:00"]), Some(SqlType::Timestamp));
        assert_eq!(of(&["2026-01-01", "1"]), Some(SqlType::Varchar));
        assert_eq!(of(&["true", "1"]), Some(SqlType::Varchar));
        assert_eq!(of(&["007", "1"]), Some(SqlType::Varchar));
    }

    #[test]
    fn the_order_of_values_does_not_matter() {
        let values = ["1", "2.5", "9007199254740993", "2026-01-01", "2026-01-01 10:00:00", "true", "x"];
        for a in values {
            for b in values {
                for c in values {
                    assert_eq!(of(&[a, b, c]), of(&[c, a, b]), "{a} {b} {c}");
                    assert_eq!(of(&[a, b, c]), of(&[b, c, a]), "{a} {b} {c}");
                }
            }
        }
    }
}
