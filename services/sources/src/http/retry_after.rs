//! `Retry-After`: seconds, or a date.

use std::time::Duration;

use jiff::{
    Timestamp,
    fmt::{rfc2822::DateTimeParser, strtime},
    tz::TimeZone,
};

/// No server is believed that wants to be left alone for longer.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// What the header asks for, a day at most; a date that has passed asks for nothing more.
pub(super) fn parse(text: &str, now: Timestamp) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<f64>() {
        let asked = Duration::try_from_secs_f64(seconds);
        return seconds.is_finite().then(|| asked.unwrap_or(LONGEST)).filter(|_| seconds >= 0.0).map(short);
    }
    let at = date(text)?;
    Some(short(Duration::try_from(at.duration_since(now)).unwrap_or_default()))
}

fn short(asked: Duration) -> Duration {
    asked.min(LONGEST)
}

// The form of today, then the two obsolete ones of RFC 9110: that of RFC 850, and asctime's.
fn date(text: &str) -> Option<Timestamp> {
    let obsolete = |form: &str| {
        let local = strtime::parse(form, text).ok()?.to_datetime().ok()?;
        local.to_zoned(TimeZone::UTC).ok().map(|at| at.timestamp())
    };
    DateTimeParser::new()
        .parse_timestamp(text)
        .ok()
        .or_else(|| obsolete("%A, %d-%b-%y %H:%M:%S GMT"))
        .or_else(|| obsolete("%a %b %e %H:%M:%S %Y"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(text: &str) -> Option<Duration> {
        parse(text, "1994-11-06T08:49:30Z".parse().expect("instant"))
    }

    #[test]
    fn seconds_are_read() {
        assert_eq!(asked("120"), Some(Duration::from_secs(120)));
        assert_eq!(asked("1.5"), Some(Duration::from_millis(1500)));
        assert_eq!(asked("0"), Some(Duration::ZERO));
    }

    #[test]
    fn dates_are_read_in_all_three_forms_of_http() {
        for text in
            ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"]
        {
            assert_eq!(asked(text), Some(Duration::from_secs(7)), "{text}");
        }
        assert_eq!(asked("Sun, 06 Nov 1994 08:49:00 GMT"), Some(Duration::ZERO));
    }

    #[test]
    fn nobody_is_left_alone_for_more_than_a_day() {
        assert_eq!(asked("99999999999"), Some(LONGEST));
        assert_eq!(asked("1e300"), Some(LONGEST));
        assert_eq!(asked("Sat, 06 Nov 2094 08:49:37 GMT"), Some(LONGEST));
    }

    #[test]
    fn anything_else_asks_for_nothing() {
        for text in ["soon", "", "-5", "nan", "inf"] {
            assert_eq!(asked(text), None, "{text}");
        }
    }
}
