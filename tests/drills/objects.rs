//! Objects of the lake, against what the registry names.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use rfe_lake::Bucket;
use rfe_proto::dlq::DeadLetter;
use rfe_tests::Platform;

use crate::{ground::Store, tally::Tally};

const PAUSE: Duration = Duration::from_millis(250);
const LAYERS: [(Bucket, &str); 2] = [(Bucket::Raw, "raw"), (Bucket::Processed, "processed")];
/// What is published for people is no data file.
const VIEWS: &str = "_views/";
const SHOWN: usize = 3;

/// Every visible data file has its object, of its size; their rows are those of the datasets; every open letter has its object.
pub async fn check(
    tally: &mut Tally,
    platform: &Platform,
    store: &Store,
    letters: &BTreeMap<String, DeadLetter>,
) {
    for (bucket, layer) in LAYERS {
        let sql = format!(
            "SELECT key, bytes FROM meta.data_files WHERE layer = '{layer}' AND end_snapshot IS NULL"
        );
        // The files first: compaction may end one in between, but its object stays for a while.
        let files = platform.sql(&sql).await;
        let objects = store.objects(bucket).await;
        for file in files {
            let (key, bytes) = file.rsplit_once('|').expect("two columns");
            let found = objects.get(key).map_or("none".to_owned(), u64::to_string);
            tally.expect(found == bytes, || format!("{layer}/{key} has {bytes} bytes, its object {found}"));
        }
    }
    for dataset in ["events", "files", "lines"] {
        // One statement sees one snapshot of the dataset, but `meta` is as it is now: compaction keeps the sum.
        let sql = format!(
            "SELECT (SELECT count(*) FROM {dataset}), (SELECT coalesce(sum(rows), 0)::BIGINT FROM meta.data_files \
             WHERE dataset = '{dataset}' AND layer = 'processed' AND end_snapshot IS NULL)"
        );
        let seen = platform.value(&sql).await;
        let agree = seen.split_once('|').is_some_and(|(rows, of_files)| rows == of_files);
        tally.expect(agree, || format!("rows of {dataset}, and those of its files: {seen}"));
    }
    let stored = store.objects(Bucket::DeadLetter).await;
    let stored: BTreeSet<&str> = stored.keys().filter_map(|key| key.rsplit('/').next()).collect();
    for id in letters.keys() {
        tally.expect(stored.contains(format!("{id}.json").as_str()), || format!("letter {id} has no object"));
    }
}

/// Waits until no object is left that nobody names.
pub async fn none_dangles(tally: &mut Tally, platform: &Platform, store: &Store, patience: Duration) {
    let begun = Instant::now();
    loop {
        let dangling = dangling(platform, store).await;
        if dangling.is_empty() {
            return;
        }
        if begun.elapsed() > patience {
            let first = &dangling[..dangling.len().min(SHOWN)];
            tally.wrong(format!("{} objects that nobody names are left, such as {first:?}", dangling.len()));
            return;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn dangling(platform: &Platform, store: &Store) -> Vec<String> {
    let mut dangling = Vec::new();
    for (bucket, layer) in LAYERS {
        // The objects first: what is committed in between is named.
        let objects = store.objects(bucket).await;
        let sql = format!("SELECT key FROM meta.data_files WHERE layer = '{layer}'");
        let named: BTreeSet<String> = platform.sql(&sql).await.into_iter().collect();
        let unnamed = objects.into_keys().filter(|key| !named.contains(key) && !key.starts_with(VIEWS));
        dangling.extend(unnamed.map(|key| format!("{layer}/{key}")));
    }
    dangling
}
