//! Compaction: what is planned, and what its commit does.

use rfe_model::{
    SourceSpec,
    source::{MergeSpec, Mode},
    time,
};
use rfe_proto::metadata as pb;

use super::{
    Stores,
    fixture::{
        batch, commit_of, compacted, declare, failure_of, file, first, land, letter_of, planned, pull,
        register, resolve, rows, seen,
    },
};
use crate::{Claimed, Commit, RegistryError, RunFilter};

pub(super) async fn suite(stores: Stores<'_>) {
    many_files_become_few_in_one_snapshot(stores).await;
    a_compaction_is_no_news(stores).await;
    a_layer_has_one_compaction_at_a_time(stores).await;
    a_compaction_whose_inputs_ended_is_void(stores).await;
    a_compaction_that_lost_rows_is_void(stores).await;
    files_of_types_that_do_not_go_together_are_not_read_together(stores).await;
    raw_files_of_other_columns_are_not_read_together(stores).await;
    in_mode_merge_a_compaction_takes_its_place_among_the_others(stores).await;
    a_failed_compaction_leaves_no_letter_and_a_pause(stores).await;
}

const MANY: u32 = 12;

pub(super) async fn land_many(stores: Stores<'_>, source: &str, number: u32) -> pb::Run {
    let mut last = None;
    for _ in 0..number {
        let run = batch(stores, source).await.run;
        last = Some(land(stores, &run, 2).await.expect("commit"));
    }
    last.expect("at least one")
}

async fn many_files_become_few_in_one_snapshot(stores: Stores<'_>) {
    declare(stores, "crumbs", "webhook").await;
    let last = land_many(stores, "crumbs", MANY).await;
    let runs = planned(stores, "crumbs", MANY).await;
    assert_eq!(runs.len(), 2, "one a layer");
    assert!(runs.iter().all(|run| run.kind() == pb::RunKind::Compaction));
    assert!(runs.iter().all(|run| run.state() == pb::RunState::Queued));
    for run in runs {
        let claimed = compacted(stores, &run).await;
        let inputs = &claimed.inputs;
        assert_eq!(inputs.len(), MANY as usize);
        assert!(inputs.is_sorted_by_key(|file| (file.order_snapshot, file.part)));
        assert!(inputs.iter().all(|file| file.stats.is_empty() && file.layer == inputs[0].layer));
        assert!(inputs.iter().all(|file| file.rows == 2 && !file.sha256.is_empty()));
        assert_eq!(claimed.schema.as_ref().map(|schema| schema.version), Some(1));
        assert_eq!((claimed.cursor.as_deref(), claimed.checkpoints), (None, 0));
        if inputs[0].layer() == pb::Layer::Raw {
            assert_eq!(inputs[0].raw_columns.len(), 1, "what all of them have, once");
        }
        let before = stores.catalog.snapshot().await.expect("snapshot");
        let commit = commit_of_compaction(&claimed, 24);
        let done = stores.runs.commit(&commit).await.expect("commit");
        assert_eq!((done.state(), done.snapshot, done.files), (pb::RunState::Succeeded, before + 1, 1));
        assert_eq!(stores.runs.commit(&commit).await.expect("ask again"), done);
        let layer = inputs[0].layer();
        let of = |resolved: pb::ResolvedDataset| match layer {
            pb::Layer::Raw => resolved.raw,
            _ => resolved.processed,
        };
        let now = of(resolve(stores, "crumbs", 0).await);
        assert_eq!((now.len(), now[0].order_snapshot, now[0].begin_snapshot), (1, last.snapshot, before + 1));
        assert_eq!(of(resolve(stores, "crumbs", before).await).len(), MANY as usize, "neither both nor none");
    }
    assert_eq!(rows(stores, "crumbs").await, 24);
    assert_eq!(planned(stores, "crumbs", MANY).await, [], "there are few now");
}

async fn a_compaction_is_no_news(stores: Stores<'_>) {
    declare(stores, "quietly", "webhook").await;
    let last = land_many(stores, "quietly", MANY).await;
    let before = resolve(stores, "quietly", 0).await.dataset.expect("dataset");
    let runs = planned(stores, "quietly", MANY).await;
    let claimed = compacted(stores, &runs[0]).await;
    let done = stores.runs.commit(&commit_of_compaction(&claimed, 24)).await.expect("commit");
    let after = resolve(stores, "quietly", 0).await.dataset.expect("dataset");
    assert_eq!((after.updated_time, after.schema_version), (before.updated_time, 1));
    assert_eq!((after.snapshot, after.rows), (done.snapshot, 24), "its files are others");
    let fresh = stores.catalog.freshness(Some("quietly"), &first(1)).await.expect("freshness");
    assert_eq!(fresh[0].last_success_time, last.finished_time);
    let mut filter = RunFilter { source: Some("quietly".to_owned()), ..RunFilter::default() };
    let listed = stores.runs.runs(&filter, &first(100)).await.expect("list");
    assert!(listed.iter().all(|run| run.kind() == pb::RunKind::Events), "{listed:?}");
    filter.kinds = vec![pb::RunKind::Compaction];
    assert_eq!(stores.runs.runs(&filter, &first(100)).await.expect("list").len(), 2);
    // The next batch goes on with the version that the dataset shows.
    land(stores, &batch(stores, "quietly").await.run, 1).await.expect("commit");
    assert_eq!(resolve(stores, "quietly", 0).await.dataset.expect("dataset").schema_version, 1);
}

async fn a_layer_has_one_compaction_at_a_time(stores: Stores<'_>) {
    declare(stores, "singly", "webhook").await;
    land_many(stores, "singly", MANY).await;
    assert_eq!(planned(stores, "singly", MANY + 1).await, [], "too few");
    let runs = planned(stores, "singly", MANY).await;
    assert_eq!(runs.len(), 2);
    assert_eq!(planned(stores, "singly", MANY).await, [], "they are under way");
    stores.runs.cancel(&runs[0].run_id).await.expect("cancel");
    let again = planned(stores, "singly", MANY).await;
    assert_eq!(again.len(), 1, "that of the layer whose compaction was cancelled");
    assert_ne!(again[0].run_id, runs[0].run_id);
}

async fn a_compaction_whose_inputs_ended_is_void(stores: Stores<'_>) {
    declare(stores, "overtaken_files", "csv").await;
    let run = pull(stores, "overtaken_files").await.run;
    register(stores, &run, &[seen("id", "BIGINT")]).await;
    let mut many = commit_of(&run, 0);
    many.files = (0..MANY).map(|part| file(&run, pb::Layer::Processed, part, 1)).collect();
    many.schema_version = 1;
    many.counters = pb::RunCounters { read: i64::from(MANY), landed: i64::from(MANY), ..Default::default() };
    stores.runs.commit(&many).await.expect("commit");
    let compactions = planned(stores, "overtaken_files", MANY).await;
    let claimed = compacted(stores, &compactions[0]).await;
    land(stores, &pull(stores, "overtaken_files").await.run, 3).await.expect("the source is read again");
    let refused = stores.runs.commit(&commit_of_compaction(&claimed, i64::from(MANY))).await;
    assert!(matches!(refused, Err(RegistryError::InputsChanged { .. })), "{refused:?}");
    let run = stores.runs.run(&claimed.run.run_id).await.expect("get").expect("there");
    assert_eq!(run.state(), pb::RunState::Cancelled);
    assert_eq!(rows(stores, "overtaken_files").await, 3);
}

async fn a_compaction_that_lost_rows_is_void(stores: Stores<'_>) {
    declare(stores, "leaky", "webhook").await;
    land_many(stores, "leaky", MANY).await;
    for run in planned(stores, "leaky", MANY).await {
        let claimed = compacted(stores, &run).await;
        let refused = stores.runs.commit(&commit_of_compaction(&claimed, 23)).await;
        assert!(matches!(refused, Err(RegistryError::InputsChanged { .. })), "{refused:?}");
    }
    assert_eq!(rows(stores, "leaky").await, 24);
}

async fn files_of_types_that_do_not_go_together_are_not_read_together(stores: Stores<'_>) {
    declare(stores, "widened", "webhook").await;
    for (at, kind) in ["BIGINT", "BIGINT", "VARCHAR", "VARCHAR", "VARCHAR"].into_iter().enumerate() {
        let run = batch(stores, "widened").await.run;
        let columns = [seen("id", kind), seen(&format!("c{at}"), "DATE")];
        let version = register(stores, &run, &columns).await.version;
        let mut commit = commit_of(&run, 1);
        commit.schema_version = version;
        commit.files.iter_mut().for_each(|file| file.schema_version = version);
        stores.runs.commit(&commit).await.expect("commit");
    }
    let runs = planned(stores, "widened", 5).await;
    let mut processed = None;
    for run in &runs {
        let claimed = compacted(stores, run).await;
        if claimed.inputs[0].layer() == pb::Layer::Processed {
            processed = Some(claimed);
        }
    }
    let claimed = processed.expect("one of the processed layer");
    let versions: Vec<u32> = claimed.inputs.iter().map(|file| file.schema_version).collect();
    assert_eq!(versions, [3, 4, 5], "those whose `id` is VARCHAR");
    let schema = claimed.schema.expect("the version to write by");
    assert_eq!((schema.version, schema.columns.len()), (5, 6));
}

async fn raw_files_of_other_columns_are_not_read_together(stores: Stores<'_>) {
    declare(stores, "reshaped", "webhook").await;
    for at in 0..7 {
        let run = batch(stores, "reshaped").await.run;
        register(stores, &run, &[seen("id", "BIGINT")]).await;
        let mut commit = commit_of(&run, 1);
        if at % 3 == 0 {
            commit.files[0].raw_columns.push(super::fixture::text_column("more"));
        }
        stores.runs.commit(&commit).await.expect("commit");
    }
    for run in planned(stores, "reshaped", 7).await {
        let claimed = compacted(stores, &run).await;
        if claimed.inputs[0].layer() == pb::Layer::Raw {
            assert_eq!((claimed.inputs.len(), claimed.inputs[0].raw_columns.len()), (4, 1));
        } else {
            assert_eq!(claimed.inputs.len(), 7);
        }
    }
}

async fn in_mode_merge_a_compaction_takes_its_place_among_the_others(stores: Stores<'_>) {
    let mut spec = SourceSpec::sample("placed", "csv");
    spec.mode = Mode::Merge;
    spec.merge = Some(MergeSpec { key: vec!["id".to_owned()], ..MergeSpec::default() });
    stores.sources.create(&spec, None).await.expect("create");
    let mut snapshots = Vec::new();
    for at in 0..10 {
        let run = pull(stores, "placed").await.run;
        register(stores, &run, &[seen("id", "BIGINT")]).await;
        let mut commit = commit_of(&run, 1);
        // One is large: what is before it and what is behind it do not go into one file.
        commit.files[1].bytes = if at == 3 { 1 << 40 } else { 10 };
        snapshots.push(stores.runs.commit(&commit).await.expect("commit").snapshot);
    }
    let mut processed = None;
    for run in planned(stores, "placed", 9).await {
        let claimed = compacted(stores, &run).await;
        if claimed.inputs[0].layer() == pb::Layer::Processed {
            processed = Some(claimed);
        }
    }
    let claimed = processed.expect("one of the processed layer");
    let read: Vec<u64> = claimed.inputs.iter().map(|file| file.order_snapshot).collect();
    assert_eq!(read, snapshots[4..], "those behind the large one, in their order");
    let later = land(stores, &pull(stores, "placed").await.run, 1).await.expect("commit");
    stores.runs.commit(&commit_of_compaction(&claimed, 6)).await.expect("commit");
    let mut files = resolve(stores, "placed", 0).await.processed;
    files.sort_by_key(|file| (file.order_snapshot, file.part));
    let order: Vec<u64> = files.iter().map(|file| file.order_snapshot).collect();
    assert_eq!(order, [&snapshots[..4], &snapshots[9..], &[later.snapshot]].concat());
}

async fn a_failed_compaction_leaves_no_letter_and_a_pause(stores: Stores<'_>) {
    declare(stores, "unlucky", "webhook").await;
    land_many(stores, "unlucky", MANY).await;
    let runs = planned(stores, "unlucky", MANY).await;
    let first_try = compacted(stores, &runs[0]).await.run;
    let soon = time::now_micros() + 1_000_000;
    let retried = stores.runs.fail(&failure_of(&first_try, Some(soon))).await.expect("fail");
    assert_eq!(retried.state(), pb::RunState::Retrying);
    let second_try = compacted(stores, &runs[0]).await;
    assert_eq!(second_try.inputs.len(), MANY as usize, "the inputs are the same");
    let mut failure = failure_of(&second_try.run, None);
    failure.letters = vec![letter_of(&second_try.run, "of_a_compaction")];
    let failed = stores.runs.fail(&failure).await.expect("fail");
    assert_eq!(failed.state(), pb::RunState::Failed);
    assert_eq!(stores.letters.letter("of_a_compaction").await.expect("get"), None);
    let fresh = stores.catalog.freshness(Some("unlucky"), &first(1)).await.expect("freshness");
    assert_eq!((fresh[0].failures_since_success, fresh[0].last_state.as_str()), (0, "succeeded"));
    assert_eq!(planned(stores, "unlucky", MANY).await, [], "one that failed is not made again at once");
}

/// The commit of a compaction that wrote so many rows into one file.
pub(super) fn commit_of_compaction(claimed: &Claimed, rows: i64) -> Commit {
    let layer = claimed.inputs[0].layer();
    let mut commit = commit_of(&claimed.run, rows);
    commit.files.retain(|file| file.layer() == layer);
    commit.schema_version = claimed.schema.as_ref().map_or(0, |schema| schema.version);
    commit.files.iter_mut().for_each(|file| file.schema_version = commit.schema_version);
    commit
}
