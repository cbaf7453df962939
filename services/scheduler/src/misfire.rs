//! Which instants were missed, and what becomes of them. Pure.

use std::time::Duration;

use jiff::Timestamp;
use rfe_proto::scheduler::MisfirePolicy;

/// Since when the clock has been looking without a break.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Watch {
    pub(crate) since: Timestamp,
    pub(crate) seen: Timestamp,
}

/// What becomes of an instant that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It fires.
    Fire,
    /// It passes.
    Miss,
    /// It waits for its turn, whatever the overlap policy.
    MakeUp,
}

// === impl Watch ===

impl Watch {
    pub(crate) fn new(now: Timestamp) -> Self {
        Self { since: now, seen: now }
    }

    /// The clock looks again. After a long break, such as a machine's sleep, it is as if no scheduler had run.
    pub(crate) fn look(&mut self, now: Timestamp, longest_break: Duration) {
        if now.duration_since(self.seen).unsigned_abs() > longest_break {
            self.since = now;
        }
        self.seen = now;
    }

    /// What becomes of an instant that is due at `now`; `newest` is the last one that is.
    pub(crate) fn fate(
        &self,
        policy: MisfirePolicy,
        grace: Duration,
        instant: Timestamp,
        newest: Timestamp,
        now: Timestamp,
    ) -> Fate {
        let watched = instant >= self.since;
        let late = now.duration_since(instant).unsigned_abs() > grace;
        let misfired = match (watched, instant == newest) {
            // It came due while the clock looked; what holds it up is not its fault.
            (true, true) => false,
            (true, false) | (false, true) => late,
            (false, false) => true,
        };
        match policy {
            MisfirePolicy::All if misfired || !watched => Fate::MakeUp,
            _ if !misfired => Fate::Fire,
            MisfirePolicy::Unspecified | MisfirePolicy::Latest if instant == newest => Fate::Fire,
            _ => Fate::Miss,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRACE: Duration = Duration::from_secs(10);

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_000_000 + second).expect("instant")
    }

    // Fates under skip, latest and all.
    fn fates(since: i64, instant: i64, newest: i64, now: i64) -> [Fate; 3] {
        let watch = Watch::new(at(since));
        [MisfirePolicy::Skip, MisfirePolicy::Latest, MisfirePolicy::All]
            .map(|policy| watch.fate(policy, GRACE, at(instant), at(newest), at(now)))
    }

    #[test]
    fn an_instant_fires_on_time_under_every_policy() {
        assert_eq!(fates(0, 60, 60, 60), [Fate::Fire; 3]);
        assert_eq!(fates(0, 60, 65, 66), [Fate::Fire; 3], "a short hold-up is no misfire");
    }

    #[test]
    fn one_that_is_held_up_for_less_than_a_period_is_no_misfire() {
        assert_eq!(fates(0, 60, 60, 3000), [Fate::Fire; 3]);
    }

    #[test]
    fn those_that_were_held_up_until_later_ones_were_due_follow_the_policy() {
        assert_eq!(fates(0, 60, 180, 181), [Fate::Miss, Fate::Miss, Fate::MakeUp]);
    }

    #[test]
    fn those_that_passed_while_no_scheduler_ran_follow_the_policy() {
        assert_eq!(fates(200, 60, 180, 201), [Fate::Miss, Fate::Miss, Fate::MakeUp], "an older one");
        assert_eq!(fates(200, 180, 180, 201), [Fate::Miss, Fate::Fire, Fate::MakeUp], "the newest one");
        assert_eq!(
            fates(200, 195, 195, 201),
            [Fate::Fire, Fate::Fire, Fate::MakeUp],
            "one that is just late"
        );
    }

    #[test]
    fn a_sleep_of_the_machine_is_as_if_no_scheduler_had_run() {
        let mut watch = Watch::new(at(0));
        watch.look(at(5), GRACE);
        assert_eq!(watch.since, at(0));
        watch.look(at(3600), GRACE);
        assert_eq!(watch, Watch::new(at(3600)));
    }
}
