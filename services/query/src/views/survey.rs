//! Looking at everything, changed or not.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rfe_lake::Bucket;
use rfe_proto::metadata::ResolvedDataset;

use super::{
    Cause, Listed, Published, Publisher,
    publish::{definition, failed},
    text,
};
use crate::{catalog::name_of, error::QueryError};

const PAGE: usize = 1000;
/// Stores tell times in whole seconds: what was put just now may be put over without another time.
const SETTLED_MICROS: i64 = 2_000_000;

/// What a look around found.
#[derive(Debug)]
pub struct Survey {
    /// The snapshot at which the datasets were looked at.
    pub snapshot: u64,
    /// Datasets whose view may be missing, old, not the one that was put, or of a dataset that is no more.
    pub suspects: BTreeMap<String, Cause>,
}

impl Publisher {
    /// Compares what lies in the lake and what the registry has with what is known to be published.
    pub(super) async fn survey(&self) -> Result<Survey, QueryError> {
        // Listed before the registry is asked: the view of a dataset made meanwhile is none too many.
        let mut listed = self.listed().await?;
        let newest = self.catalog.newest_all().await?;
        let now = Timestamp::now().as_microsecond();
        let mut suspects = BTreeMap::new();
        for dataset in &newest.datasets {
            let name = name_of(dataset);
            let lies = listed.remove(name);
            let known = self.published.get(name);
            let is_fine = known
                .is_some_and(|known| lies.is_some() && known.listed == lies && is_current(known, dataset));
            if !is_fine {
                let settled = lies.filter(|(_, at)| now - at > SETTLED_MICROS);
                suspects.insert(name.to_owned(), Cause::Doubted(settled));
            }
        }
        suspects.extend(listed.into_keys().map(|name| (name, Cause::Doubted(None))));
        Ok(Survey { snapshot: newest.snapshot, suspects })
    }

    // Size and time of the view files, by dataset.
    async fn listed(&self) -> Result<BTreeMap<String, Listed>, QueryError> {
        let mut all = BTreeMap::new();
        let mut after: Option<String> = None;
        loop {
            let page = self.lake.list(Bucket::Processed, text::FOLDER, after.as_deref(), PAGE).await;
            let page = page.map_err(|error| failed(&error))?;
            let view = |object: &rfe_lake::ObjectInfo| {
                let name = text::dataset_of(&object.key)?.to_owned();
                Some((name, (object.bytes, object.modified_micros)))
            };
            all.extend(page.iter().filter_map(view));
            match page.last() {
                Some(last) if page.len() == PAGE => after = Some(last.key.clone()),
                _ => return Ok(all),
            }
        }
    }
}

fn is_current(known: &Published, dataset: &ResolvedDataset) -> bool {
    let changed = dataset.dataset.as_ref().map_or(0, |dataset| dataset.snapshot);
    known.snapshot >= changed && known.definition == definition(dataset)
}
