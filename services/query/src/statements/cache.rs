//! What was worked out for recent statements.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Mutex, PoisonError},
};

/// At most so many entries; when it is full the half used least recently goes.
#[derive(Debug)]
pub struct Recent<K, V> {
    entries: Mutex<Entries<K, V>>,
    most: usize,
}

// The time, in uses, and each entry with the time of its last use.
type Entries<K, V> = (u64, HashMap<K, (u64, V)>);

impl<K: Hash + Eq, V: Clone> Recent<K, V> {
    /// An empty one.
    pub fn new(most: usize) -> Self {
        Self { entries: Mutex::new((0, HashMap::new())), most }
    }

    /// Looks up.
    pub fn get(&self, key: &K) -> Option<V> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let (now, map) = &mut *entries;
        *now += 1;
        let (used, value) = map.get_mut(key)?;
        *used = *now;
        Some(value.clone())
    }

    /// Keeps.
    pub fn put(&self, key: K, value: V) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let (now, map) = &mut *entries;
        *now += 1;
        map.insert(key, (*now, value));
        if map.len() > self.most {
            let mut ages = map.values().map(|(used, _)| *used).collect::<Vec<_>>();
            ages.sort_unstable();
            let middle = ages[ages.len() / 2];
            map.retain(|_, (used, _)| *used > middle);
        }
    }
}
