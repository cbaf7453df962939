//! How many statements run and wait at once.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use rfe_mesh::Shutdown;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::QueryError;

/// Lets statements in.
#[derive(Debug)]
pub struct Admission {
    places: Arc<Semaphore>,
    waiting: AtomicUsize,
    most_waiting: usize,
    shutdown: Shutdown,
}

impl Admission {
    /// So many at once, and so many waiting.
    pub fn new(running: usize, waiting: usize, shutdown: Shutdown) -> Self {
        Self {
            places: Arc::new(Semaphore::new(running.max(1))),
            waiting: AtomicUsize::new(0),
            most_waiting: waiting,
            shutdown,
        }
    }

    /// Waits for a place; too many waiting is an error at once.
    pub async fn enter(&self) -> Result<OwnedSemaphorePermit, QueryError> {
        if self.shutdown.has_begun() {
            return Err(QueryError::ShuttingDown);
        }
        if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
            return Ok(place);
        }
        let _waits = Waits::enter(&self.waiting, self.most_waiting)?;
        tokio::select! {
            place = Arc::clone(&self.places).acquire_owned() => place.map_err(|_| QueryError::ShuttingDown),
            () = self.shutdown.begun() => Err(QueryError::ShuttingDown),
        }
    }
}

// Counts also when the waiting client goes away.
struct Waits<'a>(&'a AtomicUsize);

impl<'a> Waits<'a> {
    fn enter(waiting: &'a AtomicUsize, most: usize) -> Result<Self, QueryError> {
        let entered = Self(waiting);
        if waiting.fetch_add(1, Ordering::SeqCst) >= most { Err(QueryError::Busy) } else { Ok(entered) }
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_finds_no_place_to_wait_is_told_at_once() {
        let admission = Admission::new(1, 1, Shutdown::new());
        let first = admission.enter().await.expect("a place");
        let mut second = Box::pin(admission.enter());
        assert!(futures::poll!(&mut second).is_pending());
        assert!(matches!(admission.enter().await, Err(QueryError::Busy)));
        drop(first);
        drop(second.await.expect("its turn"));
    }
}
