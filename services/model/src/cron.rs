//! Cron expressions: five fields, or six with seconds first.

use std::time::Duration;

use croner::Cron;
use jiff::{Timestamp, tz::TimeZone};

/// Takes an expression apart.
///
/// # Errors
/// With the reason for a person, if it is none, or never fires.
pub fn parse(expression: &str) -> Result<Cron, String> {
    let fields = expression.split_whitespace().count();
    let is_nickname = expression.trim().starts_with('@');
    if !is_nickname && !(5..=6).contains(&fields) {
        return Err(format!(
            "`{expression}` has {fields} fields; five, such as `0 6 * * *`, or six with seconds first"
        ));
    }
    let cron: Cron = expression
        .parse()
        .map_err(|error| format!("`{expression}` is no cron expression such as `0 6 * * *`: {error}"))?;
    let now = Timestamp::UNIX_EPOCH.to_zoned(TimeZone::UTC);
    cron.find_next_occurrence(&now, false).map_err(|_| format!("`{expression}` never fires"))?;
    Ok(cron)
}

/// The time between the next two instants of an expression after `from`; `None` if there are none.
pub fn period(expression: &str, timezone: Option<&str>, from: Timestamp) -> Option<Duration> {
    let cron = parse(expression).ok()?;
    let zone = timezone.map_or(Some(TimeZone::UTC), |name| TimeZone::get(name).ok())?;
    let first = cron.find_next_occurrence(&from.to_zoned(zone), false).ok()?;
    let second = cron.find_next_occurrence(&first, false).ok()?;
    Duration::try_from(second.timestamp().duration_since(first.timestamp())).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_expression_is_quoted() {
        for wrong in ["", "never", "61 * * * *", "* * * *", "0 0 30 2 *"] {
            let reason = parse(wrong).expect_err(wrong);
            assert!(reason.contains(&format!("`{wrong}`")), "{reason}");
        }
    }

    #[test]
    fn five_fields_and_six_are_taken() {
        let from = Timestamp::UNIX_EPOCH;
        assert_eq!(period("0 6 * * *", Some("Europe/Berlin"), from), Some(Duration::from_secs(86_400)));
        assert_eq!(period("*/15 * * * * *", None, from), Some(Duration::from_secs(15)));
    }
}
