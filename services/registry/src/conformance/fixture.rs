//! What the suite's cases are made of. Each case has a source of its own, so that they share a registry.

use rfe_model::{SourceSpec, id, letter, letter::Stage};
use rfe_proto::{dlq::DeadLetter, metadata as pb};

use super::Stores;
use crate::{Claim, Claimed, Commit, CompactionLimits, Failure, NewRun, Page, Result};

pub(super) fn first(limit: u32) -> Page {
    Page { after: None, limit }
}

pub(super) async fn declare(stores: Stores<'_>, name: &str, kind: &str) {
    stores.sources.apply(&[SourceSpec::sample(name, kind)], false).await.expect("declare");
}

pub(super) fn new_run(source: &str, kind: pb::RunKind) -> NewRun {
    NewRun {
        run_id: id::new(),
        source: source.to_owned(),
        kind,
        letter_id: None,
        replay_raw: None,
        scheduled_micros: None,
    }
}

pub(super) fn claim_of(run: &NewRun, worker: &str) -> Claim {
    Claim {
        run_id: run.run_id.clone(),
        source: run.source.clone(),
        kind: run.kind,
        worker: worker.to_owned(),
    }
}

/// A pull run, made and claimed.
pub(super) async fn pull(stores: Stores<'_>, source: &str) -> Claimed {
    begin(stores, new_run(source, pb::RunKind::Pull)).await
}

/// A run, made and claimed.
pub(super) async fn begin(stores: Stores<'_>, run: NewRun) -> Claimed {
    stores.runs.create_run(&run).await.expect("create");
    stores.runs.claim(&claim_of(&run, "w1")).await.expect("claim")
}

/// A batch of events, claimed.
pub(super) async fn batch(stores: Stores<'_>, source: &str) -> Claimed {
    let run = new_run(source, pb::RunKind::Events);
    stores.runs.claim(&claim_of(&run, "w1")).await.expect("claim")
}

pub(super) fn seen(name: &str, kind: &str) -> pb::ObservedColumn {
    pb::ObservedColumn { name: name.to_owned(), r#type: kind.to_owned(), exceeds_double: false }
}

pub(super) async fn register(
    stores: Stores<'_>,
    run: &pb::Run,
    columns: &[pb::ObservedColumn],
) -> pb::SchemaVersion {
    stores.runs.register_schema(&run.run_id, run.epoch, columns).await.expect("register").0
}

pub(super) fn file(run: &pb::Run, layer: pb::Layer, part: u32, rows: i64) -> pb::DataFile {
    pb::DataFile {
        key: format!(
            "{}/dt=2026-01-01/{}/{}-{part:05}-{}.parquet",
            run.source, run.run_id, run.epoch, layer as i32
        ),
        layer: layer.into(),
        part,
        rows,
        bytes: rows * 10,
        sha256: id::sha256_hex(run.run_id.as_bytes()),
        schema_version: 1,
        raw_columns: if layer == pb::Layer::Raw { vec![text_column("id")] } else { Vec::new() },
        stats: vec![pb::ColumnStats {
            column_id: 1,
            min: "1".into(),
            max: "9".into(),
            has_bounds: true,
            nulls: 2,
            r#type: "BIGINT".into(),
        }],
        ..Default::default()
    }
}

pub(super) fn text_column(name: &str) -> pb::Column {
    pb::Column { name: name.to_owned(), r#type: "VARCHAR".to_owned(), ..Default::default() }
}

/// A commit of so many rows, in one file a layer, of schema version 1.
pub(super) fn commit_of(run: &pb::Run, rows: i64) -> Commit {
    let files = if rows == 0 {
        Vec::new()
    } else {
        vec![file(run, pb::Layer::Raw, 0, rows), file(run, pb::Layer::Processed, 0, rows)]
    };
    Commit {
        run_id: run.run_id.clone(),
        epoch: run.epoch,
        schema_version: u32::from(rows > 0),
        files,
        event_ids: Vec::new(),
        letters: Vec::new(),
        counters: pb::RunCounters { read: rows, landed: rows, ..Default::default() },
        cursor: None,
        files_read: Vec::new(),
        discarded_columns: Vec::new(),
    }
}

/// Registers one column and commits so many rows.
pub(super) async fn land(stores: Stores<'_>, run: &pb::Run, rows: i64) -> Result<pb::Run> {
    register(stores, run, &[seen("id", "BIGINT")]).await;
    stores.runs.commit(&commit_of(run, rows)).await
}

pub(super) fn failure_of(run: &pb::Run, next_attempt_micros: Option<i64>) -> Failure {
    Failure {
        run_id: run.run_id.clone(),
        epoch: run.epoch,
        stage: "read".to_owned(),
        code: "SOURCE_DOWN".to_owned(),
        message: "connection refused".to_owned(),
        next_attempt_micros,
        letters: Vec::new(),
        counters: pb::RunCounters::default(),
    }
}

pub(super) fn letter_of(run: &pb::Run, id: &str) -> DeadLetter {
    DeadLetter {
        id: id.to_owned(),
        kind: "record".to_owned(),
        raw_base64: b"1;2;3".to_vec(),
        event_id: "e1".to_owned(),
        ..letter::of_job(&run.source, &run.run_id, Stage::Decode, "RAGGED_ROW", "3 fields, not 2", 1)
    }
}

/// The visible rows of a dataset now.
pub(super) async fn rows(stores: Stores<'_>, dataset: &str) -> i64 {
    resolve(stores, dataset, 0).await.dataset.expect("dataset").rows
}

pub(super) async fn resolve(stores: Stores<'_>, dataset: &str, snapshot: u64) -> pb::ResolvedDataset {
    let resolved = stores.catalog.resolve(snapshot, &[dataset.to_owned()], false).await.expect("resolve");
    resolved.datasets.into_iter().next().expect("the dataset exists")
}

/// The compactions that are planned for a source once a layer has so many files; those of other sources are called off.
pub(super) async fn planned(stores: Stores<'_>, source: &str, files: u32) -> Vec<pb::Run> {
    let limits = CompactionLimits { files, small_bytes: 32 << 20, target_bytes: 512 << 20, inputs: 2_000 };
    let planned = stores.upkeep.plan_compactions(&limits).await.expect("plan");
    let (mine, others): (Vec<_>, Vec<_>) =
        planned.into_iter().map(|planned| planned.run).partition(|run| run.source == source);
    for run in others {
        stores.runs.cancel(&run.run_id).await.expect("cancel");
    }
    mine
}

/// A compaction, claimed.
pub(super) async fn compacted(stores: Stores<'_>, run: &pb::Run) -> Claimed {
    let claim = Claim {
        run_id: run.run_id.clone(),
        source: run.source.clone(),
        kind: pb::RunKind::Compaction,
        worker: "w1".to_owned(),
    };
    let claimed = stores.runs.claim(&claim).await.expect("claim");
    assert!(claimed.claimed, "{claimed:?}");
    claimed
}
