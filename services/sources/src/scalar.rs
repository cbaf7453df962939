//! The grammar of values in text. Inference, the check of expected types and the cast read by it, so that they agree.

use jiff::civil::{Date, DateTime};

const MICROS_PER_SECOND: i64 = 1_000_000;

/// The narrowest class of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    Boolean,
    /// An integer whose text round-trips; true if it would lose digits as a double.
    BigInt(bool),
    Double,
    Date,
    Timestamp,
    TimestampTz,
    Text,
}

/// The narrowest class of a text as CSV has it.
#[inline]
pub(crate) fn classify(text: &str) -> Class {
    let bytes = text.as_bytes();
    match bytes.first() {
        Some(b'0'..=b'9' | b'-' | b'.') => classify_number(text).unwrap_or_else(|| classify_time(text)),
        Some(b't' | b'T') if text.eq_ignore_ascii_case("true") => Class::Boolean,
        Some(b'f' | b'F') if text.eq_ignore_ascii_case("false") => Class::Boolean,
        _ => Class::Text,
    }
}

/// The class of a number's text; `None` if it is none, or has no type that keeps it.
pub(crate) fn classify_number(text: &str) -> Option<Class> {
    let bytes = text.as_bytes();
    let unsigned = bytes.strip_prefix(b"-").unwrap_or(bytes);
    let whole = unsigned.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if whole > 1 && unsigned[0] == b'0' {
        return None;
    }
    if whole == unsigned.len() {
        return classify_integer(text, unsigned, bytes.len() > unsigned.len());
    }
    (is_decimal_tail(&unsigned[whole..], whole > 0) && keeps_magnitude(text)).then_some(Class::Double)
}

fn classify_integer(text: &str, digits: &[u8], negative: bool) -> Option<Class> {
    match digits.len() {
        0 => None,
        1 if negative && digits[0] == b'0' => Some(Class::Double),
        1..=15 => Some(Class::BigInt(false)),
        16..=19 => text.parse::<i64>().ok().map(|value| Class::BigInt(value.unsigned_abs() > 1 << 53)),
        _ => None,
    }
}

// `.5`, `.5e3`, `e3`: what may follow the digits before the point.
fn is_decimal_tail(tail: &[u8], has_whole: bool) -> bool {
    let (fraction, rest) = match tail.strip_prefix(b".") {
        Some(rest) => rest.split_at(rest.iter().take_while(|byte| byte.is_ascii_digit()).count()),
        None => (&[][..], tail),
    };
    if tail.first() == Some(&b'.') && fraction.is_empty() || !has_whole && fraction.is_empty() {
        return false;
    }
    match rest.split_first() {
        None => true,
        Some((b'e' | b'E', exponent)) => {
            let digits =
                exponent.strip_prefix(b"-").or_else(|| exponent.strip_prefix(b"+")).unwrap_or(exponent);
            !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
        }
        Some(_) => false,
    }
}

// Short texts without exponent can neither overflow nor vanish.
fn keeps_magnitude(text: &str) -> bool {
    if text.len() < 300 && !text.bytes().any(|byte| matches!(byte, b'e' | b'E')) {
        return true;
    }
    let mantissa = text.split(['e', 'E']).next().unwrap_or(text);
    let is_zero = mantissa.bytes().all(|byte| matches!(byte, b'0' | b'.' | b'-'));
    text.parse::<f64>().is_ok_and(|value| value.is_finite() && (is_zero || value != 0.0))
}

fn classify_time(text: &str) -> Class {
    match parse_time(text) {
        Some(Time::Date(_)) => Class::Date,
        Some(Time::Local(_)) => Class::Timestamp,
        Some(Time::Instant(_)) => Class::TimestampTz,
        None => Class::Text,
    }
}

/// A date or time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Time {
    /// Days since 1970-01-01.
    Date(i32),
    /// Microseconds since 1970-01-01, without zone.
    Local(i64),
    /// Microseconds since the Unix epoch.
    Instant(i64),
}

/// Reads the forms that mean one thing to everybody: `2026-01-31`, `2026/01/31` and `31.01.2026`, alone or with a time behind
/// `T` or a space: `10:00`, `10:00:00[.ffffff]`; then a zone or none: `Z`, `UTC`, `+01:00`, `-0530`, `+02`. ISO's short form
/// `20260131T100000Z` as well.
pub(crate) fn parse_time(text: &str) -> Option<Time> {
    let bytes = text.as_bytes();
    if bytes.len() < 10 {
        return None;
    }
    if matches!(bytes[8], b'T' | b't') {
        return parse_short(bytes);
    }
    let (date, rest) = bytes.split_at(10);
    let days = parse_day(date)?;
    let Some((between, clock)) = rest.split_first() else { return Some(Time::Date(days)) };
    if !matches!(between, b'T' | b't' | b' ') {
        return None;
    }
    let (micros, zone) = parse_clock(clock)?;
    in_zone(days, micros, zone)
}

// `20260131T1000`, `20260131T100000`.
fn parse_short(bytes: &[u8]) -> Option<Time> {
    let days = days(&bytes[..4], &bytes[4..6], &bytes[6..8])?;
    let clock = &bytes[9..];
    let (second, rest) = match clock.iter().take_while(|byte| byte.is_ascii_digit()).count() {
        4 => (0, &clock[4..]),
        6 => (digits(&clock[4..6])?, &clock[6..]),
        _ => return None,
    };
    let micros = micros_of(digits(&clock[..2])?, digits(&clock[2..4])?, second)?;
    let (fraction, zone) = parse_fraction(rest)?;
    in_zone(days, micros + fraction, zone)
}

fn in_zone(days: i32, micros: i64, zone: &[u8]) -> Option<Time> {
    let local = i64::from(days) * 86_400 * MICROS_PER_SECOND + micros;
    Some(match zone.strip_prefix(b" ").unwrap_or(zone) {
        [] if zone.is_empty() => Time::Local(local),
        [b'Z' | b'z'] | b"UTC" => Time::Instant(local),
        offset => Time::Instant(local - parse_offset(offset)? * 60 * MICROS_PER_SECOND),
    })
}

// Ten bytes. Dots always stand between day, month and year; slashes only where the year comes first, because `03/04/2025` is
// another day in another country.
fn parse_day(text: &[u8]) -> Option<i32> {
    match (text[4], text[7], text[2], text[5]) {
        (b'-', b'-', ..) | (b'/', b'/', ..) => days(&text[..4], &text[5..7], &text[8..]),
        (_, _, b'.', b'.') => days(&text[6..], &text[3..5], &text[..2]),
        _ => None,
    }
}

// Microseconds since midnight, and what follows.
fn parse_clock(bytes: &[u8]) -> Option<(i64, &[u8])> {
    if bytes.len() < 5 || bytes[2] != b':' {
        return None;
    }
    let (hour, minute) = (digits(&bytes[..2])?, digits(&bytes[3..5])?);
    if bytes.get(5) != Some(&b':') {
        return Some((micros_of(hour, minute, 0)?, &bytes[5..]));
    }
    let second = digits(bytes.get(6..8)?)?;
    let (fraction, rest) = parse_fraction(&bytes[8..])?;
    Some((micros_of(hour, minute, second)? + fraction, rest))
}

fn micros_of(hour: i64, minute: i64, second: i64) -> Option<i64> {
    let is_time = hour <= 23 && minute <= 59 && second <= 59;
    is_time.then_some((hour * 3600 + minute * 60 + second) * MICROS_PER_SECOND)
}

// Microseconds from `.5` or `,5`, and what follows. More than six digits count only if the rest are zeros.
fn parse_fraction(bytes: &[u8]) -> Option<(i64, &[u8])> {
    let Some((b'.' | b',', after)) = bytes.split_first() else { return Some((0, bytes)) };
    let count = after.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (fraction, rest) = after.split_at(count);
    let kept = &fraction[..count.min(6)];
    if count == 0 || fraction[kept.len()..].iter().any(|byte| *byte != b'0') {
        return None;
    }
    Some((digits(kept)? * 10_i64.pow(6 - kept.len() as u32), rest))
}

// Minutes east of UTC from `+01:00`, `-0530` or `+02`.
fn parse_offset(bytes: &[u8]) -> Option<i64> {
    let (sign, rest) = match bytes.split_first()? {
        (b'+', rest) => (1, rest),
        (b'-', rest) => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = match rest {
        [a, b] => (digits(&[*a, *b])?, 0),
        [a, b, c, d] | [a, b, b':', c, d] => (digits(&[*a, *b])?, digits(&[*c, *d])?),
        _ => return None,
    };
    (hours <= 18 && minutes <= 59).then_some(sign * (hours * 60 + minutes))
}

fn digits(bytes: &[u8]) -> Option<i64> {
    bytes.iter().try_fold(0_i64, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + i64::from(byte - b'0')))
}

// Days since 1970-01-01 of a day that the calendar has.
fn days(year: &[u8], month: &[u8], day: &[u8]) -> Option<i32> {
    let date = Date::new(
        i16::try_from(digits(year)?).ok()?,
        i8::try_from(digits(month)?).ok()?,
        i8::try_from(digits(day)?).ok()?,
    );
    Some(days_of(date.ok()?))
}

fn days_of(date: Date) -> i32 {
    // Howard Hinnant's days_from_civil: plain arithmetic, because it runs on every field.
    let (year, month, day) = (i32::from(date.year()), i32::from(date.month()), i32::from(date.day()));
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Writes microseconds without zone as ISO text.
pub(crate) fn local_text(micros: i64) -> Option<String> {
    let base: DateTime = jiff::civil::date(1970, 1, 1).at(0, 0, 0, 0);
    base.checked_add(jiff::SignedDuration::from_micros(micros)).ok().map(|at| at.to_string())
}

// Declared types are read more leniently than inferred ones: the declaration says what the text means.

/// A declared BOOLEAN.
pub(crate) fn parse_boolean(text: &str) -> Option<bool> {
    const TRUE: [&str; 5] = ["true", "t", "yes", "y", "1"];
    const FALSE: [&str; 5] = ["false", "f", "no", "n", "0"];
    if TRUE.iter().any(|word| word.eq_ignore_ascii_case(text)) {
        return Some(true);
    }
    FALSE.iter().any(|word| word.eq_ignore_ascii_case(text)).then_some(false)
}

/// A declared BIGINT: sign and leading zeros may stand before it.
pub(crate) fn parse_bigint(text: &str) -> Option<i64> {
    text.parse().ok()
}

/// A declared DOUBLE: any finite decimal number.
pub(crate) fn parse_double(text: &str) -> Option<f64> {
    let numeric = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'));
    if !numeric {
        return None;
    }
    text.parse::<f64>().ok().filter(|value| value.is_finite())
}

/// A declared DECIMAL as its unscaled number; digits that the type does not hold make it `None`.
pub(crate) fn parse_decimal(text: &str, precision: u8, scale: u8) -> Option<i128> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (negative, unsigned) = match mantissa.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, mantissa.strip_prefix('+').unwrap_or(mantissa)),
    };
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut value: i128 = 0;
    for byte in whole.bytes().chain(fraction.bytes()) {
        if !byte.is_ascii_digit() {
            return None;
        }
        value = value.checked_mul(10)?.checked_add(i128::from(byte - b'0'))?;
    }
    let shift = i64::from(scale) - fraction.len() as i64 + i64::from(exponent);
    let scaled = shift_decimal(value, shift)?;
    let limit = 10_i128.pow(u32::from(precision.min(38)));
    (scaled < limit).then_some(if negative { -scaled } else { scaled })
}

fn shift_decimal(value: i128, shift: i64) -> Option<i128> {
    if value == 0 {
        return Some(0);
    }
    let factor = 10_i128.checked_pow(u32::try_from(shift.unsigned_abs()).ok()?)?;
    if shift >= 0 {
        return value.checked_mul(factor);
    }
    (value % factor == 0).then_some(value / factor)
}

/// A declared DATE as days since 1970-01-01.
pub(crate) fn parse_date(text: &str) -> Option<i32> {
    match parse_time(text)? {
        Time::Date(days) => Some(days),
        Time::Local(_) | Time::Instant(_) => None,
    }
}

/// A declared TIMESTAMP in microseconds; a text with an offset is taken in UTC.
pub(crate) fn parse_timestamp(text: &str) -> Option<i64> {
    Some(match parse_time(text)? {
        Time::Date(days) => i64::from(days) * 86_400 * MICROS_PER_SECOND,
        Time::Local(micros) | Time::Instant(micros) => micros,
    })
}

#[cfg(test)]
#[path = "scalar_tests.rs"]
mod tests;
