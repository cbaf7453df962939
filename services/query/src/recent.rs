//! What was worked out for recent statements.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Mutex, PoisonError},
};

/// Entries with their weights, at most so much weight; when it is full the half used least recently goes.
#[derive(Debug)]
pub struct Recent<K, V> {
    entries: Mutex<Entries<K, V>>,
    most: usize,
}

#[derive(Debug)]
struct Entries<K, V> {
    // The time, in uses.
    now: u64,
    weight: usize,
    map: HashMap<K, Entry<V>>,
}

#[derive(Debug)]
struct Entry<V> {
    used: u64,
    weight: usize,
    value: V,
}

impl<K: Hash + Eq + Clone, V: Clone> Recent<K, V> {
    /// An empty one.
    pub fn new(most: usize) -> Self {
        Self { entries: Mutex::new(Entries { now: 0, weight: 0, map: HashMap::new() }), most }
    }

    /// Looks up.
    pub fn get(&self, key: &K) -> Option<V> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.now += 1;
        let now = entries.now;
        let entry = entries.map.get_mut(key)?;
        entry.used = now;
        Some(entry.value.clone())
    }

    /// Keeps, unless it alone would weigh more than all may.
    pub fn put(&self, key: K, value: V, weight: usize) {
        if weight > self.most {
            return;
        }
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.now += 1;
        let used = entries.now;
        let before = entries.map.insert(key, Entry { used, weight, value });
        entries.weight += weight;
        entries.weight -= before.map_or(0, |entry| entry.weight);
        if entries.weight > self.most {
            entries.shrink(self.most / 2, used);
        }
    }
}

impl<K: Hash + Eq + Clone, V> Entries<K, V> {
    // Takes the oldest away until so much is left, or only what is used now.
    fn shrink(&mut self, to: usize, now: u64) {
        let mut oldest = self.map.iter().map(|(key, entry)| (entry.used, key.clone())).collect::<Vec<_>>();
        oldest.sort_unstable_by_key(|(used, _)| *used);
        for (used, key) in oldest {
            if self.weight <= to || used == now {
                break;
            }
            self.weight -= self.map.remove(&key).map_or(0, |entry| entry.weight);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_used_least_recently_gives_way_by_weight() {
        let recent = Recent::new(10);
        recent.put("a", 1, 4);
        recent.put("b", 2, 4);
        assert_eq!(recent.get(&"a"), Some(1));
        recent.put("c", 3, 4);
        assert_eq!((recent.get(&"a"), recent.get(&"b"), recent.get(&"c")), (None, None, Some(3)));
        recent.put("d", 4, 11);
        assert_eq!(recent.get(&"d"), None, "heavier than all may be");
        recent.put("c", 5, 6);
        assert_eq!(recent.get(&"c"), Some(5));
    }
}
