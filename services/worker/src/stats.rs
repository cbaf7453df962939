//! What a file holds in one column: bounds and NULLs, as SQL text.

use std::cmp::Ordering;

use polars::prelude::{AnyValue, Column, DataType, Scalar, TimeUnit};
use rfe_proto::metadata::ColumnStats;

// Longer texts prune no better and would fill the registry.
const MAX_TEXT: usize = 128;

/// Bounds of a column, gathered over row groups.
#[derive(Debug, Clone, Default)]
pub(crate) struct Bounds {
    least: Option<Scalar>,
    greatest: Option<Scalar>,
    nulls: u64,
    unbounded: bool,
}

impl Bounds {
    pub fn add(&mut self, column: &Column) {
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
        let is_new = |new: &Scalar, known: &Option<Scalar>, order| {
            known
                .as_ref()
                .is_none_or(|known| new.as_any_value().partial_cmp(&known.as_any_value()) == Some(order))
        };
        if let Some(least) = least.filter(|least| is_new(least, &self.least, Ordering::Less)) {
            self.least = Some(least);
        }
        if let Some(greatest) = greatest.filter(|most| is_new(most, &self.greatest, Ordering::Greater)) {
            self.greatest = Some(greatest);
        }
    }

    /// Adds the bounds of another row group; a column that is not searched has none.
    pub fn merge(&mut self, other: Option<&Self>) {
        let Some(other) = other else { return };
        self.nulls += other.nulls;
        self.unbounded |= other.unbounded;
        self.widen(other.least.clone(), other.greatest.clone());
    }

    pub fn stats(self, column_id: u32) -> Option<ColumnStats> {
        let bounds = (!self.unbounded)
            .then_some(())
            .and_then(|()| Some((sql_text(&self.least?)?, sql_text(&self.greatest?)?)));
        let has_bounds = bounds.is_some();
        let (min, max) = bounds.unwrap_or_default();
        Some(ColumnStats { column_id, min, max, has_bounds, nulls: self.nulls as i64 })
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
            | DataType::Datetime(TimeUnit::Microseconds, _)
    )
}

fn sql_text(value: &Scalar) -> Option<String> {
    match value.as_any_value() {
        AnyValue::Boolean(value) => Some(value.to_string()),
        AnyValue::Int64(value) => Some(value.to_string()),
        AnyValue::Float64(value) => Some(format!("{value:?}")),
        AnyValue::String(text) => (text.len() <= MAX_TEXT).then(|| text.to_owned()),
        AnyValue::StringOwned(text) => (text.len() <= MAX_TEXT).then(|| text.to_string()),
        AnyValue::Date(days) => Some(civil(i64::from(days).checked_mul(86_400_000_000)?)?.date().to_string()),
        AnyValue::Datetime(micros, TimeUnit::Microseconds, zone) => instant(micros, zone.is_some()),
        AnyValue::DatetimeOwned(micros, TimeUnit::Microseconds, zone) => instant(micros, zone.is_some()),
        _ => None,
    }
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
        bounds.stats(7).expect("stats")
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
    fn a_nan_or_a_long_text_leaves_a_column_without_bounds() {
        let nan = Series::new("x".into(), [1.5, f64::NAN]).into_column();
        assert!(!of(&[nan]).has_bounds);
        let long = Series::new("x".into(), ["a".to_owned(), "z".repeat(200)]).into_column();
        assert!(!of(&[long]).has_bounds);
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
