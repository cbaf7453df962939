//! Steps at which a drill freezes a run, as if its process had been stopped and continued later.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use crate::crash::known_step;

/// Freezes the run that passes a step, once or each time. Clones of an `Arc` count together.
#[derive(Debug, Default)]
pub struct FreezePoint {
    step: Option<&'static str>,
    passing: Passing,
    time: Duration,
    passed: AtomicU64,
}

#[derive(Debug, Default)]
enum Passing {
    #[default]
    Every,
    Only(u64),
}

impl FreezePoint {
    /// Reads `step=SECONDS`, `step:N=SECONDS` with N from 1, or `step:*=SECONDS` for every passing.
    ///
    /// # Errors
    /// If there is no such step, or the text is no freeze point.
    pub fn parse(text: Option<&str>) -> Result<Self, String> {
        let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(Self::default()) };
        let (point, seconds) = text
            .split_once('=')
            .ok_or_else(|| format!("`{text}` does not say for how long, such as `{text}=5` for 5 seconds"))?;
        let (name, passing) = point.split_once(':').unwrap_or((point, "1"));
        let step = known_step(name)?;
        let passing = match passing {
            "*" => Passing::Every,
            number => Passing::Only(number.parse().ok().filter(|passing| *passing > 0).ok_or_else(|| {
                format!("`{text}`: the passing is a number from 1 or `*`, such as `{name}:2=5`")
            })?),
        };
        let time = seconds.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        let time = time.ok_or_else(|| format!("`{text}`: `{seconds}` is no number of seconds"))?;
        Ok(Self { step: Some(step), passing, time, passed: AtomicU64::new(0) })
    }

    /// For how long the run that passes a step now is frozen.
    pub(crate) fn due(&self, step: &'static str) -> Option<Duration> {
        if self.step != Some(step) {
            return None;
        }
        let passed = self.passed.fetch_add(1, Ordering::SeqCst) + 1;
        let is_due = match self.passing {
            Passing::Every => true,
            Passing::Only(passing) => passed == passing,
        };
        is_due.then_some(self.time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due(text: &str) -> [bool; 3] {
        let point = FreezePoint::parse(Some(text)).expect("a freeze point");
        assert_eq!(point.due("after_claim"), None);
        [(); 3].map(|()| point.due("after_put") == Some(Duration::from_millis(1500)))
    }

    #[test]
    fn one_passing_freezes_or_all_do() {
        assert_eq!(due("after_put=1.5"), [true, false, false]);
        assert_eq!(due("after_put:2=1.5"), [false, true, false]);
        assert_eq!(due("after_put:*=1.5"), [true, true, true]);
        assert_eq!(FreezePoint::parse(None).expect("none").due("after_put"), None);
    }

    #[test]
    fn what_is_no_freeze_point_is_refused_with_the_way_to_write_one() {
        for (text, part) in [
            ("after_put", "after_put=5"),
            ("after_lunch=1", "after_claim"),
            ("after_put:0=1", "after_put:2=5"),
            ("after_put=long", "`long`"),
            ("after_put=-1", "`-1`"),
        ] {
            let reason = FreezePoint::parse(Some(text)).expect_err(text);
            assert!(reason.contains(part), "{text}: {reason}");
        }
    }
}
