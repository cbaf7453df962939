//! What a read has met, so that going round in a circle is noticed. Memory is bounded.

use std::{
    collections::HashMap,
    hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hash},
};

/// Once so many were met, all are forgotten. A circle with fewer pages is still noticed, only later.
const MOST: usize = 1 << 20;

/// What was met at which page, by hash.
#[derive(Debug, Default)]
pub(super) struct Seen(HashMap<u64, u64>);

impl Seen {
    /// Notes what a page has; gives the earlier page that had the same.
    pub(super) fn note(&mut self, what: impl Hash, page: u64) -> Option<u64> {
        if self.0.len() >= MOST {
            self.0.clear();
        }
        self.0.insert(hash(what), page)
    }
}

/// The same for the same in this process, and nowhere else.
pub(super) fn hash(what: impl Hash) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one(what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_again_is_known_by_its_page() {
        let mut seen = Seen::default();
        assert_eq!(seen.note("a", 1), None);
        assert_eq!(seen.note("b", 2), None);
        assert_eq!(seen.note("a", 3), Some(1));
    }

    #[test]
    fn memory_is_bounded_and_a_circle_is_noticed_behind_the_bound() {
        let mut seen = Seen::default();
        let circle = 1000;
        for page in 0..MOST as u64 + 10 {
            assert_eq!(seen.note(page, page), None);
        }
        assert!(seen.0.len() < MOST);
        let first = (0..).find(|&page: &u64| seen.note(("circle", page % circle), page).is_some());
        assert_eq!(first, Some(circle));
    }
}
