//! Instants of a timing. Pure: no clock, no I/O.

use std::time::Duration;

use croner::Cron;
use jiff::{SignedDuration, Timestamp, tz::TimeZone};

const SECOND: i128 = 1_000_000_000;
// The first stretch that is searched backwards for instants of a cron expression, and by what it grows.
const STRETCH: SignedDuration = SignedDuration::from_mins(1);
const GROWTH: i32 = 8;

/// When a schedule fires.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Timing {
    /// At the multiples of so many nanoseconds since the Unix epoch.
    Every(i128),
    /// By the clocks of a zone.
    Cron(Box<Cron>, TimeZone),
}

// === impl Timing ===

impl Timing {
    /// At the multiples of a duration of at least a second, which counts in whole microseconds.
    ///
    /// # Errors
    /// With the reason for a person.
    pub(crate) fn every(every: Duration) -> Result<Self, String> {
        if every < Duration::from_secs(1) {
            return Err(format!("{every:?} is less than 1s"));
        }
        let micros = i128::try_from(every.as_micros()).map_err(|_| format!("{every:?} is too long"))?;
        Ok(Self::Every(micros * 1000))
    }

    /// By a cron expression in a zone.
    ///
    /// # Errors
    /// With the reason for a person.
    pub(crate) fn cron(text: &str, zone: TimeZone) -> Result<Self, String> {
        let cron = rfe_model::cron::parse(text)?;
        Ok(Self::Cron(Box::new(cron), zone))
    }

    /// The first instant after another; `None` if there is none.
    pub(crate) fn next_after(&self, after: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Every(every) => {
                let next = (after.as_nanosecond().div_euclid(*every) + 1) * every;
                Timestamp::from_nanosecond(next).ok()
            }
            Self::Cron(cron, zone) => {
                // Instants are whole seconds, and the search begins at the next one.
                let whole =
                    Timestamp::from_nanosecond(after.as_nanosecond().div_euclid(SECOND) * SECOND).ok()?;
                let next = cron.find_next_occurrence(&whole.to_zoned(zone.clone()), false).ok()?.timestamp();
                (next > after).then_some(next)
            }
        }
    }

    /// The newest instants later than `after` and not later than `until`, at most `limit` of them, oldest first.
    pub(crate) fn newest(&self, after: Timestamp, until: Timestamp, limit: usize) -> Vec<Timestamp> {
        match self {
            Self::Every(every) => multiples(*every, after, until, limit),
            Self::Cron(..) => {
                let mut stretch = STRETCH;
                loop {
                    let from = until.checked_sub(stretch).unwrap_or(after).max(after);
                    let mut found = self.between(from, until);
                    if found.len() >= limit || from == after {
                        found.drain(..found.len().saturating_sub(limit));
                        return found;
                    }
                    stretch = stretch.saturating_mul(GROWTH);
                }
            }
        }
    }

    fn between(&self, after: Timestamp, until: Timestamp) -> Vec<Timestamp> {
        std::iter::successors(self.next_after(after), |at| self.next_after(*at))
            .take_while(|at| *at <= until)
            .collect()
    }
}

fn multiples(every: i128, after: Timestamp, until: Timestamp, limit: usize) -> Vec<Timestamp> {
    let last = until.as_nanosecond().div_euclid(every);
    let first = (after.as_nanosecond().div_euclid(every) + 1).max(last + 1 - limit as i128);
    (first..=last).filter_map(|number| Timestamp::from_nanosecond(number * every).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cron(text: &str, zone: &str) -> Timing {
        Timing::cron(text, TimeZone::get(zone).expect("zone")).expect("cron")
    }

    fn at(text: &str) -> Timestamp {
        text.parse().expect("instant")
    }

    fn following(timing: &Timing, after: &str, count: usize) -> Vec<String> {
        std::iter::successors(timing.next_after(at(after)), |at| timing.next_after(*at))
            .take(count)
            .map(|at| at.to_string())
            .collect()
    }

    #[test]
    fn every_fires_at_multiples_since_the_epoch() {
        let timing = Timing::every(Duration::from_secs(300)).expect("timing");
        assert_eq!(
            following(&timing, "2026-03-01T10:01:00Z", 2),
            ["2026-03-01T10:05:00Z", "2026-03-01T10:10:00Z"]
        );
        assert_eq!(following(&timing, "2026-03-01T10:05:00Z", 1), ["2026-03-01T10:10:00Z"]);
        assert_eq!(following(&timing, "1969-12-31T23:59:59Z", 1), ["1970-01-01T00:00:00Z"]);
        assert!(Timing::every(Duration::from_millis(999)).is_err());
    }

    #[test]
    fn cron_fires_on_the_clocks_of_its_zone() {
        let berlin = cron("0 6 * * *", "Europe/Berlin");
        assert_eq!(
            following(&berlin, "2026-03-27T12:00:00Z", 3),
            ["2026-03-28T05:00:00Z", "2026-03-29T04:00:00Z", "2026-03-30T04:00:00Z"]
        );
        let seconds = cron("*/20 * * * * *", "UTC");
        assert_eq!(
            following(&seconds, "2026-03-01T10:00:00.5Z", 2),
            ["2026-03-01T10:00:20Z", "2026-03-01T10:00:40Z"]
        );
    }

    #[test]
    fn a_fixed_time_within_a_gap_fires_right_after_it() {
        // 02:00 to 03:00 do not exist on these days.
        let berlin = cron("30 2 * * *", "Europe/Berlin");
        assert_eq!(
            following(&berlin, "2026-03-28T12:00:00Z", 2),
            ["2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"]
        );
        let new_york = cron("30 2 * * *", "America/New_York");
        assert_eq!(
            following(&new_york, "2026-03-07T12:00:00Z", 2),
            ["2026-03-08T07:00:00Z", "2026-03-09T06:30:00Z"]
        );
        // Lord Howe goes forward by half an hour: 02:00 to 02:30.
        let lord_howe = cron("15 2 * * *", "Australia/Lord_Howe");
        assert_eq!(
            following(&lord_howe, "2026-10-03T00:00:00Z", 2),
            ["2026-10-03T15:30:00Z", "2026-10-04T15:15:00Z"]
        );
    }

    #[test]
    fn a_fixed_time_that_comes_twice_fires_once() {
        let berlin = cron("30 2 * * *", "Europe/Berlin");
        assert_eq!(
            following(&berlin, "2026-10-24T12:00:00Z", 2),
            ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]
        );
        let new_york = cron("30 1 * * *", "America/New_York");
        assert_eq!(
            following(&new_york, "2026-10-31T12:00:00Z", 2),
            ["2026-11-01T05:30:00Z", "2026-11-02T06:30:00Z"]
        );
        let lord_howe = cron("45 1 * * *", "Australia/Lord_Howe");
        assert_eq!(
            following(&lord_howe, "2026-04-04T00:00:00Z", 2),
            ["2026-04-04T14:45:00Z", "2026-04-05T15:15:00Z"]
        );
    }

    #[test]
    fn each_kind_of_expression_goes_through_both_changes_of_clocks() {
        // Zone, expression, an instant before the change, the instants that follow (UTC).
        let table: [(&str, &str, &str, &[&str]); 16] = [
            // Berlin, 2026-03-29: 02:00 → 03:00 at 01:00Z. New York, 2026-03-08: 02:00 → 03:00 at 07:00Z.
            ("Europe/Berlin", "0 2 * * *", "2026-03-29T00:00", &["2026-03-29T01:00", "2026-03-30T00:00"]),
            ("Europe/Berlin", "59 1 * * *", "2026-03-29T00:00", &["2026-03-29T00:59", "2026-03-29T23:59"]),
            ("Europe/Berlin", "0 3 * * *", "2026-03-29T00:00", &["2026-03-29T01:00", "2026-03-30T01:00"]),
            ("Europe/Berlin", "15 * * * *", "2026-03-29T00:00", &["2026-03-29T00:15", "2026-03-29T01:15"]),
            ("Europe/Berlin", "*/30 * * * *", "2026-03-29T00:15", &["2026-03-29T00:30", "2026-03-29T01:00"]),
            ("Europe/Berlin", "0 12 * * SUN", "2026-03-28T00:00", &["2026-03-29T10:00", "2026-04-05T10:00"]),
            ("America/New_York", "0 2 * * *", "2026-03-08T06:00", &["2026-03-08T07:00", "2026-03-09T06:00"]),
            ("America/New_York", "15 * * * *", "2026-03-08T06:00", &["2026-03-08T06:15", "2026-03-08T07:15"]),
            // Berlin, 2026-10-25: 03:00 → 02:00 at 01:00Z. New York, 2026-11-01: 02:00 → 01:00 at 06:00Z.
            ("Europe/Berlin", "0 2 * * *", "2026-10-24T22:00", &["2026-10-25T00:00", "2026-10-26T01:00"]),
            ("Europe/Berlin", "59 2 * * *", "2026-10-24T22:00", &["2026-10-25T00:59", "2026-10-26T01:59"]),
            ("Europe/Berlin", "0 3 * * *", "2026-10-24T22:00", &["2026-10-25T02:00", "2026-10-26T02:00"]),
            (
                "Europe/Berlin",
                "15 * * * *",
                "2026-10-25T00:00",
                &["2026-10-25T00:15", "2026-10-25T01:15", "2026-10-25T02:15"],
            ),
            ("Europe/Berlin", "0 12 25 10 *", "2026-10-24T22:00", &["2026-10-25T11:00", "2027-10-25T10:00"]),
            ("America/New_York", "0 1 * * *", "2026-11-01T04:00", &["2026-11-01T05:00", "2026-11-02T06:00"]),
            ("America/New_York", "0 2 * * *", "2026-11-01T04:00", &["2026-11-01T07:00", "2026-11-02T07:00"]),
            (
                "America/New_York",
                "*/30 * * * *",
                "2026-11-01T05:15",
                &["2026-11-01T05:30", "2026-11-01T06:00", "2026-11-01T06:30", "2026-11-01T07:00"],
            ),
        ];
        for (zone, expression, after, expected) in table {
            let found = following(&cron(expression, zone), &format!("{after}:00Z"), expected.len());
            let expected: Vec<String> = expected.iter().map(|at| format!("{at}:00Z")).collect();
            assert_eq!(found, expected, "{expression} in {zone}");
        }
    }

    #[test]
    fn an_interval_goes_on_through_gap_and_overlap() {
        for (zone, from) in [
            ("Europe/Berlin", "2026-03-28T22:00:00Z"),
            ("Europe/Berlin", "2026-10-24T22:00:00Z"),
            ("America/New_York", "2026-03-08T04:00:00Z"),
            ("America/New_York", "2026-11-01T03:00:00Z"),
            ("Australia/Lord_Howe", "2026-10-03T12:00:00Z"),
            ("Australia/Lord_Howe", "2026-04-04T12:00:00Z"),
        ] {
            let timing = cron("*/15 * * * *", zone);
            let instants =
                timing.between(at(from), at(from).checked_add(SignedDuration::from_hours(8)).expect("later"));
            assert_eq!(instants.len(), 32, "{zone} {from}");
            for pair in instants.windows(2) {
                assert_eq!(
                    pair[0].duration_until(pair[1]),
                    SignedDuration::from_mins(15),
                    "{zone} {}",
                    pair[0]
                );
            }
        }
    }

    #[test]
    fn the_newest_instants_are_the_end_of_all() {
        let (after, until) = (at("2026-03-27T00:00:00Z"), at("2026-03-31T00:00:00Z"));
        for timing in [
            cron("*/7 * * * *", "Europe/Berlin"),
            cron("30 2 * * *", "Europe/Berlin"),
            Timing::Every(3600 * SECOND),
        ] {
            let all = timing.between(after, until);
            for limit in [1, 2, 50, 10_000] {
                assert_eq!(
                    timing.newest(after, until, limit),
                    all[all.len().saturating_sub(limit)..],
                    "{limit}"
                );
            }
            assert!(timing.newest(until, until, 5).is_empty());
        }
        let each_second = cron("* * * * * *", "UTC");
        assert_eq!(each_second.newest(at("2001-01-01T00:00:00Z"), until, 1), [until]);
    }

    #[test]
    fn an_expression_that_is_none_or_never_comes_is_refused() {
        for wrong in ["", "* * *", "61 * * * *", "0 0 0 1 1 * 2030", "every day", "0 0 30 2 *"] {
            let reason = Timing::cron(wrong, TimeZone::UTC).expect_err(wrong);
            assert!(reason.contains(&format!("`{wrong}`")), "{reason}");
        }
    }
}
