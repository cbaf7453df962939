//! Prepared statements that clients hold by a handle.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use bytes::Bytes;

use crate::error::QueryError;

// All bound values together.
const MAX_BYTES: usize = 64 << 20;

/// A statement with the values bound last.
#[derive(Debug, Clone)]
pub struct Held {
    /// Its text.
    pub sql: String,
    /// The values as an Arrow IPC stream; empty for none.
    pub parameters: Bytes,
}

/// Statements by handle. Bounded: the one used least recently gives way.
#[derive(Debug)]
pub struct PreparedStatements {
    held: Mutex<HashMap<Bytes, (Held, Instant)>>,
    most: usize,
    idle: Duration,
}

impl PreparedStatements {
    /// None, at most so many, each kept so long without use.
    pub fn new(most: usize, idle: Duration) -> Self {
        Self { held: Mutex::default(), most: most.max(1), idle }
    }

    /// Keeps a statement and gives its handle.
    pub fn create(&self, sql: String) -> Bytes {
        let handle = Bytes::copy_from_slice(uuid::Uuid::new_v4().as_bytes());
        self.put(handle.clone(), Held { sql, parameters: Bytes::new() });
        handle
    }

    /// Binds values.
    pub fn bind(&self, handle: &Bytes, parameters: Bytes) -> Result<(), QueryError> {
        let held = self.get(handle)?;
        self.put(handle.clone(), Held { parameters, ..held });
        Ok(())
    }

    /// Looks a statement up.
    pub fn get(&self, handle: &Bytes) -> Result<Held, QueryError> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        match held.get_mut(handle) {
            Some((statement, used)) if used.elapsed() < self.idle => {
                *used = Instant::now();
                Ok(statement.clone())
            }
            _ => Err(QueryError::StatementNotFound),
        }
    }

    /// Forgets a statement; one that is not there is fine.
    pub fn close(&self, handle: &Bytes) {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).remove(handle);
    }

    fn put(&self, handle: Bytes, statement: Held) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.insert(handle.clone(), (statement, Instant::now()));
        if held.len() <= self.most && bytes(&held) <= MAX_BYTES {
            return;
        }
        held.retain(|_, (_, used)| used.elapsed() < self.idle);
        while held.len() > self.most || bytes(&held) > MAX_BYTES {
            let oldest = held.iter().filter(|(key, _)| **key != handle).min_by_key(|(_, (_, used))| *used);
            match oldest.map(|(key, _)| key.clone()) {
                Some(key) => held.remove(&key),
                None => break,
            };
        }
    }
}

fn bytes(held: &HashMap<Bytes, (Held, Instant)>) -> usize {
    held.values().map(|(statement, _)| statement.sql.len() + statement.parameters.len()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_statement_used_least_recently_gives_way() {
        let statements = PreparedStatements::new(2, Duration::from_secs(60));
        let first = statements.create("1".into());
        let second = statements.create("2".into());
        statements.get(&first).expect("used again");
        let third = statements.create("3".into());
        assert!(statements.get(&first).is_ok() && statements.get(&third).is_ok());
        assert!(matches!(statements.get(&second), Err(QueryError::StatementNotFound)));
    }

    #[test]
    fn an_idle_statement_expires() {
        let statements = PreparedStatements::new(2, Duration::ZERO);
        let handle = statements.create("1".into());
        assert!(matches!(statements.get(&handle), Err(QueryError::StatementNotFound)));
    }
}
