//! Instants as people write them on the command line.

use jiff::{Timestamp, civil, tz::TimeZone};
use prost_types::Timestamp as Proto;
use rfe_model::{duration, time};

/// `2h` (that long ago), `2026-11-23T12:30:05Z`, `2026-11-23 12:30` or `2026-11-23`, in UTC where no offset is given.
///
/// # Errors
/// If the text is none of these.
pub(crate) fn parse(text: &str) -> Result<Proto, String> {
    let instant = ago(text).or_else(|| text.parse().ok()).or_else(|| in_utc(text));
    instant.map(time::to_proto).ok_or_else(|| {
        format!("`{text}` is no instant: write it like `2h` (ago), `2026-11-23` or `2026-11-23T12:30:00Z`")
    })
}

fn ago(text: &str) -> Option<Timestamp> {
    let ago = jiff::SignedDuration::try_from(duration::parse(text).ok()?).ok()?;
    Timestamp::now().checked_sub(ago).ok()
}

fn in_utc(text: &str) -> Option<Timestamp> {
    let local = text.parse::<civil::DateTime>().ok()?;
    TimeZone::UTC.to_timestamp(local).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_read_in_every_usual_form() {
        for (text, seconds) in [
            ("2027-01-15T08:00:00Z", 1_800_000_000),
            ("2027-01-15T09:00:00+01:00", 1_800_000_000),
            ("2027-01-15 08:00", 1_800_000_000),
            ("2027-01-15", 1_799_971_200),
        ] {
            assert_eq!(parse(text).map(|at| at.seconds), Ok(seconds), "{text}");
        }
        let ago = Timestamp::now().as_second() - parse("2h").expect("two hours ago").seconds;
        assert!((7199..7205).contains(&ago), "{ago}");
        assert!(parse("yesterday").expect_err("no instant").contains("2026-11-23"));
    }
}
