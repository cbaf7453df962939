//! A bound on how often a server is asked.

use std::time::Duration;

use tokio::{
    sync::Mutex,
    time::{Instant, sleep_until},
};

/// The least time from one request to the next, whoever sends them. Requests that were not sent are not made up for.
#[derive(Debug)]
pub(crate) struct Pace {
    interval: Duration,
    last: Mutex<Option<Instant>>,
}

impl Pace {
    /// At most one request in this time.
    pub(crate) fn new(interval: Duration) -> Self {
        Self { interval, last: Mutex::new(None) }
    }

    /// The time between two requests.
    pub(crate) fn interval(&self) -> Duration {
        self.interval
    }

    /// Returns when the next request may be sent.
    pub(crate) async fn turn(&self) {
        let mut last = self.last.lock().await;
        if let Some(last) = *last {
            sleep_until(last + self.interval).await;
        }
        *last = Some(Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn turns_are_never_closer_than_the_interval_even_after_a_pause() {
        let pace = std::sync::Arc::new(Pace::new(Duration::from_millis(20)));
        let mut turns = Vec::new();
        for nth in 0..6 {
            if nth == 3 {
                tokio::time::sleep(Duration::from_millis(70)).await;
            }
            pace.turn().await;
            turns.push(Instant::now());
        }
        let closest = turns.windows(2).map(|pair| pair[1] - pair[0]).min().expect("turns");
        assert!(closest >= Duration::from_millis(19), "{closest:?}");
    }
}
