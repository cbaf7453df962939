//! Constants of a statement, and the order in which they are compared with a column.

use jiff::{Timestamp, civil};
use rfe_model::SqlType;
use serde_json::Value as Json;

use crate::duck::Value;

/// The time zone in which a text without offset is an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Zone {
    /// UTC.
    Utc,
    /// Another one: such texts are not read.
    Other,
}

impl Zone {
    /// By its name.
    pub fn named(name: &str) -> Self {
        let utc = ["UTC", "Etc/UTC"].iter().any(|known| name.eq_ignore_ascii_case(known));
        if utc { Self::Utc } else { Self::Other }
    }
}

/// A constant.
#[derive(Debug, Clone, PartialEq)]
pub enum Constant {
    Null,
    Boolean(bool),
    Integer(i128),
    Real(f64),
    /// A quoted text, which takes the type of what it is compared with.
    Literal(String),
    /// A text of the type VARCHAR.
    Text(String),
    /// Days since 1970-01-01.
    Date(i32),
    /// Microseconds since 1970-01-01 without zone.
    Timestamp(i64),
    /// Microseconds since 1970-01-01 UTC.
    Instant(i64),
}

/// A constant, or a file's bound, as a column's values are ordered.
#[derive(Debug, Clone, PartialEq)]
pub enum Point {
    /// Exactly.
    Whole(i128),
    /// Only about: what rounds to the same is taken for equal.
    About(f64),
    /// By bytes.
    Text(String),
}

impl Constant {
    /// Reads a node of class CONSTANT.
    pub fn read(node: &Json) -> Option<Self> {
        let value = &node["value"];
        if value["is_null"].as_bool() != Some(false) {
            return (value["is_null"] == true).then_some(Self::Null);
        }
        let (kind, value) = (&value["type"], &value["value"]);
        match kind["id"].as_str()? {
            "VARCHAR" => Some(Self::Literal(value.as_str()?.to_owned())),
            "BOOLEAN" => Some(Self::Boolean(value.as_bool()?)),
            "DOUBLE" => Some(Self::Real(value.as_f64()?)),
            "DECIMAL" => {
                let scale = i32::try_from(kind["type_info"]["scale"].as_i64()?).ok()?;
                Some(Self::Real(whole(value)? as f64 / 10f64.powi(scale)))
            }
            "TINYINT" | "SMALLINT" | "INTEGER" | "BIGINT" | "HUGEINT" => Some(Self::Integer(whole(value)?)),
            _ => None,
        }
    }

    /// A value that a client bound.
    pub fn bound(value: &Value) -> Option<Self> {
        Some(match value {
            Value::Null => Self::Null,
            Value::Boolean(value) => Self::Boolean(*value),
            Value::Integer(value) => Self::Integer((*value).into()),
            Value::Unsigned(value) => Self::Integer((*value).into()),
            Value::Double(value) => Self::Real(*value),
            Value::Decimal { scale, value, .. } => Self::Real(*value as f64 / 10f64.powi(i32::from(*scale))),
            Value::Text(text) => Self::Text(text.clone()),
            Value::Date(days) => Self::Date(*days),
            Value::Timestamp(micros) => Self::Timestamp(*micros),
            Value::TimestampTz(micros) => Self::Instant(*micros),
            Value::Blob(_) | Value::Time(_) => return None,
        })
    }

    /// The constant as this type, where the cast can neither fail nor round.
    pub fn cast(self, kind: &Json, zone: Zone) -> Option<Self> {
        let range = |bits: u32| -(1i128 << (bits - 1))..(1i128 << (bits - 1));
        let target = kind["id"].as_str()?;
        if self == Self::Null {
            return Some(Self::Null);
        }
        match target {
            "TINYINT" => self.whole().filter(|value| range(8).contains(value)).map(Self::Integer),
            "SMALLINT" => self.whole().filter(|value| range(16).contains(value)).map(Self::Integer),
            "INTEGER" => self.whole().filter(|value| range(32).contains(value)).map(Self::Integer),
            "BIGINT" => self.whole().filter(|value| range(64).contains(value)).map(Self::Integer),
            "HUGEINT" => self.whole().map(Self::Integer),
            "DOUBLE" => self.real().map(Self::Real),
            "BOOLEAN" => match self {
                Self::Boolean(value) => Some(Self::Boolean(value)),
                Self::Literal(text) if text == "t" || text == "true" => Some(Self::Boolean(true)),
                Self::Literal(text) if text == "f" || text == "false" => Some(Self::Boolean(false)),
                _ => None,
            },
            "DATE" => match self {
                Self::Date(days) => Some(Self::Date(days)),
                Self::Literal(text) | Self::Text(text) => days(&text).map(Self::Date),
                _ => None,
            },
            "TIMESTAMP" => self.civil().map(Self::Timestamp),
            "TIMESTAMP WITH TIME ZONE" => self.instant(zone).map(Self::Instant),
            "VARCHAR" => match self {
                Self::Literal(text) | Self::Text(text) => Some(Self::Text(text)),
                _ => None,
            },
            _ => None,
        }
    }

    /// The constant in the order of a column of this type; `None` if the engine might compare otherwise.
    pub fn point(&self, column: &SqlType, zone: Zone) -> Option<Point> {
        match column {
            SqlType::BigInt => match self {
                Self::Integer(_) | Self::Literal(_) => self.whole().map(Point::Whole),
                Self::Real(value) => about(*value),
                _ => None,
            },
            SqlType::Double => self.real().and_then(about),
            SqlType::Decimal(..) => match self {
                Self::Integer(_) | Self::Real(_) => self.real().and_then(about),
                _ => None,
            },
            SqlType::Boolean => match self {
                Self::Boolean(value) => Some(Point::Whole((*value).into())),
                _ => None,
            },
            SqlType::Date => match self {
                Self::Literal(text) => days(text).map(|days| Point::Whole(midnight(days).into())),
                Self::Date(_) | Self::Timestamp(_) => self.civil().map(|micros| Point::Whole(micros.into())),
                _ => None,
            },
            SqlType::Timestamp => match self {
                Self::Literal(_) | Self::Date(_) | Self::Timestamp(_) => {
                    self.civil().map(|micros| Point::Whole(micros.into()))
                }
                _ => None,
            },
            SqlType::TimestampTz => match self {
                Self::Text(_) => None,
                _ => self.instant(zone).map(|micros| Point::Whole(micros.into())),
            },
            SqlType::Varchar => match self {
                Self::Literal(text) | Self::Text(text) => Some(Point::Text(text.clone())),
                _ => None,
            },
            SqlType::Json | SqlType::Blob | SqlType::Nested(_) => None,
        }
    }

    fn whole(&self) -> Option<i128> {
        match self {
            Self::Integer(value) => Some(*value),
            Self::Literal(text) => integer(text),
            _ => None,
        }
    }

    fn real(&self) -> Option<f64> {
        match self {
            Self::Integer(value) => Some(*value as f64),
            Self::Real(value) => Some(*value),
            Self::Literal(text) => number(text),
            _ => None,
        }
    }

    fn civil(&self) -> Option<i64> {
        match self {
            Self::Date(days) => Some(midnight(*days)),
            Self::Timestamp(micros) => Some(*micros),
            Self::Literal(text) | Self::Text(text) => civil_micros(text),
            _ => None,
        }
    }

    fn instant(&self, zone: Zone) -> Option<i64> {
        match self {
            Self::Instant(micros) => Some(*micros),
            Self::Literal(text) | Self::Text(text) if has_offset(text) => instant_micros(text),
            _ if zone == Zone::Utc => self.civil(),
            _ => None,
        }
    }
}

impl Point {
    /// A bound of a file whose column has the type `written`, in the order of today's type; `None` if the orders might differ.
    pub fn of_bound(text: &str, written: &SqlType, today: &SqlType) -> Option<Self> {
        use SqlType::{BigInt, Boolean, Date, Decimal, Double, Timestamp, TimestampTz, Varchar};
        match (written, today) {
            (Boolean, Boolean) => match text {
                "true" => Some(Self::Whole(1)),
                "false" => Some(Self::Whole(0)),
                _ => None,
            },
            (BigInt, BigInt) => integer(text).map(Self::Whole),
            (BigInt | Double, Double) | (Decimal(..), Decimal(..)) => text.parse().ok().and_then(about),
            (Date, Date | Timestamp) => days(text).map(|days| Self::Whole(midnight(days).into())),
            (Timestamp, Timestamp) => civil_micros(text).map(|micros| Self::Whole(micros.into())),
            (TimestampTz, TimestampTz) => instant_micros(text).map(|micros| Self::Whole(micros.into())),
            (Varchar, Varchar) => Some(Self::Text(text.to_owned())),
            _ => None,
        }
    }

    /// True unless this is surely not less than the other. Only points of one column are compared; others may be anything.
    pub fn may_be_less(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Whole(a), Self::Whole(b)) => a < b,
            (Self::Text(a), Self::Text(b)) => a.as_bytes() < b.as_bytes(),
            _ => self.may_not_be_greater(other),
        }
    }

    /// True unless this is surely greater than the other.
    pub fn may_not_be_greater(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Whole(a), Self::Whole(b)) => a <= b,
            (Self::Text(a), Self::Text(b)) => a.as_bytes() <= b.as_bytes(),
            (Self::Whole(a), Self::About(b)) => below(*a as f64) <= above(*b),
            (Self::About(a), Self::Whole(b)) => below(*a) <= above(*b as f64),
            (Self::About(a), Self::About(b)) => below(*a) <= above(*b),
            _ => true,
        }
    }
}

// Decimal texts, integers and casts in the engine may round another way in the last digit or two.
fn below(value: f64) -> f64 {
    value.next_down().next_down()
}

fn above(value: f64) -> f64 {
    value.next_up().next_up()
}

// NaN is greater than all else in the engine, and incomparable here.
fn about(value: f64) -> Option<Point> {
    (!value.is_nan()).then_some(Point::About(value))
}

fn whole(value: &Json) -> Option<i128> {
    if let (Some(upper), Some(lower)) = (value["upper"].as_i64(), value["lower"].as_u64()) {
        return Some(i128::from(upper) << 64 | i128::from(lower));
    }
    value.as_i64().map(i128::from).or_else(|| value.as_u64().map(i128::from))
}

fn integer(text: &str) -> Option<i128> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let plain = (1..=18).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    if plain { text.parse().ok() } else { text.parse::<i64>().ok().map(i128::from) }
}

fn number(text: &str) -> Option<f64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'.'));
    plain.then(|| text.parse().ok()).flatten()
}

fn midnight(days: i32) -> i64 {
    i64::from(days) * 86_400_000_000
}

fn days(text: &str) -> Option<i32> {
    let day = (text.len() == 10).then(|| text.parse::<civil::Date>().ok()).flatten()?;
    let days = micros_of(day.to_datetime(civil::Time::midnight()))?.div_euclid(86_400_000_000);
    i32::try_from(days).ok()
}

fn civil_micros(text: &str) -> Option<i64> {
    if text.len() == 10 {
        return days(text).map(midnight);
    }
    (is_plain(text) && !has_offset(text)).then(|| text.parse().ok()).flatten().and_then(micros_of)
}

fn instant_micros(text: &str) -> Option<i64> {
    (is_plain(text) && has_offset(text))
        .then(|| text.parse::<Timestamp>().ok())
        .flatten()
        .map(Timestamp::as_microsecond)
}

fn micros_of(at: civil::DateTime) -> Option<i64> {
    Some(at.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_microsecond())
}

// A year of four digits, seconds, and no finer fraction than the engine keeps.
fn is_plain(text: &str) -> bool {
    let bytes = text.as_bytes();
    let fraction =
        text.split_once('.').map_or(0, |(_, rest)| rest.bytes().take_while(u8::is_ascii_digit).count());
    bytes.len() >= 19
        && bytes.iter().all(|byte| byte.is_ascii_digit() || b"-: T.+Z".contains(byte))
        && bytes[4] == b'-'
        && bytes[16] == b':'
        && &bytes[17..19] != b"60"
        && fraction <= 6
}

fn has_offset(text: &str) -> bool {
    text.get(19..).is_some_and(|rest| rest.contains(['+', '-', 'Z']))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn literal(text: &str, column: &SqlType) -> Option<Point> {
        Constant::Literal(text.to_owned()).point(column, Zone::Utc)
    }

    #[test]
    fn a_text_is_read_only_in_the_one_form_that_the_engine_reads_alike() {
        let day = 19_000i128 * 86_400_000_000;
        for (text, kind, expected) in [
            ("2022-01-08", SqlType::Date, Some(day)),
            ("2022-01-08", SqlType::Timestamp, Some(day)),
            ("2022-01-08 00:00:01.5", SqlType::Timestamp, Some(day + 1_500_000)),
            ("2022-01-08T00:00:01", SqlType::Timestamp, Some(day + 1_000_000)),
            ("2022-01-08 02:00:00+02", SqlType::TimestampTz, Some(day)),
            ("2022-01-08 00:00:00Z", SqlType::TimestampTz, Some(day)),
            ("2022-01-08 00:00:00", SqlType::TimestampTz, Some(day)),
            ("2022-01-08 10:00:00", SqlType::Date, None),
            ("20220108", SqlType::Date, None),
            ("2022-01-08 00:00:00.1234567", SqlType::Timestamp, None),
            ("infinity", SqlType::Timestamp, None),
            ("2022-01-08 00:00:60", SqlType::Timestamp, None),
            ("17", SqlType::BigInt, Some(17)),
            ("17.5", SqlType::BigInt, None),
            (" 17", SqlType::BigInt, None),
        ] {
            assert_eq!(literal(text, &kind), expected.map(Point::Whole), "{text} as {kind}");
        }
    }

    #[test]
    fn a_text_without_offset_is_an_instant_only_in_utc() {
        let text = Constant::Literal("2022-01-08 00:00:00".to_owned());
        assert_eq!(text.point(&SqlType::TimestampTz, Zone::Other), None);
        let text = Constant::Literal("2022-01-08 00:00:00+00".to_owned());
        assert!(text.point(&SqlType::TimestampTz, Zone::Other).is_some());
    }

    #[test]
    fn numbers_that_round_to_each_other_may_be_equal() {
        let exact = Point::Whole((1 << 53) + 1);
        let about = Point::About((1i64 << 53) as f64);
        assert!(exact.may_not_be_greater(&about) && about.may_be_less(&exact) && exact.may_be_less(&about));
        assert!(!Point::About(1.0).may_not_be_greater(&Point::About(0.999)));
    }

    #[test]
    fn bounds_of_another_order_bound_nothing() {
        for (written, today) in [
            (SqlType::BigInt, SqlType::Varchar),
            (SqlType::Varchar, SqlType::BigInt),
            (SqlType::Timestamp, SqlType::Varchar),
            (SqlType::Double, SqlType::BigInt),
        ] {
            assert_eq!(Point::of_bound("5", &written, &today), None, "{written} read as {today}");
        }
        assert_eq!(Point::of_bound("5", &SqlType::BigInt, &SqlType::Double), Some(Point::About(5.0)));
    }
}
