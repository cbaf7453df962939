//! Prepared statements. A handle holds the statement itself, so that any replica takes a handle which another one made, also after a
//! restart. It gives no right: what it names is checked again for whoever brings it.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use bytes::Bytes;
use prost::Message;

use crate::error::QueryError;

// All values that are kept here.
const MAX_BYTES: usize = 64 << 20;
// Values up to this size travel in the handle; larger ones stay with the replica that they were bound at.
const MAX_IN_HANDLE: usize = 1 << 20;

/// A statement with the values bound last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepared {
    /// Its text.
    pub sql: String,
    /// The values as an Arrow IPC stream; empty for none.
    pub parameters: Bytes,
}

#[derive(Clone, PartialEq, Message)]
struct Handle {
    #[prost(string, tag = "1")]
    sql: String,
    #[prost(bytes = "bytes", tag = "2")]
    parameters: Bytes,
    // Two statements of one text have values of their own.
    #[prost(bytes = "bytes", tag = "3")]
    id: Bytes,
}

/// Values by statement, for clients that go on with the handle which they had before they bound them, and for large ones. Bounded:
/// those used least recently give way.
#[derive(Debug)]
pub struct PreparedStatements {
    bound: Mutex<HashMap<Bytes, (Bytes, Instant)>>,
    most: usize,
    idle: Duration,
}

// === impl Handle ===

impl Handle {
    fn read(bytes: &Bytes) -> Result<Self, QueryError> {
        let handle = Self::decode(bytes.clone()).map_err(|_| QueryError::StatementNotFound)?;
        if handle.id.len() == 16 { Ok(handle) } else { Err(QueryError::StatementNotFound) }
    }

    fn bytes(&self) -> Bytes {
        self.encode_to_vec().into()
    }
}

// === impl PreparedStatements ===

impl PreparedStatements {
    /// Keeps values of so many statements at most, each for so long without use.
    pub fn new(most: usize, idle: Duration) -> Self {
        Self { bound: Mutex::default(), most: most.max(1), idle }
    }

    /// The handle of a statement.
    pub fn create(sql: String) -> Bytes {
        let id = Bytes::copy_from_slice(uuid::Uuid::new_v4().as_bytes());
        Handle { sql, parameters: Bytes::new(), id }.bytes()
    }

    /// Binds values; the new handle carries them, and the one before finds them here.
    pub fn bind(&self, handle: &Bytes, parameters: Bytes) -> Result<Bytes, QueryError> {
        let handle = Handle::read(handle)?;
        self.put(handle.id.clone(), parameters.clone());
        let parameters = if parameters.len() <= MAX_IN_HANDLE { parameters } else { Bytes::new() };
        Ok(Handle { parameters, ..handle }.bytes())
    }

    /// The statement of a handle.
    pub fn get(&self, handle: &Bytes) -> Result<Prepared, QueryError> {
        let handle = Handle::read(handle)?;
        let parameters =
            if handle.parameters.is_empty() { self.bound(&handle.id) } else { handle.parameters };
        Ok(Prepared { sql: handle.sql, parameters })
    }

    /// Forgets the values of a statement; one that has none is fine.
    pub fn close(&self, handle: &Bytes) {
        if let Ok(handle) = Handle::read(handle) {
            self.bound.lock().unwrap_or_else(PoisonError::into_inner).remove(&handle.id);
        }
    }

    fn bound(&self, id: &Bytes) -> Bytes {
        let mut bound = self.bound.lock().unwrap_or_else(PoisonError::into_inner);
        match bound.get_mut(id) {
            Some((parameters, used)) if used.elapsed() < self.idle => {
                *used = Instant::now();
                parameters.clone()
            }
            _ => Bytes::new(),
        }
    }

    fn put(&self, id: Bytes, parameters: Bytes) {
        let mut bound = self.bound.lock().unwrap_or_else(PoisonError::into_inner);
        if parameters.is_empty() {
            bound.remove(&id);
            return;
        }
        bound.insert(id.clone(), (parameters, Instant::now()));
        if bound.len() <= self.most && bytes(&bound) <= MAX_BYTES {
            return;
        }
        bound.retain(|_, (_, used)| used.elapsed() < self.idle);
        while bound.len() > self.most || bytes(&bound) > MAX_BYTES {
            let oldest = bound.iter().filter(|(key, _)| **key != id).min_by_key(|(_, (_, used))| *used);
            match oldest.map(|(key, _)| key.clone()) {
                Some(key) => bound.remove(&key),
                None => break,
            };
        }
    }
}

fn bytes(bound: &HashMap<Bytes, (Bytes, Instant)>) -> usize {
    bound.values().map(|(parameters, _)| parameters.len()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replica(most: usize, idle: u64) -> PreparedStatements {
        PreparedStatements::new(most, Duration::from_secs(idle))
    }

    fn values(text: &'static str) -> Bytes {
        Bytes::from_static(text.as_bytes())
    }

    #[test]
    fn another_replica_takes_the_handle_with_its_values() {
        let (here, there) = (replica(2, 60), replica(2, 60));
        let before = PreparedStatements::create("SELECT ?".into());
        let after = here.bind(&before, values("1")).expect("bound");
        let prepared = Prepared { sql: "SELECT ?".into(), parameters: values("1") };
        assert_eq!(there.get(&after).expect("known"), prepared);
        assert_eq!(here.get(&before).expect("known"), prepared, "a client may keep the handle that it had");
        let again = there.bind(&after, values("2")).expect("bound");
        assert_eq!(here.get(&again).expect("known").parameters, "2");
    }

    #[test]
    fn statements_of_one_text_have_values_of_their_own_until_they_are_closed() {
        let here = replica(2, 60);
        let (one, two) = (PreparedStatements::create("a".into()), PreparedStatements::create("a".into()));
        let _new = here.bind(&one, values("1")).expect("bound");
        assert_eq!(here.get(&two).expect("known").parameters, "");
        here.close(&one);
        assert_eq!(here.get(&one).expect("known").parameters, "");
    }

    #[test]
    fn large_values_stay_where_they_were_bound() {
        let here = replica(2, 60);
        let large = Bytes::from(vec![7; MAX_IN_HANDLE + 1]);
        let handle = here.bind(&PreparedStatements::create("a".into()), large.clone()).expect("bound");
        assert!(handle.len() < 100);
        assert_eq!(here.get(&handle).expect("known").parameters, large);
    }

    #[test]
    fn values_used_least_recently_give_way_and_idle_ones_expire() {
        let here = replica(2, 60);
        let handles = ["1", "2", "3"].map(|sql| PreparedStatements::create(sql.into()));
        for handle in &handles[..2] {
            let _new = here.bind(handle, values("v")).expect("bound");
        }
        let _used = here.get(&handles[0]).expect("known");
        let _new = here.bind(&handles[2], values("v")).expect("bound");
        let left = handles.each_ref().map(|handle| !here.get(handle).expect("known").parameters.is_empty());
        assert_eq!(left, [true, false, true]);

        let forgetful = replica(2, 0);
        let handle = PreparedStatements::create("a".into());
        let _new = forgetful.bind(&handle, values("v")).expect("bound");
        assert_eq!(forgetful.get(&handle).expect("known").parameters, "");
    }

    #[test]
    fn what_is_no_handle_is_not_found() {
        for wrong in [&b""[..], b"x", b"SELECT 1", &[0x0a, 0x01, 0x61]] {
            let found = replica(1, 1).get(&Bytes::copy_from_slice(wrong));
            assert!(matches!(found, Err(QueryError::StatementNotFound)), "{wrong:?}: {found:?}");
        }
    }
}
