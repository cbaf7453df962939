//! How numbers are written: `1,234.5`, `1.234,5`, `1 234,5`.

use std::borrow::Cow;

use rfe_model::SqlType;

use crate::{cast::fits, scalar::classify_number};

/// The characters within numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NumberForm {
    pub(super) decimal: char,
    pub(super) thousands: Option<char>,
}

impl Default for NumberForm {
    fn default() -> Self {
        Self { decimal: '.', thousands: None }
    }
}

impl NumberForm {
    /// True if numbers stand in their plain form anyway.
    pub(super) fn is_plain(&self) -> bool {
        *self == Self::default()
    }

    /// True if the form has a say in a column that must be of this type.
    pub(super) fn concerns(&self, expected: Option<&SqlType>) -> bool {
        let is_number = |of: &SqlType| matches!(of, SqlType::BigInt | SqlType::Double | SqlType::Decimal(..));
        !self.is_plain() && expected.is_none_or(is_number)
    }

    /// A text that is a number of this form, in plain form: `1234.5`.
    pub(super) fn number<'t>(&self, text: &'t str, expected: Option<&SqlType>) -> Option<Cow<'t, str>> {
        let plain = self.plain(text)?;
        let is_number = match expected {
            Some(expected) => fits(&plain, expected),
            None => classify_number(&plain).is_some(),
        };
        is_number.then_some(plain)
    }

    fn plain<'t>(&self, text: &'t str) -> Option<Cow<'t, str>> {
        let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
        let (mantissa, exponent) = unsigned.split_at(unsigned.find(['e', 'E']).unwrap_or(unsigned.len()));
        let (whole, fraction) = match mantissa.split_once(self.decimal) {
            Some((whole, fraction)) => (whole, Some(fraction)),
            None => (mantissa, None),
        };
        let is_grouped = self.thousands.is_some_and(|separator| whole.contains(separator));
        if !fraction.is_none_or(is_digits) || !(is_digits(whole) || is_grouped && self.is_grouped(whole)) {
            return None;
        }
        if !is_grouped && (fraction.is_none() || self.decimal == '.') {
            return Some(Cow::Borrowed(text));
        }
        let mut plain = String::with_capacity(text.len());
        plain.push_str(&text[..text.len() - unsigned.len()]);
        plain.extend(whole.chars().filter(char::is_ascii_digit));
        if let Some(fraction) = fraction {
            plain.push('.');
            plain.push_str(fraction);
        }
        plain.push_str(exponent);
        Some(Cow::Owned(plain))
    }

    // One to three digits, then groups of three.
    fn is_grouped(&self, whole: &str) -> bool {
        let mut groups = whole.split(|next| Some(next) == self.thousands);
        let first = groups.next().unwrap_or_default();
        (1..=3).contains(&first.len())
            && is_digits(first)
            && groups.all(|group| group.len() == 3 && is_digits(group))
    }
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    const GERMAN: NumberForm = NumberForm { decimal: ',', thousands: Some('.') };

    #[test]
    fn whole_texts_in_groups_of_three_are_numbers() {
        for (text, plain) in [
            ("1.234,56", "1234.56"),
            ("-1.234.567,5", "-1234567.5"),
            ("1234,56", "1234.56"),
            ("0,5", "0.5"),
            (",5", ".5"),
            ("1.234", "1234"),
            ("7", "7"),
            ("1,5e3", "1.5e3"),
        ] {
            assert_eq!(GERMAN.number(text, None).as_deref(), Some(plain), "{text}");
        }
    }

    #[test]
    fn everything_else_stays_text() {
        for text in [
            "1.5",
            "12.34,5",
            "1234.567,5",
            "1.234.56",
            ".234,5",
            "1.234,567.8",
            "1,234,5",
            "31.12.2025",
            "01.234",
            "007",
            "1,5 €",
            " 1,5",
            "1,",
            ",",
            "-",
            "",
            "e5",
            "1.2345",
            "NaN",
        ] {
            assert_eq!(GERMAN.number(text, None), None, "{text}");
        }
        let plain = NumberForm { decimal: ',', thousands: None };
        assert_eq!(plain.number("1.234", None), None);
    }

    #[test]
    fn separators_of_other_countries_are_read() {
        for (decimal, thousands, text) in [
            ('.', ',', "1,234.5"),
            (',', ' ', "1 234,5"),
            (',', '\u{a0}', "1\u{a0}234,5"),
            (',', '\u{202f}', "1\u{202f}234,5"),
            ('.', '’', "1’234.5"),
        ] {
            let form = NumberForm { decimal, thousands: Some(thousands) };
            assert_eq!(form.number(text, None).as_deref(), Some("1234.5"), "{text}");
        }
    }

    #[test]
    fn a_declared_number_is_read_as_leniently_as_any() {
        let of = Some(&SqlType::BigInt);
        assert_eq!(GERMAN.number("007", of).as_deref(), Some("007"));
        assert_eq!(GERMAN.number("+1.234", of).as_deref(), Some("+1234"));
        assert_eq!(GERMAN.number("1,5", of), None);
    }
}
