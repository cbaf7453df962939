//! Delays between attempts.

use std::time::Duration;

/// How failed attempts are repeated.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Backoff {
    /// Attempts in all, the first included.
    pub attempts: u32,
    /// The delay after the first attempt, before jitter.
    pub base: Duration,
    /// No delay is longer.
    pub cap: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { attempts: 5, base: Duration::from_secs(2), cap: Duration::from_secs(60) }
    }
}

impl Backoff {
    /// The delay after a failed attempt, from 1: uniform(0.5, 1) × min(cap, base × 2^(attempt − 1)). `random` is in [0, 1).
    /// `None`: that was the last one.
    pub fn delay(&self, attempt: u32, random: f64) -> Option<Duration> {
        if attempt >= self.attempts {
            return None;
        }
        let factor = 2f64.powi(attempt.saturating_sub(1).min(62) as i32);
        let full = (self.base.as_secs_f64() * factor).min(self.cap.as_secs_f64());
        Some(Duration::from_secs_f64(full * (0.5 + 0.5 * random)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_cap_and_end_with_the_attempts() {
        let backoff = Backoff { attempts: 8, ..Backoff::default() };
        let most = |attempt| backoff.delay(attempt, 1.0).map(|delay| delay.as_secs_f64());
        assert_eq!(most(1), Some(2.0));
        assert_eq!(most(2), Some(4.0));
        assert_eq!(most(7), Some(60.0));
        assert_eq!(most(8), None);
        assert_eq!(backoff.delay(1, 0.0), Some(Duration::from_secs(1)));
    }
}
