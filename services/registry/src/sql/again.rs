//! Calls of a database that others use too: some are tried again, and none lasts for ever.

use std::time::Duration;

use crate::{RegistryError, Result};

const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_millis(20);
/// What a call may take at most. The database's own limits are shorter; this one counts when it is out of reach.
const DEADLINE: Duration = Duration::from_secs(120);

/// Does a piece of work, again if the database broke it off because somebody else came in between (deadlock, serialization).
pub(super) async fn again<T, W>(work: impl Fn() -> W) -> Result<T>
where
    W: Future<Output = Result<T>>,
{
    let mut tries = 1;
    loop {
        let done = tokio::time::timeout(DEADLINE, work()).await.unwrap_or_else(|_| Err(too_late()));
        match done {
            Err(error) if tries < TRIES && is_conflict(&error) => {
                tracing::debug!(%error, tries, "a transaction was broken off and is tried again");
                tokio::time::sleep(PAUSE * tries).await;
                tries += 1;
            }
            done => return done,
        }
    }
}

fn too_late() -> RegistryError {
    RegistryError::Store(format!("no answer within {} s", DEADLINE.as_secs()).into())
}

/// True if nothing happened, and the same may succeed at once.
pub(super) fn is_conflict(error: &RegistryError) -> bool {
    let RegistryError::Store(source) = error else { return false };
    let refused = source.downcast_ref::<sqlx::Error>().and_then(sqlx::Error::as_database_error);
    refused.and_then(|refused| refused.code()).is_some_and(|code| code == "40001" || code == "40P01")
}
