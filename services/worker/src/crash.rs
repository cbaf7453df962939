//! Steps at which a drill kills the process.

use std::sync::atomic::{AtomicU64, Ordering};

/// The steps, in the order in which a run passes them.
pub const STEPS: [&str; 15] = [
    "after_lease",
    "after_claim",
    "after_checkpoint",
    "after_chunk",
    "after_read",
    "after_schema",
    "after_letters",
    "after_write",
    "after_put_raw",
    "after_put",
    "before_commit",
    "after_commit",
    "before_fail",
    "after_fail",
    "after_complete",
];

/// The step of a name.
pub(crate) fn known_step(name: &str) -> Result<&'static str, String> {
    let step = STEPS.iter().find(|step| **step == name).copied();
    step.ok_or_else(|| format!("`{name}` is no step; the steps are {}", STEPS.join(", ")))
}

/// Aborts the process at one passing of one step. Clones of an `Arc` count together.
#[derive(Debug, Default)]
pub struct CrashPoint {
    step: Option<&'static str>,
    passing: u64,
    passed: AtomicU64,
}

impl CrashPoint {
    /// Reads `step` or `step:N`, N from 1.
    ///
    /// # Errors
    /// If there is no such step.
    pub fn parse(text: Option<&str>) -> Result<Self, String> {
        let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(Self::default()) };
        let (name, passing) = text.split_once(':').unwrap_or((text, "1"));
        let step = known_step(name)?;
        let passing = passing.parse().ok().filter(|passing| *passing > 0);
        let passing =
            passing.ok_or_else(|| format!("`{text}`: the passing is a number from 1, such as `{name}:2`"))?;
        Ok(Self { step: Some(step), passing, passed: AtomicU64::new(0) })
    }

    /// Passes a step.
    pub fn pass(&self, step: &'static str) {
        if self.is_due(step) {
            tracing::error!(step, "crash point reached, aborting");
            std::process::abort();
        }
    }

    fn is_due(&self, step: &'static str) -> bool {
        self.step == Some(step) && self.passed.fetch_add(1, Ordering::SeqCst) + 1 == self.passing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_named_passing_of_the_named_step_is_due() {
        let point = CrashPoint::parse(Some("after_put:2")).expect("a step");
        assert!(!point.is_due("after_claim"));
        assert!(!point.is_due("after_put"));
        assert!(point.is_due("after_put"));
        assert!(!point.is_due("after_put"));
    }

    #[test]
    fn an_unknown_step_is_refused() {
        assert!(CrashPoint::parse(Some("after_lunch")).unwrap_err().contains("after_claim"));
        assert!(CrashPoint::parse(Some("after_put:0")).is_err());
        assert!(!CrashPoint::parse(None).expect("none").is_due("after_put"));
    }
}
