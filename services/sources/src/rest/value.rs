//! Values of a cursor field: numbers, times and texts, each in their own order.

use std::cmp::Ordering;

use jiff::{SignedDuration, Timestamp, civil, tz::TimeZone};

/// A value, in the order by which a read goes on. Values of different kinds have none.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Value {
    Number(Number),
    Instant(Timestamp),
    Text(String),
}

/// A number; integers are exact.
#[derive(Debug, Clone, Copy)]
pub(super) enum Number {
    Integer(i128),
    Fraction(f64),
}

impl Number {
    fn fraction(self) -> f64 {
        match self {
            Self::Integer(number) => number as f64,
            Self::Fraction(number) => number,
        }
    }

    /// Its text.
    pub(super) fn text(self) -> String {
        match self {
            Self::Integer(number) => number.to_string(),
            Self::Fraction(number) => number.to_string(),
        }
    }

    /// Reads digits with a sign and a point; in `JSON` an exponent as well.
    pub(super) fn read(text: &str, is_json: bool) -> Option<Self> {
        let unsigned = text.strip_prefix('-').unwrap_or(text);
        let is_number = |byte: u8| {
            byte.is_ascii_digit() || byte == b'.' || is_json && matches!(byte, b'e' | b'E' | b'+' | b'-')
        };
        if !unsigned.bytes().next()?.is_ascii_digit() || !unsigned.bytes().all(is_number) {
            return None;
        }
        let integer = text.parse().map(Self::Integer).ok();
        integer.or_else(|| text.parse().ok().filter(|number: &f64| number.is_finite()).map(Self::Fraction))
    }

    /// The difference.
    pub(super) fn minus(self, other: Self) -> Self {
        match (self, other) {
            (Self::Integer(a), Self::Integer(b)) => Self::Integer(a.saturating_sub(b)),
            (a, b) => Self::Fraction(a.fraction() - b.fraction()),
        }
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Integer(a), Self::Integer(b)) => a.cmp(b),
            (a, b) => a.fraction().total_cmp(&b.fraction()),
        }
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Number {}

impl Value {
    /// What a text is: a number, an ISO time, or just text.
    pub(super) fn of(text: &str, is_json_number: bool) -> Self {
        if let Some(number) = Number::read(text, is_json_number) {
            return Self::Number(number);
        }
        match Time::read(text) {
            Some(time) => Self::Instant(time.instant),
            None => Self::Text(text.to_owned()),
        }
    }

    /// What it is, for messages.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Number(_) => "number",
            Self::Instant(_) => "time",
            Self::Text(_) => "text",
        }
    }

    pub(super) fn is_like(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

/// A time in ISO form, and how it was written. Without offset it is taken for UTC.
struct Time {
    instant: Timestamp,
    offset: Option<SignedDuration>,
}

impl Time {
    fn read(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        if bytes.len() < 10 || bytes[4] != b'-' || bytes[7] != b'-' {
            return None;
        }
        let utc = |local: civil::DateTime| {
            let instant = local.to_zoned(TimeZone::UTC).ok()?.timestamp();
            Some(Self { instant, offset: None })
        };
        if bytes.len() == 10 {
            return utc(text.parse::<civil::Date>().ok()?.at(0, 0, 0, 0));
        }
        if let Ok(instant) = text.parse::<Timestamp>() {
            let is_utc = text.ends_with(['Z', 'z']);
            let offset = if is_utc { Some(SignedDuration::ZERO) } else { offset(text) };
            return Some(Self { instant, offset });
        }
        utc(text.parse::<civil::DateTime>().ok()?)
    }
}

// Where the offset begins: behind the time, the date has no `+`, and its `-` come before.
fn offset_at(text: &str) -> Option<usize> {
    text.get(11..)?.find(['+', '-']).map(|at| at + 11)
}

fn offset(text: &str) -> Option<SignedDuration> {
    let offset = &text[offset_at(text)?..];
    let digits: String = offset[1..].chars().filter(char::is_ascii_digit).collect();
    let part =
        |range: std::ops::Range<usize>| digits.get(range).map_or(Some(0), |text| text.parse::<i64>().ok());
    let seconds = part(0..2)? * 3600 + part(2..4)? * 60;
    Some(SignedDuration::from_secs(if offset.starts_with('-') { -seconds } else { seconds }))
}

/// A time so much earlier, written as the text is: a date as a date, with as many digits of a second, in the same offset.
pub(super) fn earlier(text: &str, by: SignedDuration) -> Option<String> {
    let time = Time::read(text)?;
    let instant = time.instant.checked_sub(by).ok()?;
    let shifted = instant.checked_add(time.offset.unwrap_or_default()).ok()?;
    let local = TimeZone::UTC.to_datetime(shifted);
    if text.len() == 10 {
        return Some(local.date().to_string());
    }
    let fraction = text[11..]
        .find('.')
        .map_or(0, |at| text[11 + at + 1..].bytes().take_while(u8::is_ascii_digit).count());
    let seconds = format!("{}{}{}", local.date(), &text[10..11], local.strftime("%H:%M:%S"));
    let fraction = match fraction {
        0 => String::new(),
        digits => format!(".{}", &format!("{:09}", local.subsec_nanosecond())[..digits.min(9)]),
    };
    let zone = match time.offset {
        None => "",
        Some(_) => offset_at(text).map_or("Z", |at| &text[at..]),
    };
    Some(format!("{seconds}{fraction}{zone}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Value {
        Value::of(text, false)
    }

    #[test]
    fn numbers_compare_as_numbers_and_integers_exactly() {
        assert!(of("9") < of("10") && of("-2") < of("-1") && of("1.5") < of("2"));
        assert!(of("90071992547409931") > of("90071992547409930"));
        assert!(Value::of("1e3", true) == of("1000"));
        assert_eq!(of("1e3").kind(), "text", "an id, not a number");
    }

    #[test]
    fn times_compare_as_instants_whatever_their_offset() {
        assert!(of("2026-01-01T01:00:00+02:00") < of("2026-01-01T00:00:00Z"));
        assert_eq!(of("2026-01-01"), of("2026-01-01T00:00:00Z"));
        assert_eq!(of("2026-01-01 10:00:00"), of("2026-01-01T10:00:00.000Z"));
        assert!(of("2026-01-01T10:00:00.123456789Z") > of("2026-01-01T10:00:00.123456788Z"));
    }

    #[test]
    fn all_else_is_text() {
        for text in ["", "a", "2026-13-01", "2026-01-01x", "0x10", "1-2", "NaN", "inf", "v1.2.3", "12ab"] {
            assert_eq!(of(text).kind(), "text", "{text}");
        }
    }

    #[test]
    fn an_earlier_time_is_written_as_the_later_one_was() {
        let minutes = SignedDuration::from_mins(5);
        for (text, expected) in [
            ("2026-01-01T00:02:03Z", "2025-12-31T23:57:03Z"),
            ("2026-01-01 00:02:03", "2025-12-31 23:57:03"),
            ("2026-01-01T00:02:03.456Z", "2025-12-31T23:57:03.456Z"),
            ("2026-01-01T00:02:03.4+02:00", "2025-12-31T23:57:03.4+02:00"),
            ("2026-01-01T00:02:03-0530", "2025-12-31T23:57:03-0530"),
            ("2026-01-01", "2025-12-31"),
        ] {
            assert_eq!(earlier(text, minutes).as_deref(), Some(expected), "{text}");
        }
        assert_eq!(earlier("yesterday", minutes), None);
    }
}
