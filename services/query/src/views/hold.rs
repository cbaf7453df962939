//! Holding the task of publishing.

use std::{
    future::Future,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use crate::{catalog::Catalog, error::QueryError};

const TASK: &str = "views";
/// For how long it is held. Short: when a holder dies, views stand still for so long, and they are to be 5 s old at most.
const HOLD: Duration = Duration::from_secs(3);
const RENEW: Duration = Duration::from_secs(1);
/// A hold is renewed before a round if it ends within this time.
const SOON: Duration = Duration::from_millis(1500);
/// A put does not begin in the last moments of a hold.
const MARGIN: Duration = Duration::from_millis(500);

/// The hold of this process. Clones are the same one.
#[derive(Debug, Clone)]
pub struct Hold {
    catalog: Catalog,
    holder: String,
    // Counted from before the call, and so never longer than the registry's.
    until: Arc<Mutex<Option<Instant>>>,
}

impl Hold {
    /// Of a process that holds nothing yet.
    pub fn new(catalog: Catalog) -> Self {
        Self { catalog, holder: uuid::Uuid::new_v4().to_string(), until: Arc::default() }
    }

    // False while another process holds it.
    async fn renew(&self) -> Result<bool, QueryError> {
        let until = Instant::now() + HOLD;
        let held = self.catalog.hold_task(TASK, &self.holder, HOLD).await?;
        self.set(held.then_some(until));
        Ok(held)
    }

    /// Takes the task, or goes on holding it where that ends soon: each renewal is a write of the registry.
    pub async fn keep(&self) -> Result<bool, QueryError> {
        if self.lasts(SOON) { Ok(true) } else { self.renew().await }
    }

    /// True if this process may write.
    pub fn is_held(&self) -> bool {
        self.lasts(MARGIN)
    }

    fn lasts(&self, time: Duration) -> bool {
        let until = *self.until.lock().unwrap_or_else(PoisonError::into_inner);
        until.is_some_and(|until| Instant::now() + time < until)
    }

    /// Works, and holds the task meanwhile.
    pub async fn while_renewed<T>(&self, work: impl Future<Output = T>) -> T {
        tokio::pin!(work);
        loop {
            tokio::select! {
                done = &mut work => return done,
                () = tokio::time::sleep(RENEW) => {
                    if let Err(error) = self.renew().await {
                        tracing::debug!(%error, "the task of publishing views could not be held on to");
                    }
                }
            }
        }
    }

    /// Lets another process have it at once, as far as the registry can be reached.
    pub async fn release(&self) {
        if !self.is_held() {
            return;
        }
        self.set(None);
        let released = self.catalog.hold_task(TASK, &self.holder, Duration::from_millis(1));
        // Else it ends by itself.
        let _ended_either_way = tokio::time::timeout(RENEW, released).await;
    }

    fn set(&self, until: Option<Instant>) {
        *self.until.lock().unwrap_or_else(PoisonError::into_inner) = until;
    }
}
