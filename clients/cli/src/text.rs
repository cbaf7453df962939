//! Times, sizes and counts for people.

use std::time::Duration;

use jiff::Timestamp;
use prost_types::Timestamp as Proto;
use rfe_model::time;

/// `1,234,567`.
pub(crate) fn count(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut out = String::from(if number < 0 { "-" } else { "" });
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 row`, `1,234 rows`.
pub(crate) fn many(number: i64, noun: &str) -> String {
    format!("{} {noun}{}", count(number), if number == 1 { "" } else { "s" })
}

/// `12.3 MiB`.
pub(crate) fn bytes(number: i64) -> String {
    let mut value = number as f64;
    let mut units = ["B", "KiB", "MiB", "GiB"].into_iter();
    let mut unit = "TiB";
    for next in units.by_ref() {
        unit = next;
        if value < 1024.0 {
            break;
        }
        value /= 1024.0;
        unit = "TiB";
    }
    if unit == "B" { format!("{number} B") } else { format!("{value:.1} {unit}") }
}

/// `850 ms`, `4.2 s`, `3 min`, `5 h`, `2 d`.
pub(crate) fn span(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    match seconds {
        ..1.0 => format!("{} ms", duration.as_millis()),
        ..60.0 => format!("{seconds:.1} s"),
        ..3600.0 => format!("{} min", (seconds / 60.0) as u64),
        ..172_800.0 => format!("{} h", (seconds / 3600.0) as u64),
        _ => format!("{} d", (seconds / 86_400.0) as u64),
    }
}

/// `2026-11-23 12:30:05Z`; empty if unset.
pub(crate) fn at(instant: Option<&Proto>) -> String {
    match instant.and_then(time::from_proto) {
        Some(instant) => instant.strftime("%Y-%m-%d %H:%M:%SZ").to_string(),
        None => String::new(),
    }
}

/// `3 min ago`; empty if unset.
pub(crate) fn ago(instant: Option<&Proto>) -> String {
    match instant.and_then(time::from_proto) {
        Some(instant) => format!("{} ago", span(since(instant))),
        None => String::new(),
    }
}

/// The time between two instants, if both are set.
pub(crate) fn between(start: Option<&Proto>, end: Option<&Proto>) -> Option<Duration> {
    let (start, end) = (time::from_proto(start?)?, time::from_proto(end?)?);
    Some(end.duration_since(start).try_into().unwrap_or(Duration::ZERO))
}

fn since(instant: Timestamp) -> Duration {
    Timestamp::now().duration_since(instant).try_into().unwrap_or(Duration::ZERO)
}

/// `JOB_STATE_QUEUED` as `queued`.
pub(crate) fn state(name: &str, prefix: &str) -> String {
    name.strip_prefix(prefix).unwrap_or(name).to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(
            [count(0), count(999), count(1000), count(-1_234_567)],
            ["0", "999", "1,000", "-1,234,567"]
        );
        assert_eq!([many(1, "row"), many(2000, "row")], ["1 row", "2,000 rows"]);
        assert_eq!(
            [bytes(0), bytes(1023), bytes(1536), bytes(5 << 30)],
            ["0 B", "1023 B", "1.5 KiB", "5.0 GiB"]
        );
        assert_eq!(bytes(3 << 40), "3.0 TiB");
    }

    #[test]
    fn times_read_well() {
        let texts = [850, 4200, 180_000, 7_200_000, 259_200_000].map(|ms| span(Duration::from_millis(ms)));
        assert_eq!(texts, ["850 ms", "4.2 s", "3 min", "2 h", "3 d"]);
        assert_eq!(at(Some(&Proto { seconds: 1_800_000_000, nanos: 5 })), "2027-01-15 08:00:00Z");
        assert_eq!((at(None), ago(None)), (String::new(), String::new()));
        assert_eq!(state("JOB_STATE_QUEUED", "JOB_STATE_"), "queued");
    }
}
