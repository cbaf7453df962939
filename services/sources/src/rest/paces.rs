//! The rate limits of sources. All reads of a source in this process share one, also a preview beside a run, or a run right
//! behind another.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use crate::http::Pace;

/// So many sources are remembered while nobody reads them.
const MOST: usize = 1000;

/// Paces by source.
#[derive(Debug, Default)]
pub(super) struct Paces(Mutex<HashMap<String, Arc<Pace>>>);

impl Paces {
    /// The pace of a source; another one once its interval is another.
    pub(super) fn of(&self, source: &str, interval: Duration) -> Arc<Pace> {
        let mut paces = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pace) = paces.get(source).filter(|pace| pace.interval() == interval) {
            return Arc::clone(pace);
        }
        if paces.len() >= MOST {
            paces.retain(|_, pace| Arc::strong_count(pace) > 1);
        }
        let pace = Arc::new(Pace::new(interval));
        paces.insert(source.to_owned(), Arc::clone(&pace));
        pace
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_of_a_source_share_its_pace_and_those_of_another_do_not() {
        let paces = Paces::default();
        let (second, minute) = (Duration::from_secs(1), Duration::from_secs(60));
        let first = paces.of("a", second);
        assert!(Arc::ptr_eq(&first, &paces.of("a", second)));
        assert!(!Arc::ptr_eq(&first, &paces.of("b", second)));
        assert!(!Arc::ptr_eq(&first, &paces.of("a", minute)), "the rate was changed");
    }
}
