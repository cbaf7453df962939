//! One fetch of one file, for all who wait for it. It is called off when nobody does any more.

use std::{io, sync::Arc};

use rfe_lake::LakeError;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{Cache, Content, NoRoom, Wanted, blocking, folder::Part, index::Index};
use crate::error::QueryError;

type Outcome = Option<Result<(), QueryError>>;

/// A file on its way. Clones are the same flight.
#[derive(Debug, Clone)]
pub struct Flight {
    outcome: watch::Receiver<Outcome>,
    called_off: CancellationToken,
    identity: Arc<()>,
}

impl Flight {
    /// A flight, and where it tells how it ended.
    pub fn new() -> (Self, watch::Sender<Outcome>) {
        let (landing, outcome) = watch::channel(None);
        (Self { outcome, called_off: CancellationToken::new(), identity: Arc::default() }, landing)
    }

    /// True if both are the same.
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.identity, &other.identity)
    }

    /// Nobody waits any more.
    pub fn call_off(&self) {
        self.called_off.cancel();
    }

    /// Waits until the file is at hand.
    pub async fn landed(&self) -> Result<(), QueryError> {
        let mut outcome = self.outcome.clone();
        let ended = outcome.wait_for(Option::is_some).await.map(|outcome| outcome.clone());
        ended.ok().flatten().unwrap_or_else(|| {
            Err(QueryError::Internal("a fetch of the file cache ended without an outcome".to_owned()))
        })
    }
}

impl Cache {
    /// Starts to bring a pinned file that is not at hand.
    pub(super) fn start(&self, index: &mut Index, wanted: Wanted) -> Flight {
        let found = index.is_kept(wanted.content.digest);
        let (flight, landing) = Flight::new();
        index.depart(wanted.content.digest, flight.clone());
        let (cache, started) = (self.clone(), flight.clone());
        tokio::spawn(async move {
            let outcome = tokio::select! {
                () = started.called_off.cancelled() => Err(QueryError::Cancelled),
                outcome = cache.bring(&wanted, &started, found) => outcome,
            };
            if outcome.is_err() {
                cache.with_index(|index| {
                    if index.expects(wanted.content.digest, &started) {
                        index.lose(wanted.content.digest);
                    }
                });
            }
            landing.send_replace(Some(outcome));
        });
        flight
    }

    async fn bring(&self, wanted: &Wanted, flight: &Flight, found: bool) -> Result<(), QueryError> {
        let _slot = self.0.slots.acquire().await.map_err(|_| QueryError::ShuttingDown)?;
        if found && self.verify(wanted.content).await? {
            return self.with_index(|index| {
                if !index.expects(wanted.content.digest, flight) {
                    return Err(QueryError::Cancelled);
                }
                index.arrive(wanted.content.digest);
                Ok(())
            });
        }
        let part = match self.fetch(wanted).await {
            // What nobody uses gives way, as if the cache were so much smaller.
            Err(error) if is_disk_full(&error) => {
                self.with_index(|index| self.remove(&index.free(wanted.content.bytes)));
                self.fetch(wanted).await
            }
            fetched => fetched,
        };
        let part = part.map_err(|error| self.failed(&error, wanted.content))?;
        self.keep(part, wanted.content, flight).await
    }

    async fn verify(&self, content: Content) -> Result<bool, QueryError> {
        let cache = self.clone();
        let verified = blocking(move || cache.0.folder.verify(&content)).await?;
        match verified {
            Ok(true) => return Ok(true),
            Ok(false) => {
                tracing::warn!(file = %content.digest, "a cached file was damaged on disk and is fetched anew")
            }
            Err(error) => {
                tracing::warn!(file = %content.digest, %error, "a cached file can't be read and is fetched anew");
            }
        }
        Ok(false)
    }

    async fn fetch(&self, wanted: &Wanted) -> Result<Part, LakeError> {
        let part = self.0.folder.part();
        let sha256 = wanted.content.digest.to_string();
        self.0.lake.fetch(wanted.bucket, &wanted.key, part.path(), Some(&sha256)).await?;
        Ok(part)
    }

    // Puts a fetched file in its place, if its room is still reserved.
    async fn keep(&self, part: Part, content: Content, flight: &Flight) -> Result<(), QueryError> {
        let (cache, flight) = (self.clone(), flight.clone());
        let kept = blocking(move || {
            part.seal()?;
            cache.with_index(|index| {
                let expected = index.expects(content.digest, &flight);
                if expected {
                    cache.0.folder.keep(part, content.digest)?;
                    index.arrive(content.digest);
                    cache.0.counted.fetched(content.bytes);
                }
                Ok::<_, io::Error>(expected)
            })
        })
        .await?;
        let expected = kept.map_err(|error| self.disk(&error, content))?;
        if expected { Ok(()) } else { Err(QueryError::Cancelled) }
    }

    fn failed(&self, error: &LakeError, content: Content) -> QueryError {
        if is_disk_full(error) {
            return QueryError::NoRoom(self.disk_full(content));
        }
        tracing::warn!(error = error as &dyn std::error::Error, "a data file could not be fetched");
        QueryError::Lake(format!("a data file could not be fetched: {error}"))
    }

    fn disk(&self, error: &io::Error, content: Content) -> QueryError {
        if error.kind() == io::ErrorKind::StorageFull {
            return QueryError::NoRoom(self.disk_full(content));
        }
        QueryError::Internal(format!("the query node's file cache: {error}"))
    }

    fn disk_full(&self, content: Content) -> NoRoom {
        NoRoom::Disk { needed: content.bytes, capacity: self.with_index(|index| index.capacity()) }
    }
}

fn is_disk_full(error: &LakeError) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        let full = |error: &io::Error| error.kind() == io::ErrorKind::StorageFull;
        if error.downcast_ref::<io::Error>().is_some_and(full) {
            return true;
        }
        cause = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_from_a_lake_that_fails() {
        let store = |kind: io::ErrorKind| LakeError::Store {
            key: "a/b".to_owned(),
            source: Box::new(io::Error::from(kind)),
        };
        assert!(is_disk_full(&store(io::ErrorKind::StorageFull)));
        assert!(!is_disk_full(&store(io::ErrorKind::ConnectionReset)));
    }
}
