//! A record of typed values as JSON, and its values as cells of columns: both are made in one pass.

use std::{fmt::Display, sync::Arc};

use polars::prelude::{AnyValue, TimeUnit, TimeZone};
use rfe_model::SqlType;
use serde::Serialize;

use crate::{error::code, flaw::Flaw, record_files::Row, scalar};

const MICROS_PER_DAY: i64 = 86_400_000_000;

/// A record in the making. Each value is written to its text, and given back as a cell.
#[derive(Debug, Default)]
pub(crate) struct RecordBody {
    text: Vec<u8>,
    flaw: Option<Flaw>,
}

impl RecordBody {
    /// Bytes of its text so far.
    pub(crate) fn len(&self) -> usize {
        self.text.len()
    }

    /// The name of a member, which its value follows.
    pub(crate) fn member(&mut self, name: &str, is_first: bool) {
        self.raw(if is_first { "{" } else { "," });
        self.json(name);
        self.raw(":");
    }

    /// What stands between values. A value that is made of others has no cell of its own: it is its JSON.
    pub(crate) fn raw(&mut self, text: &str) -> AnyValue<'static> {
        self.text.extend_from_slice(text.as_bytes());
        AnyValue::Boolean(true)
    }

    /// A value that is its JSON.
    pub(crate) fn json<T: Serialize + ?Sized>(&mut self, value: &T) -> AnyValue<'static> {
        serde_json::to_writer(&mut self.text, value).expect("memory can be written");
        AnyValue::Boolean(true)
    }

    /// A cell of its column, whose text begins at `start`: nested values are JSON, and other values of a column of text are text.
    pub(crate) fn cell(
        &self,
        cell: AnyValue<'static>,
        column: Option<&SqlType>,
        start: usize,
    ) -> AnyValue<'static> {
        let is_text = matches!(cell, AnyValue::Null | AnyValue::StringOwned(_));
        match column {
            Some(SqlType::Json) if cell != AnyValue::Null => text(self.from(start)),
            Some(SqlType::Varchar) if !is_text => {
                let json = self.from(start);
                text(serde_json::from_str::<String>(&json).unwrap_or(json))
            }
            _ => cell,
        }
    }

    /// The record.
    pub(crate) fn finish(self, cells: Vec<AnyValue<'static>>) -> Row {
        Row { cells, body: self.from(0), flaw: self.flaw }
    }

    fn from(&self, start: usize) -> String {
        String::from_utf8_lossy(&self.text[start..]).into_owned()
    }

    // === Values ===

    pub(crate) fn null(&mut self) -> AnyValue<'static> {
        self.raw("null");
        AnyValue::Null
    }

    pub(crate) fn boolean(&mut self, value: bool) -> AnyValue<'static> {
        self.json(&value);
        AnyValue::Boolean(value)
    }

    pub(crate) fn bigint(&mut self, value: i64) -> AnyValue<'static> {
        self.json(&value);
        AnyValue::Int64(value)
    }

    /// A number with as many digits as its own size takes.
    pub(crate) fn float(&mut self, value: f32) -> AnyValue<'static> {
        self.finite(&value, value.is_finite());
        AnyValue::Float64(f64::from(value))
    }

    pub(crate) fn double(&mut self, value: f64) -> AnyValue<'static> {
        self.finite(&value, value.is_finite());
        AnyValue::Float64(value)
    }

    // JSON has no infinities: they are text.
    fn finite<T: Serialize + Display>(&mut self, value: &T, is_finite: bool) {
        if is_finite {
            self.json(value)
        } else {
            self.json(&value.to_string())
        };
    }

    /// Bytes, written as PostgreSQL and DuckDB write them.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> AnyValue<'static> {
        self.json(&format!("\\x{}", hex::encode(bytes)));
        AnyValue::BinaryOwned(bytes.to_vec())
    }

    pub(crate) fn text(&mut self, value: &str) -> AnyValue<'static> {
        self.json(value);
        text(value)
    }

    /// Text of bytes that should be UTF-8.
    pub(crate) fn text_of(&mut self, bytes: &[u8]) -> AnyValue<'static> {
        match std::str::from_utf8(bytes) {
            Ok(value) => self.text(value),
            Err(error) => {
                let message = format!("a text of the record is not UTF-8: {error}");
                self.flaw.get_or_insert_with(|| Flaw::decode(code::BAD_ENCODING, message));
                self.text(&String::from_utf8_lossy(bytes))
            }
        }
    }

    /// Days since 1970-01-01.
    pub(crate) fn date(&mut self, days: i64) -> AnyValue<'static> {
        let shown = days.checked_mul(MICROS_PER_DAY).and_then(scalar::local_text);
        match (shown, i32::try_from(days)) {
            (Some(shown), Ok(days)) => {
                self.json(&shown[..shown.len() - "T00:00:00".len()]);
                AnyValue::Date(days)
            }
            _ => self.unfit("date", days),
        }
    }

    /// A time of day, which is text: the contract has no type for it.
    pub(crate) fn time(&mut self, value: i64, per_second: i64) -> AnyValue<'static> {
        let micros = value.checked_mul(1_000_000 / per_second).filter(|at| (0..MICROS_PER_DAY).contains(at));
        match micros.and_then(scalar::local_text) {
            Some(shown) => self.text(&shown["1970-01-01T".len()..]),
            None => self.unfit("time of day", value),
        }
    }

    /// Units since 1970-01-01, so many a second. Cells are cut to microseconds, the text is not.
    pub(crate) fn timestamp(&mut self, value: i64, per_second: i64, is_instant: bool) -> AnyValue<'static> {
        let finer = (per_second / 1_000_000).max(1);
        let micros = value.div_euclid(finer).checked_mul((1_000_000 / per_second).max(1));
        let shown = micros.and_then(scalar::local_text);
        let (Some(micros), Some(mut shown)) = (micros, shown) else { return self.unfit("timestamp", value) };
        if value.rem_euclid(finer) != 0 {
            shown.truncate("1970-01-01T00:00:00".len());
            shown += &format!(".{:09}", value.rem_euclid(per_second));
        }
        self.json(&format!("{shown}{}", if is_instant { "Z" } else { "" }));
        let zone = is_instant.then(|| Arc::new(TimeZone::UTC));
        AnyValue::DatetimeOwned(micros, TimeUnit::Microseconds, zone)
    }

    /// A decimal as its unscaled number, whose bytes begin with the highest.
    pub(crate) fn decimal(&mut self, bytes: &[u8], precision: u8, scale: u8) -> AnyValue<'static> {
        let most = 10_u128.pow(precision.into());
        let unscaled = signed(bytes).filter(|unscaled| unscaled.unsigned_abs() < most);
        let Some(unscaled) = unscaled else {
            return self.unfit("decimal of so many digits", format!("\\x{}", hex::encode(bytes)));
        };
        let padded = format!("{:0width$}", unscaled.unsigned_abs(), width = usize::from(scale) + 1);
        let (whole, fraction) = padded.split_at(padded.len() - usize::from(scale));
        let (minus, point) = (if unscaled < 0 { "-" } else { "" }, if scale > 0 { "." } else { "" });
        self.raw(&format!("{minus}{whole}{point}{fraction}"));
        AnyValue::Decimal(unscaled, precision.into(), scale.into())
    }

    fn unfit<T: Serialize + Display>(&mut self, what: &str, value: T) -> AnyValue<'static> {
        let message = format!("{value} is no {what} that a column holds");
        self.flaw.get_or_insert_with(|| Flaw::decode(code::BAD_VALUE, message));
        self.json(&value);
        AnyValue::Null
    }
}

fn text(text: impl Into<String>) -> AnyValue<'static> {
    AnyValue::StringOwned(text.into().into())
}

// Two's complement of any length; `None` if it takes more than 16 bytes.
fn signed(bytes: &[u8]) -> Option<i128> {
    let sign = if bytes.first().is_some_and(|byte| byte & 0x80 != 0) { 0xff } else { 0 };
    let filled = bytes.iter().take_while(|byte| **byte == sign).count();
    let mut wide = [sign; 16];
    let digits = &bytes[filled..];
    wide.get_mut(16_usize.checked_sub(digits.len())?..)?.copy_from_slice(digits);
    let value = i128::from_be_bytes(wide);
    ((sign == 0xff) == (value < 0)).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_of_any_length_are_read() {
        for (bytes, value) in [
            (&[][..], Some(0)),
            (&[0xff], Some(-1)),
            (&[0, 0x80], Some(128)),
            (&[0xff; 30], Some(-1)),
            (&[0; 30], Some(0)),
            (&[0x7f; 17], None),
            (&[0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], Some(i128::MIN)),
            (&[0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], None),
        ] {
            assert_eq!(signed(bytes), value, "{bytes:?}");
        }
    }

    #[test]
    fn what_no_column_holds_is_a_flaw() {
        type Write = fn(&mut RecordBody) -> AnyValue<'static>;
        let bad: [Write; 4] = [
            |body| body.date(i64::MAX),
            |body| body.time(90_000_000, 1000),
            |body| body.timestamp(i64::MAX, 1000, true),
            |body| body.decimal(&[0x7f, 0xff], 4, 2),
        ];
        for write in bad {
            let mut body = RecordBody::default();
            assert_eq!(write(&mut body), AnyValue::Null);
            assert_eq!(body.finish(Vec::new()).flaw.map(|flaw| flaw.code), Some(code::BAD_VALUE));
        }
    }
}
