//! Publishing the view of one dataset.

use bytes::Bytes;
use jiff::Timestamp;
use prost::Message as _;
use rfe_lake::{Bucket, LakeError};
use rfe_model::id::sha256_hex;
use rfe_proto::metadata::{Dataset, Layer, ResolvedDataset};

use super::{Cause, Published, Publisher, text};
use crate::{error::QueryError, relation};

/// What lies where a view is published.
#[derive(Debug)]
enum Lying {
    Nothing,
    // Not written by a publisher, or not whole.
    Other,
    View { snapshot: u64, body: String },
}

impl Publisher {
    /// Publishes a dataset as the snapshot shows it; a dataset that is no more loses its view, and nothing is known of it then.
    pub(super) async fn publish(
        &self,
        name: &str,
        snapshot: u64,
        cause: Cause,
    ) -> Result<Option<Published>, QueryError> {
        let found = self.catalog.datasets(snapshot, &[name.to_owned()]).await?;
        let Some(dataset) = found.first() else {
            return self.withdraw(name).await.map(|()| None);
        };
        let text = self.body(name, dataset, snapshot).await?;
        let body = sha256_hex(text.as_bytes());
        let fresh = Published { snapshot, definition: definition(dataset), body, listed: None };
        if let (Some(known), Cause::Changed) = (self.published.get(name), cause) {
            if known.snapshot > snapshot {
                return Ok(Some(known.clone()));
            }
            if known.body == fresh.body {
                return Ok(Some(Published { listed: known.listed, ..fresh }));
            }
        }
        let listed = if let Cause::Doubted(listed) = cause { listed } else { None };
        match self.lying(name).await? {
            Lying::View { snapshot: later, body } if later > snapshot => {
                // Left as it is, since it must never go back; the registry was restored from an older copy, or is read late.
                tracing::warn!(
                    dataset = name,
                    later,
                    snapshot,
                    "a view of a later snapshot lies in the lake"
                );
                Ok(Some(Published { snapshot: later, body, listed, ..fresh }))
            }
            Lying::View { body, .. } if body == fresh.body => Ok(Some(Published { listed, ..fresh })),
            _ => self.write(name, snapshot, &text).await.map(|()| Some(fresh)),
        }
    }

    async fn body(&self, name: &str, dataset: &ResolvedDataset, snapshot: u64) -> Result<String, QueryError> {
        let files = self.catalog.files(dataset, snapshot, Layer::Processed).await?;
        let urls = files.all().iter().map(|file| self.lake.url(Bucket::Processed, &file.key));
        let query = relation::main_view(
            dataset,
            &files.all().iter().map(AsRef::as_ref).collect::<Vec<_>>(),
            &urls.collect::<Vec<_>>(),
        )?;
        Ok(text::body(name, &query))
    }

    async fn lying(&self, name: &str) -> Result<Lying, QueryError> {
        match self.lake.get(Bucket::Processed, &text::key(name)).await {
            Ok(bytes) => Ok(match std::str::from_utf8(&bytes).ok().and_then(text::read) {
                Some((snapshot, body)) => Lying::View { snapshot, body: sha256_hex(body.as_bytes()) },
                None => Lying::Other,
            }),
            Err(LakeError::NotFound { .. }) => Ok(Lying::Nothing),
            Err(error) => Err(failed(&error)),
        }
    }

    async fn write(&self, name: &str, snapshot: u64, body: &str) -> Result<(), QueryError> {
        let bytes = Bytes::from(text::header(name, snapshot, Timestamp::now()) + body);
        // Again where another process that was late put an older one over it.
        for _ in 0..3 {
            self.may_write()?;
            let put = self.lake.put(Bucket::Processed, &text::key(name), bytes.clone()).await;
            put.map_err(|error| failed(&error))?;
            self.written.inc();
            match self.lying(name).await? {
                Lying::View { snapshot: lies, .. } if lies >= snapshot => {
                    tracing::debug!(dataset = name, snapshot, bytes = bytes.len(), "a view was published");
                    return Ok(());
                }
                _ => tracing::warn!(dataset = name, snapshot, "an older view was put over this one"),
            }
        }
        Err(QueryError::Lake(format!("the view of `{name}` is put over again and again by another process")))
    }

    // Of a file that somebody else put there nothing is known, and it stays.
    async fn withdraw(&self, name: &str) -> Result<(), QueryError> {
        if !matches!(self.lying(name).await?, Lying::View { .. }) {
            return Ok(());
        }
        self.may_write()?;
        let deleted = self.lake.delete(Bucket::Processed, &text::key(name)).await;
        deleted.map_err(|error| failed(&error))
    }

    fn may_write(&self) -> Result<(), QueryError> {
        if self.hold.is_held() {
            return Ok(());
        }
        Err(QueryError::Lake("the task of publishing views passed to another process".to_owned()))
    }
}

/// What a view is made by besides its files.
pub fn definition(dataset: &ResolvedDataset) -> Vec<u8> {
    let columns = dataset.dataset.as_ref().map(|dataset| Dataset {
        columns: dataset.columns.clone(),
        events: dataset.events,
        ..Dataset::default()
    });
    let merge = dataset.merge.clone();
    ResolvedDataset { dataset: columns, merge, ..ResolvedDataset::default() }.encode_to_vec()
}

/// The lake did not do it.
pub fn failed(error: &LakeError) -> QueryError {
    QueryError::Lake(format!("a view file: {error}"))
}
