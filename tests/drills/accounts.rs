//! What was sent, and what of it was acknowledged.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// One thing that was sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sent {
    /// Somebody heard an OK for it. What was not acknowledged may have arrived or not.
    pub accepted: bool,
    /// It can't land: it must become a letter.
    pub bad: bool,
}

/// What the load knows.
#[derive(Debug, Clone, Default)]
pub struct Book {
    /// Events by id.
    pub events: BTreeMap<String, Sent>,
    /// Rows of files by their column `id`; accepted once a job that must see the file was.
    pub rows: BTreeMap<String, Sent>,
    /// Pull jobs that were accepted.
    pub jobs: BTreeSet<String>,
    /// Calls that were made again though they had been acknowledged.
    pub resent: u64,
    /// Answers that no outage explains.
    pub wrong: Vec<String>,
}

/// The accept log, shared by all senders.
#[derive(Debug, Default)]
pub struct Accounts(Mutex<Book>);

// === impl Accounts ===

impl Accounts {
    /// Writes into it.
    pub fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is in it now.
    pub fn copy(&self) -> Book {
        self.book().clone()
    }

    /// Notes events that are about to be sent.
    pub fn sends_events(&self, events: impl IntoIterator<Item = (String, bool)>) {
        let entries = events.into_iter().map(|(id, bad)| (id, Sent { accepted: false, bad }));
        self.book().events.extend(entries);
    }

    /// Notes an event that was acknowledged.
    pub fn accepts_event(&self, id: &str) {
        if let Some(sent) = self.book().events.get_mut(id) {
            sent.accepted = true;
        }
    }

    /// Notes rows of a file that is there now.
    pub fn sends_rows(&self, ids: impl IntoIterator<Item = String>) {
        self.book().rows.extend(ids.into_iter().map(|id| (id, Sent::default())));
    }

    /// Notes that a job was accepted which must see these rows.
    pub fn accepts_job(&self, job_id: String, rows: &[String]) {
        let mut book = self.book();
        book.jobs.insert(job_id);
        for id in rows {
            if let Some(sent) = book.rows.get_mut(id) {
                sent.accepted = true;
            }
        }
    }
}
