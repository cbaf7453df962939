//! What ends a running statement: its client, its deadline, or the process.

use std::{
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{duck::Interrupt, error::QueryError};

// An interrupt that comes between two steps of the engine is forgotten by it, so it is said again.
const AGAIN: Duration = Duration::from_millis(10);

/// Shared by everybody who may end one statement.
#[derive(Clone, Default)]
pub struct Stop {
    token: CancellationToken,
    done: CancellationToken,
    why: Arc<OnceLock<QueryError>>,
    interrupt: Arc<Mutex<Option<Arc<Interrupt>>>>,
}

impl std::fmt::Debug for Stop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stop").field("stopped", &self.token.is_cancelled()).finish_non_exhaustive()
    }
}

impl Stop {
    /// Watches over a statement until it is done.
    pub fn watch(&self, limit: Duration) {
        let stop = self.clone();
        let deadline = Instant::now() + limit;
        tokio::spawn(async move {
            tokio::select! {
                () = stop.token.cancelled() => {}
                () = sleep_until(deadline) => stop.end(QueryError::Deadline(limit)),
                () = stop.done.cancelled() => return,
            }
            loop {
                if let Some(interrupt) = &*stop.interrupt.lock().unwrap_or_else(PoisonError::into_inner) {
                    interrupt.interrupt();
                }
                tokio::select! {
                    () = sleep(AGAIN) => {}
                    () = stop.done.cancelled() => return,
                }
            }
        });
    }

    /// Ends the statement; the first reason holds.
    pub fn end(&self, why: QueryError) {
        let _later_reason = self.why.set(why);
        self.token.cancel();
    }

    /// Ends the statement when dropped.
    pub fn guard(&self) -> DropGuard {
        self.token.clone().drop_guard()
    }

    /// Resolves once the statement is to end.
    pub async fn ended(&self) {
        self.token.cancelled().await;
    }

    /// An error if the statement is to end.
    pub fn check(&self) -> Result<(), QueryError> {
        if self.token.is_cancelled() { Err(self.why()) } else { Ok(()) }
    }

    /// Lets an interrupt reach the session that runs the statement.
    pub fn reaches(&self, interrupt: Arc<Interrupt>) {
        *self.interrupt.lock().unwrap_or_else(PoisonError::into_inner) = Some(interrupt);
    }

    /// The reason, if it is to end, instead of what the interrupted engine says.
    pub fn explain(&self, error: QueryError) -> QueryError {
        if self.token.is_cancelled() { self.why() } else { error }
    }

    /// Says that the statement has ended, also when its thread panics.
    pub fn done_when_dropped(&self) -> Done {
        Done(self.clone())
    }

    fn why(&self) -> QueryError {
        self.why.get().cloned().unwrap_or(QueryError::Cancelled)
    }
}

/// See [`Stop::done_when_dropped`].
#[derive(Debug)]
pub struct Done(Stop);

impl Drop for Done {
    fn drop(&mut self) {
        *self.0.interrupt.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.0.done.cancel();
    }
}
