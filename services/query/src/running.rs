//! The statements that run, so that a cancel can find one.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use crate::{error::QueryError, stop::Stop};

/// Statements that run, by the id in their ticket. Several may run under one id: a ticket can be read twice.
#[derive(Debug, Clone, Default)]
pub struct Running(Arc<Mutex<ById>>);

type ById = HashMap<String, Vec<(u64, Stop)>>;

/// One of them; leaves when dropped.
#[derive(Debug)]
pub struct Entry {
    running: Running,
    id: String,
    number: u64,
}

impl Running {
    /// Enters a statement.
    pub fn enter(&self, id: &str, stop: &Stop) -> Entry {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let same = all.entry(id.to_owned()).or_default();
        let number = same.last().map_or(0, |(number, _)| number + 1);
        same.push((number, stop.clone()));
        Entry { running: self.clone(), id: id.to_owned(), number }
    }

    /// Ends the statements of an id; false if none runs.
    pub fn cancel(&self, id: &str) -> bool {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = all.get(id).map(Vec::as_slice).unwrap_or_default();
        found.iter().for_each(|(_, stop)| stop.end(QueryError::Cancelled));
        !found.is_empty()
    }

    /// Ends all of them.
    pub fn end_all(&self) {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.values().flatten().for_each(|(_, stop)| stop.end(QueryError::ShuttingDown));
    }

    /// True if none runs.
    pub fn is_empty(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut all = self.running.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(same) = all.get_mut(&self.id) {
            same.retain(|(number, _)| *number != self.number);
            if same.is_empty() {
                all.remove(&self.id);
            }
        }
    }
}
