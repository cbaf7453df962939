//! Dropping the dataset of a deleted source.

use rfe_proto::metadata as pb;

use super::{
    Stores,
    fixture::{
        batch, begin, claim_of, commit_of, compacted, declare, failure_of, first, land, letter_of, new_run,
        planned, pull, register, resolve, rows, seen,
    },
};
use crate::{Claim, Commit, RegistryError, Resolved};

pub(super) async fn suite(stores: Stores<'_>) {
    only_a_dataset_whose_source_is_deleted_is_dropped(stores).await;
    a_dropped_dataset_is_shown_by_older_snapshots_only(stores).await;
    what_belongs_to_it_ends_with_it(stores).await;
    declared_again_it_begins_anew(stores).await;
    events_that_were_accepted_before_bring_it_back(stores).await;
}

async fn dropped(stores: Stores<'_>, name: &str) -> (pb::Dataset, u64) {
    stores.sources.delete(name).await.expect("delete");
    stores.upkeep.drop_dataset(name).await.expect("drop")
}

async fn shown(stores: Stores<'_>, name: &str, snapshot: u64) -> Resolved {
    stores.catalog.resolve(snapshot, &[name.to_owned()], false).await.expect("resolve")
}

fn is_missing<T>(answer: &Result<T, RegistryError>) -> bool {
    matches!(answer, Err(RegistryError::NotFound { what: "dataset", .. }))
}

async fn only_a_dataset_whose_source_is_deleted_is_dropped(stores: Stores<'_>) {
    declare(stores, "wanted", "csv").await;
    let refused = stores.upkeep.drop_dataset("wanted").await;
    assert!(matches!(&refused, Err(RegistryError::DatasetInUse(name)) if name == "wanted"), "{refused:?}");
    let unknown = stores.upkeep.drop_dataset("nowhere").await;
    assert!(is_missing(&unknown), "{unknown:?}");
    dropped(stores, "wanted").await;
    let twice = stores.upkeep.drop_dataset("wanted").await;
    assert!(is_missing(&twice), "{twice:?}");
}

async fn a_dropped_dataset_is_shown_by_older_snapshots_only(stores: Stores<'_>) {
    declare(stores, "gone", "csv").await;
    let run = land(stores, &pull(stores, "gone").await.run, 3).await.expect("commit");
    let (dataset, snapshot) = dropped(stores, "gone").await;
    assert_eq!((dataset.name.as_str(), dataset.rows, dataset.files), ("gone", 3, 2), "as it was");
    assert_eq!(snapshot, stores.catalog.snapshot().await.expect("snapshot"));
    let old = resolve(stores, "gone", run.snapshot).await;
    assert_eq!((old.processed.len(), old.dataset.expect("dataset").columns.len()), (1, 1));
    assert_eq!(old.processed[0].end_snapshot, snapshot);
    for at in [0, snapshot] {
        assert_eq!(shown(stores, "gone", at).await.datasets, []);
    }
    let all = stores.catalog.resolve(0, &[], true).await.expect("resolve").datasets;
    assert!(all.iter().all(|of| of.dataset.as_ref().is_some_and(|dataset| dataset.name != "gone")));
    let files = stores.catalog.files("gone", 0, pb::Layer::Raw, &first(1)).await;
    assert!(is_missing(&files), "{files:?}");
    let versions = stores.catalog.schema_versions("gone", &first(1)).await;
    assert!(is_missing(&versions), "{versions:?}");
    let (_, changed) = stores.catalog.changes(snapshot - 1).await.expect("changes");
    assert_eq!(changed, ["gone"]);
}

async fn what_belongs_to_it_ends_with_it(stores: Stores<'_>) {
    declare(stores, "estate", "webhook").await;
    for at in 0..8 {
        let run = batch(stores, "estate").await.run;
        register(stores, &run, &[seen("id", "BIGINT")]).await;
        let mut commit = commit_of(&run, 1);
        commit.event_ids = vec![format!("e{at}")];
        if at == 0 {
            commit.counters.read += 1;
            commit.counters.dead += 1;
            commit.letters = vec![letter_of(&run, "estate_letter")];
        }
        stores.runs.commit(&commit).await.expect("commit");
    }
    let compactions = planned(stores, "estate", 8).await;
    let claimed = compacted(stores, &compactions[0]).await;
    let backfill = new_run("estate", pb::RunKind::Backfill);
    let retrying = begin(stores, backfill.clone()).await.run;
    stores
        .runs
        .fail(&failure_of(&retrying, Some(rfe_model::time::now_micros() + 3_600_000_000)))
        .await
        .expect("fail");
    dropped(stores, "estate").await;

    for run_id in [&claimed.run.run_id, &compactions[1].run_id, &backfill.run_id] {
        let run = stores.runs.run(run_id).await.expect("get").expect("there");
        assert_eq!((run.state(), &run.next_attempt_time), (pb::RunState::Cancelled, &None), "{run:?}");
    }
    let letter = stores.letters.letter("estate_letter").await.expect("get").expect("it stays");
    assert_eq!((letter.state.as_str(), letter.discard_reason.as_str()), ("discarded", "dataset dropped"));
    let late = claim_of(&backfill, "w1");
    assert!(!stores.runs.claim(&late).await.expect("claim").claimed);

    declare(stores, "estate", "webhook").await;
    let run = batch(stores, "estate").await.run;
    register(stores, &run, &[seen("id", "BIGINT")]).await;
    let commit = Commit { event_ids: vec!["e0".to_owned()], ..commit_of(&run, 1) };
    let commit = with_version(commit, 2);
    stores.runs.commit(&commit).await.expect("the ledger has forgotten it");
    assert_eq!(rows(stores, "estate").await, 1);
}

fn with_version(mut commit: Commit, version: u32) -> Commit {
    commit.schema_version = version;
    commit.files.iter_mut().for_each(|file| file.schema_version = version);
    commit
}

async fn declared_again_it_begins_anew(stores: Stores<'_>) {
    declare(stores, "reborn", "csv").await;
    let run = pull(stores, "reborn").await.run;
    register(stores, &run, &[seen("old", "BIGINT"), seen("id", "VARCHAR")]).await;
    let first_life = stores.runs.commit(&commit_of(&run, 5)).await.expect("commit");
    dropped(stores, "reborn").await;
    declare(stores, "reborn", "csv").await;
    let empty = resolve(stores, "reborn", 0).await.dataset.expect("dataset");
    assert_eq!((empty.rows, empty.schema_version, empty.columns.len()), (0, 0, 0));

    let run = pull(stores, "reborn").await;
    assert_eq!(run.schema, None, "nothing is known of its columns");
    let version = register(stores, &run.run, &[seen("id", "BIGINT")]).await;
    assert_eq!((version.version, version.columns.len(), version.columns[0].id), (2, 1, 1));
    let stale = stores.runs.commit(&commit_of(&run.run, 2)).await;
    assert!(matches!(stale, Err(RegistryError::SchemaPolicy(_))), "{stale:?}");
    stores.runs.commit(&with_version(commit_of(&run.run, 2), 2)).await.expect("commit");
    let dataset = resolve(stores, "reborn", 0).await.dataset.expect("dataset");
    assert_eq!((dataset.rows, dataset.schema_version, dataset.columns.len()), (2, 2, 1));
    let versions = stores.catalog.schema_versions("reborn", &first(10)).await.expect("versions");
    assert_eq!(versions.iter().map(|version| version.version).collect::<Vec<_>>(), [2]);
    let old = resolve(stores, "reborn", first_life.snapshot).await.dataset.expect("dataset");
    assert_eq!((old.rows, old.schema_version, old.columns.len()), (5, 1, 2));
}

async fn events_that_were_accepted_before_bring_it_back(stores: Stores<'_>) {
    declare(stores, "belated", "webhook").await;
    land(stores, &batch(stores, "belated").await.run, 4).await.expect("commit");
    let under_way = batch(stores, "belated").await.run;
    register(stores, &under_way, &[seen("id", "BIGINT")]).await;
    let (_, snapshot) = dropped(stores, "belated").await;
    let stale = stores.runs.commit(&commit_of(&under_way, 2)).await;
    assert!(matches!(stale, Err(RegistryError::StaleEpoch { .. })), "its columns are not known any more");
    let claim = Claim {
        run_id: under_way.run_id.clone(),
        source: "belated".to_owned(),
        kind: pb::RunKind::Events,
        worker: "w2".to_owned(),
    };
    let again = stores.runs.claim(&claim).await.expect("claim");
    assert!(again.claimed, "the batch is delivered again");
    register(stores, &again.run, &[seen("id", "BIGINT")]).await;
    stores.runs.commit(&with_version(commit_of(&again.run, 2), 2)).await.expect("commit");
    assert_eq!(rows(stores, "belated").await, 2, "nothing that was accepted is lost");
    assert_eq!(shown(stores, "belated", snapshot).await.datasets.len(), 1);
    stores.upkeep.drop_dataset("belated").await.expect("and it can be dropped again");
    assert_eq!(shown(stores, "belated", 0).await.datasets, []);
}
