//! Timestamps of signatures: one that is too old or from the future may have been sent by anybody who saw it once.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::HeaderMap;
use rfe_model::Fault;

use super::{refused, required};

/// The timestamp in a header as it is written, if it is near enough to `now`.
pub(super) fn fresh<'a>(
    headers: &'a HeaderMap,
    name: &str,
    tolerance: Duration,
    now: SystemTime,
) -> Result<&'a str, Fault> {
    let text = required(headers, name, "the time of the signature")?;
    let Some(time) = read(text.trim()) else {
        return Err(refused(format!("the header `{name}` holds no time: `{}`", shortened(text))));
    };
    let apart = now.duration_since(time).unwrap_or_else(|ahead| ahead.duration());
    if apart > tolerance {
        let message = format!(
            "the time in `{name}` is {} s away from this server's clock; at most {} s are taken",
            apart.as_secs(),
            tolerance.as_secs()
        );
        return Err(refused(message));
    }
    Ok(text)
}

// Seconds, or milliseconds if they would be in the year 5000, or RFC 3339.
fn read(text: &str) -> Option<SystemTime> {
    const LAST_SECOND: u64 = 100_000_000_000;
    if let Ok(number) = text.parse::<u64>() {
        let since =
            if number < LAST_SECOND { Duration::from_secs(number) } else { Duration::from_millis(number) };
        return UNIX_EPOCH.checked_add(since);
    }
    text.parse::<jiff::Timestamp>().ok().map(SystemTime::from)
}

fn shortened(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_reads_in_every_form() {
        let expected = UNIX_EPOCH + Duration::from_secs(1_614_265_330);
        for text in ["1614265330", "1614265330000", "2021-02-25T15:02:10Z", "2021-02-25T16:02:10+01:00"] {
            assert_eq!(read(text), Some(expected), "{text}");
        }
        for text in ["", "yesterday", "-1", "1614265330.5", "99999999999999999999"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn a_time_is_good_within_the_tolerance_on_both_sides() {
        let mut headers = HeaderMap::new();
        headers.insert("x-time", http::HeaderValue::from_static("1000"));
        let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
        let tolerance = Duration::from_secs(300);
        for good in [700, 1000, 1300] {
            assert_eq!(fresh(&headers, "X-Time", tolerance, at(good)), Ok("1000"), "{good}");
        }
        for bad in [699, 1301] {
            let fault = fresh(&headers, "X-Time", tolerance, at(bad)).expect_err("refused");
            assert!(fault.message.contains("301 s away"), "{}", fault.message);
        }
    }
}
