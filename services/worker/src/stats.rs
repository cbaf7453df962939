//! What a file holds in one column: bounds and NULLs, as SQL text.

use std::cmp::Ordering;

use polars::prelude::{AnyValue, Column, DataType, Scalar, TimeUnit};
use rfe_proto::metadata::ColumnStats;

use crate::raw::sql_name;

// Longer bounds prune no better and would fill the registry.
const MAX_TEXT: usize = 128;

/// Bounds of a column, gathered over row groups.
#[derive(Debug, Clone, Default)]
pub(crate) struct Bounds {
    least: Option<Scalar>,
    greatest: Option<Scalar>,
    rows: u64,
    nulls: u64,
    unbounded: bool,
}

impl Bounds {
    pub fn add(&mut self, column: &Column) {
        self.rows += column.len() as u64;
        self.nulls += column.null_count() as u64;
        if self.unbounded || column.null_count() == column.len() {
            return;
        }
        if !has_order(column.dtype()) {
            self.unbounded = true;
            return;
        }
        let (Ok(least), Ok(greatest)) = (column.min_reduce(), column.max_reduce()) else {
            self.unbounded = true;
            return;
        };
        // A NaN is greater than all else in SQL, and Polars leaves it out of bounds.
        if column.dtype().is_float() && column.is_nan().map_or(true, |nans| nans.any()) {
            self.unbounded = true;
            return;
        }
        self.widen(Some(least), Some(greatest));
    }

    fn widen(&mut self, least: Option<Scalar>, greatest: Option<Scalar>) {
        let sides =
            [(least, Ordering::Less, &mut self.least), (greatest, Ordering::Greater, &mut self.greatest)];
        for (new, order, known) in sides {
            let Some(new) = new else { continue };
            let compared = known
                .as_ref()
                .map_or(Some(order), |known| new.as_any_value().partial_cmp(&known.as_any_value()));
            match compared {
                Some(found) if found == order => *known = Some(new),
                Some(_) => {}
                None => self.unbounded = true,
            }
        }
    }

    /// Adds the bounds of another row group; one that was not looked at has none.
    pub fn merge(&mut self, other: Option<&Self>) {
        let Some(other) = other else { return };
        self.rows += other.rows;
        self.nulls += other.nulls;
        self.unbounded |= other.unbounded;
        self.widen(other.least.clone(), other.greatest.clone());
    }

    /// As the registry keeps them, for a column of this id and type in a file of so many rows.
    pub fn stats(self, column_id: u32, kind: &DataType, rows: u64) -> ColumnStats {
        let is_whole = self.rows == rows;
        let bounds = (is_whole && !self.unbounded)
            .then_some(())
            .and_then(|()| Some((beginning(sql_text(&self.least?)?), above(sql_text(&self.greatest?)?)?)));
        let has_bounds = bounds.is_some();
        let (min, max) = bounds.unwrap_or_default();
        let nulls = if is_whole { self.nulls as i64 } else { -1 };
        ColumnStats { column_id, min, max, has_bounds, nulls, r#type: sql_name(kind) }
    }
}

fn has_order(kind: &DataType) -> bool {
    matches!(
        kind,
        DataType::Boolean
            | DataType::Int64
            | DataType::Float64
            | DataType::String
            | DataType::Date
            | DataType::Decimal(..)
            | DataType::Datetime(TimeUnit::Microseconds, _)
    )
}

// What a text begins with is not greater than the text.
fn beginning(mut text: String) -> String {
    if text.len() > MAX_TEXT {
        text.truncate(text.floor_char_boundary(MAX_TEXT));
    }
    text
}

// A text that is not less than a long one: its beginning with the last sign made greater. UTF-8 is in the order of its signs.
fn above(text: String) -> Option<String> {
    if text.len() <= MAX_TEXT {
        return Some(text);
    }
    let mut cut = beginning(text);
    while let Some(last) = cut.pop() {
        // No sign lies between the surrogates.
        let next = if last == '\u{d7ff}' { Some('\u{e000}') } else { char::from_u32(u32::from(last) + 1) };
        if let Some(next) = next {
            cut.push(next);
            return Some(cut);
        }
    }
    None
}

fn sql_text(value: &Scalar) -> Option<String> {
    match value.as_any_value() {
        AnyValue::Boolean(value) => Some(value.to_string()),
        AnyValue::Int64(value) => Some(value.to_string()),
        AnyValue::Float64(value) => Some(format!("{value:?}")),
        AnyValue::String(text) => Some(text.to_owned()),
        AnyValue::StringOwned(text) => Some(text.to_string()),
        AnyValue::Decimal(value, _, scale) => Some(decimal(value, scale)),
        AnyValue::Date(days) => Some(civil(i64::from(days).checked_mul(86_400_000_000)?)?.date().to_string()),
        AnyValue::Datetime(micros, TimeUnit::Microseconds, zone) => instant(micros, zone.is_some()),
        AnyValue::DatetimeOwned(micros, TimeUnit::Microseconds, zone) => instant(micros, zone.is_some()),
        _ => None,
    }
}

fn decimal(value: i128, scale: usize) -> String {
    let sign = if value < 0 { "-" } else { "" };
    let digits = format!("{:0>width$}", value.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let point = if scale > 0 { "." } else { "" };
    format!("{sign}{whole}{point}{fraction}")
}

fn instant(micros: i64, zoned: bool) -> Option<String> {
    let text = civil(micros)?.strftime("%Y-%m-%d %H:%M:%S%.f").to_string();
    Some(if zoned { format!("{text}+00") } else { text })
}

fn civil(micros: i64) -> Option<jiff::civil::DateTime> {
    let at = jiff::Timestamp::from_microsecond(micros).ok()?;
    Some(at.to_zoned(jiff::tz::TimeZone::UTC).datetime())
}

#[cfg(test)]
mod tests {
    use polars::prelude::{IntoColumn as _, NamedFrom as _, Series};

    use super::*;

    fn of(columns: &[Column]) -> ColumnStats {
        let mut bounds = Bounds::default();
        columns.iter().for_each(|column| bounds.add(column));
        let rows = columns.iter().map(|column| column.len() as u64).sum();
        bounds.stats(7, columns[0].dtype(), rows)
    }

    #[test]
    fn bounds_span_row_groups_and_nulls_are_counted() {
        let first = Series::new("x".into(), [Some(5i64), None]).into_column();
        let second = Series::new("x".into(), [Some(-3i64), Some(4)]).into_column();
        let stats = of(&[first, second]);
        assert_eq!(
            (stats.min.as_str(), stats.max.as_str(), stats.nulls, stats.has_bounds),
            ("-3", "5", 1, true)
        );
    }

    #[test]
    fn a_nan_leaves_a_column_without_bounds_and_so_do_nulls_alone() {
        let nan = Series::new("x".into(), [1.5, f64::NAN]).into_column();
        assert!(!of(&[nan]).has_bounds);
        let nulls = of(&[Series::new("x".into(), [None::<i64>, None]).into_column()]);
        assert_eq!((nulls.has_bounds, nulls.nulls), (false, 2));
    }

    #[test]
    fn a_row_group_that_was_not_looked_at_leaves_nothing_known() {
        let mut bounds = Bounds::default();
        bounds.add(&Series::new("x".into(), [5i64]).into_column());
        bounds.merge(Some(&Bounds::default()));
        let stats = bounds.stats(7, &DataType::Int64, 2);
        assert_eq!((stats.has_bounds, stats.nulls), (false, -1));
    }

    #[test]
    fn a_long_text_is_bounded_by_its_beginning() {
        let texts = |texts: &[String]| of(&[Series::new("x".into(), texts).into_column()]);
        let stats = texts(&["é".repeat(200), "z".repeat(200)]);
        assert!(stats.has_bounds && stats.min == "z".repeat(128));
        assert!(stats.max.len() <= 130 && stats.max > "é".repeat(200), "{}", stats.max);
        let greatest = texts(&["a".to_owned(), "\u{10ffff}".repeat(50)]);
        assert!(!greatest.has_bounds, "no text is greater");
        let carried = texts(&[format!("{}b{}", "a".repeat(124), "\u{10ffff}".repeat(9))]);
        assert_eq!(carried.max, format!("{}c", "a".repeat(124)));
        assert_eq!(texts(&["\u{d7ff}".repeat(99)]).max.chars().last(), Some('\u{e000}'));
    }

    #[test]
    fn decimals_are_written_with_all_their_digits() {
        let texts = Series::new("x".into(), ["-0.05", "12.30"]).into_column();
        let stats = of(&[texts.cast(&DataType::Decimal(18, 2)).expect("decimals")]);
        assert_eq!((stats.min.as_str(), stats.max.as_str()), ("-0.05", "12.30"));
        assert_eq!(stats.r#type, "DECIMAL(18,2)");
        assert_eq!(decimal(7, 0), "7");
        assert_eq!(decimal(-123_456, 3), "-123.456");
    }

    #[test]
    fn instants_are_written_as_sql_reads_them() {
        let days = Series::new("x".into(), [19_000i32]).cast(&DataType::Date).expect("dates").into_column();
        assert_eq!(of(&[days]).min, "2022-01-08");
        let kind = DataType::Datetime(TimeUnit::Microseconds, Some(polars::prelude::TimeZone::UTC));
        let at = Series::new("x".into(), [1_500_000i64]).cast(&kind).expect("instants").into_column();
        assert_eq!(of(&[at]).max, "1970-01-01 00:00:01.5+00");
    }
}
