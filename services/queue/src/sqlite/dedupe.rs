//! Which event ids were accepted lately. The set is in memory, its log in the file; both are bounded by age and number.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    time::Duration,
};

use futures::TryStreamExt as _;
use sqlx::{Row as _, SqliteConnection};

use super::tx::Tx;
use crate::payload;

/// So many sources may be full at once; beyond, the fullest source forgets first.
const FULL_SOURCES: usize = 4;

/// The ids of one process's queue. What an open transaction adds is staged until its fate is known.
#[derive(Debug)]
pub struct Dedupe {
    window: i64,
    max_ids: usize,
    sources: HashMap<String, Known>,
    held: usize,
    staged: Vec<String>,
    forgotten: Vec<i64>,
}

#[derive(Debug, Default)]
struct Known {
    ids: HashSet<u128>,
    calls: VecDeque<Ids>,
}

/// The new ids of one call.
#[derive(Debug)]
struct Ids {
    seq: i64,
    at: i64,
    ids: Box<[u128]>,
}

/// What is remembered of an id: enough of its SHA-256 that nobody finds another id with the same.
pub fn digest(event_id: &str) -> u128 {
    u128::from_be_bytes(payload::digest(event_id))
}

// === impl Dedupe ===

impl Dedupe {
    /// Nothing known yet.
    pub fn new(window: Duration, max_ids: usize) -> Self {
        Self {
            window: i64::try_from(window.as_micros()).unwrap_or(i64::MAX),
            max_ids,
            sources: HashMap::new(),
            held: 0,
            staged: Vec::new(),
            forgotten: Vec::new(),
        }
    }

    /// Reads the log anew.
    pub async fn load(&mut self, db: &mut SqliteConnection, now: i64) -> Result<(), sqlx::Error> {
        (self.sources, self.held, self.staged, self.forgotten) = Default::default();
        let mut rows = sqlx::query("SELECT seq, source, at, ids FROM accepted WHERE at > ? ORDER BY seq")
            .bind(now.saturating_sub(self.window))
            .fetch(db);
        while let Some(row) = rows.try_next().await? {
            let ids = decode(row.try_get(3)?);
            self.add(row.try_get(1)?, Ids { seq: row.try_get(0)?, at: row.try_get(2)?, ids });
            self.trim();
        }
        Ok(())
    }

    /// True if the id was accepted lately.
    pub fn knows(&self, source: &str, id: u128) -> bool {
        self.sources.get(source).is_some_and(|known| known.ids.contains(&id))
    }

    /// Calls staged so far.
    pub fn staged(&self) -> usize {
        self.staged.len()
    }

    /// The transaction is durable.
    pub fn commit(&mut self) {
        self.staged.clear();
        self.trim();
    }

    /// What was staged beyond `kept` did not happen.
    pub fn roll_back(&mut self, kept: usize) {
        for source in self.staged.drain(kept..).rev() {
            let Some(known) = self.sources.get_mut(&source) else { continue };
            if let Some(call) = known.calls.pop_back() {
                self.held -= call.ids.len();
                known.forget(&call);
            }
        }
    }

    /// Forgets what is older than the window. Only between transactions: what is staged is newer.
    pub fn expire(&mut self, now: i64) {
        let oldest = now.saturating_sub(self.window);
        for known in self.sources.values_mut() {
            while let Some(call) = known.calls.pop_front_if(|call| call.at <= oldest) {
                self.held -= call.ids.len();
                known.forget(&call);
            }
        }
        self.sources.retain(|_, known| !known.calls.is_empty());
    }

    fn add(&mut self, source: &str, call: Ids) {
        let known = match self.sources.get_mut(source) {
            Some(known) => known,
            None => self.sources.entry(source.to_owned()).or_default(),
        };
        known.ids.extend(call.ids.iter().copied());
        self.held += call.ids.len();
        known.calls.push_back(call);
    }

    fn trim(&mut self) {
        for known in self.sources.values_mut() {
            while known.ids.len() > self.max_ids
                && let Some(call) = known.calls.pop_front()
            {
                self.held -= call.ids.len();
                known.forget(&call);
                self.forgotten.push(call.seq);
            }
        }
        while self.held > self.max_ids.saturating_mul(FULL_SOURCES)
            && let Some(known) = self.sources.values_mut().max_by_key(|known| known.ids.len())
            && let Some(call) = known.calls.pop_front()
        {
            self.held -= call.ids.len();
            known.forget(&call);
            self.forgotten.push(call.seq);
        }
    }
}

impl Known {
    fn forget(&mut self, call: &Ids) {
        for id in &call.ids {
            self.ids.remove(id);
        }
    }
}

impl Tx<'_> {
    /// Remembers the new ids of a call, in the file and in memory.
    pub async fn remember(&mut self, source: &str, ids: Vec<u128>) -> Result<(), sqlx::Error> {
        let blob: Vec<u8> = ids.iter().flat_map(|id| id.to_be_bytes()).collect();
        let done = sqlx::query("INSERT INTO accepted (source, at, ids) VALUES (?, ?, ?)")
            .bind(source.to_owned())
            .bind(self.now)
            .bind(blob)
            .execute(&mut *self.db)
            .await?;
        self.dedupe.add(source, Ids { seq: done.last_insert_rowid(), at: self.now, ids: ids.into() });
        self.dedupe.staged.push(source.to_owned());
        Ok(())
    }

    /// Takes out of the file what memory forgot.
    pub async fn forget(&mut self) -> Result<(), sqlx::Error> {
        sqlx::query("DELETE FROM accepted WHERE at <= ?")
            .bind(self.now.saturating_sub(self.dedupe.window))
            .execute(&mut *self.db)
            .await?;
        // A call forgotten in memory alone is forgotten again after the next start, so that the order does not matter.
        for seq in std::mem::take(&mut self.dedupe.forgotten) {
            sqlx::query("DELETE FROM accepted WHERE seq = ?").bind(seq).execute(&mut *self.db).await?;
        }
        Ok(())
    }
}

fn decode(blob: &[u8]) -> Box<[u128]> {
    blob.chunks_exact(16).map(|id| id.iter().fold(0, |bits, byte| bits << 8 | u128::from(*byte))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(at: i64, ids: &[u128]) -> Ids {
        Ids { seq: at, at, ids: ids.into() }
    }

    #[test]
    fn what_is_rolled_back_is_not_known() {
        let mut dedupe = Dedupe::new(Duration::from_secs(1), 10);
        dedupe.add("a", call(1, &[1]));
        dedupe.add("a", call(2, &[2, 3]));
        dedupe.staged.push("a".to_owned());
        dedupe.roll_back(0);
        assert!(dedupe.knows("a", 1) && !dedupe.knows("a", 2) && !dedupe.knows("a", 3));
        assert_eq!(dedupe.held, 1);
    }

    #[test]
    fn ids_are_forgotten_by_age_and_by_number() {
        let mut dedupe = Dedupe::new(Duration::from_micros(10), 3);
        for at in 1..=5 {
            dedupe.add("a", call(at, &[at as u128]));
        }
        dedupe.commit();
        assert!(!dedupe.knows("a", 2) && dedupe.knows("a", 3));
        dedupe.expire(14);
        assert!(!dedupe.knows("a", 4) && dedupe.knows("a", 5));
    }

    #[test]
    fn the_fullest_source_forgets_first() {
        let mut dedupe = Dedupe::new(Duration::from_secs(1), 2);
        for (at, source) in ["a", "b", "c", "d", "e"].into_iter().enumerate() {
            dedupe.add(source, call(at as i64, &[1]));
        }
        for (at, source) in ["a", "b", "c", "d"].into_iter().enumerate() {
            dedupe.add(source, call(9 + at as i64, &[2]));
        }
        dedupe.commit();
        assert_eq!(dedupe.held, 8);
        assert!(dedupe.knows("e", 1));
    }
}
