//! What the role does by itself, and what is asked of it for that.

use std::time::Duration;

use rfe_lake::Bucket;
use rfe_metadata::Config;
use rfe_model::{ErrorCode, fault::reason, id};
use rfe_proto::metadata as pb;

use super::{
    fault,
    mesh::{self, Mesh},
    source,
};

const SOON: Duration = Duration::from_millis(50);

async fn mesh(config: Config) -> (tempfile::TempDir, Mesh) {
    let folder = tempfile::tempdir().expect("folder");
    let mesh = Mesh::start_in(folder.path(), config).await;
    (folder, mesh)
}

async fn land(mesh: &mut Mesh, source: &str, name: &str) -> pb::Run {
    let run = mesh.batch(source).await;
    let committed = mesh.runs.commit_run(mesh::commit(&run, &[name], true)).await.expect("commit");
    committed.into_inner().run.expect("committed")
}

async fn compactions(mesh: &mut Mesh, source: &str) -> Vec<pb::Run> {
    let request = pb::ListRunsRequest {
        source: source.to_owned(),
        kinds: vec![pb::RunKind::Compaction.into()],
        ..Default::default()
    };
    mesh.metadata.list_runs(request).await.expect("list").into_inner().runs
}

#[tokio::test]
async fn small_files_are_compacted_by_runs_that_workers_claim() {
    let (_folder, mut mesh) =
        mesh(Config { compact_files: 4, compact_every: SOON, ..Config::default() }).await;
    mesh.declare(source("clicks", "webhook")).await;
    for name in ["a", "b", "c", "d"] {
        land(&mut mesh, "clicks", name).await;
    }
    mesh.metric("rfe_compactions_planned_total 2").await;
    mesh.metric("rfe_compaction_inputs_total 8").await;
    let planned = compactions(&mut mesh, "clicks").await;
    assert_eq!(planned.len(), 2, "one a layer");
    let claimed = mesh.claim("clicks", pb::RunKind::Compaction, &planned[0].run_id).await;
    assert!(claimed.claimed && claimed.inputs.len() == 4, "{claimed:?}");
    assert_eq!(claimed.schema.as_ref().map(|schema| schema.version), Some(1));

    let run = claimed.run.expect("run");
    let layer = claimed.inputs[0].layer;
    let of = |rows: &[&str]| {
        let mut request = mesh::commit(&run, rows, false);
        request.files.retain(|file| file.layer == layer);
        request
    };
    let (whole, short) = (of(&["x"; 4]), of(&["x"; 3]));
    let refused = fault(mesh.runs.commit_run(short).await);
    assert_eq!(
        (refused.code, refused.reason.as_str()),
        (ErrorCode::FailedPrecondition, reason::INPUTS_CHANGED)
    );
    let late = fault(mesh.runs.commit_run(whole).await);
    assert_eq!(late.reason, reason::STALE_EPOCH, "the run is over, and quietly so");
    let dataset = mesh.resolve("clicks").await.dataset.expect("dataset");
    assert_eq!((dataset.rows, dataset.files), (4, 8));
    let request = pb::ListRunsRequest { source: "clicks".to_owned(), ..Default::default() };
    let listed = mesh.metadata.list_runs(request).await.expect("list").into_inner().runs;
    assert_eq!(listed.len(), 4, "compactions are listed only if they are asked for");
}

#[tokio::test]
async fn what_was_replaced_is_deleted_once_it_has_had_its_time() {
    let config = Config { snapshot_grace: Duration::ZERO, collect_every: SOON, ..Config::default() };
    let (_folder, mut mesh) = mesh(config).await;
    mesh.declare(source("sales", "csv")).await;
    let mut keys = Vec::new();
    for _ in 0..2 {
        let run = mesh.pull("sales").await;
        let request = mesh::commit(&run, &["x"], false);
        let of = [Bucket::Raw, Bucket::Processed].into_iter().zip(request.files.clone());
        for (bucket, file) in of {
            mesh.put(bucket, &file.key).await;
            keys.push((bucket, file.key));
        }
        mesh.runs.commit_run(request).await.expect("commit");
    }
    for (bucket, key) in &keys[..2] {
        mesh.gone(*bucket, key).await;
    }
    for (bucket, key) in &keys[2..] {
        assert!(mesh.has(*bucket, key).await, "{key} is visible");
    }
    let request =
        pb::ResolveDatasetsRequest { snapshot: 1, datasets: vec!["sales".to_owned()], ..Default::default() };
    let refused = fault(mesh.catalog.resolve_datasets(request).await);
    assert_eq!((refused.reason.as_str(), refused.get("oldest")), (reason::SNAPSHOT_EXPIRED, Some("2")));
    mesh.metric("rfe_objects_deleted_total 2").await;
}

#[tokio::test]
async fn objects_that_nothing_names_are_deleted_and_all_others_stay() {
    let config = Config { orphan_grace: Duration::ZERO, collect_every: SOON, ..Config::default() };
    let (_folder, mut mesh) = mesh(config).await;
    mesh.declare(source("clicks", "webhook")).await;
    let run = mesh.batch("clicks").await;
    let key = |run_id: &str, epoch: u64| format!("clicks/dt=2026-01-01/{run_id}/{epoch}-00000-ab.parquet");
    let mut request = mesh::commit(&run, &["a"], true);
    request.files[1].key = key(&run.run_id, run.epoch);
    let visible = request.files[1].key.clone();
    mesh.put(Bucket::Processed, &visible).await;
    let open = mesh.batch("clicks").await;
    let under_way = key(&open.run_id, open.epoch);
    mesh.put(Bucket::Processed, &under_way).await;
    mesh.runs.commit_run(request).await.expect("commit");

    let failed = mesh.failed("clicks").await;
    let orphan = key(&failed.run_id, failed.epoch - 1);
    mesh.put(Bucket::Processed, &orphan).await;
    let foreign = key(&id::new(), 1);
    mesh.put(Bucket::Processed, &foreign).await;
    mesh.put(Bucket::Processed, "_views/clicks.sql").await;
    mesh.gone(Bucket::Processed, &orphan).await;
    // What is found after it has been through at least as many rounds.
    let second = key(&failed.run_id, 0);
    mesh.put(Bucket::Processed, &second).await;
    mesh.gone(Bucket::Processed, &second).await;
    for kept in [&visible, &under_way, &foreign, "_views/clicks.sql"] {
        assert!(mesh.has(Bucket::Processed, kept).await, "{kept}");
    }
}

#[tokio::test]
async fn a_dataset_is_dropped_once_its_source_is_deleted() {
    let (_folder, mut mesh) = mesh(Config::default()).await;
    mesh.declare(source("clicks", "webhook")).await;
    land(&mut mesh, "clicks", "a").await;
    let request = pb::DropDatasetRequest { name: "clicks".to_owned() };
    let refused = fault(mesh.metadata.drop_dataset(request.clone()).await);
    assert_eq!(
        (refused.code, refused.reason.as_str()),
        (ErrorCode::FailedPrecondition, reason::DATASET_IN_USE)
    );
    assert!(refused.message.contains("--prune"), "{}", refused.message);
    mesh.metadata.delete_source(pb::DeleteSourceRequest { name: "clicks".to_owned() }).await.expect("delete");
    let dropped = mesh.metadata.drop_dataset(request.clone()).await.expect("drop").into_inner();
    assert_eq!((dropped.dataset.expect("as it was").rows, dropped.snapshot), (1, 2));
    let twice = fault(mesh.metadata.drop_dataset(request).await);
    assert_eq!((twice.code, twice.reason.as_str()), (ErrorCode::NotFound, reason::DATASET_NOT_FOUND));
    let unnamed = fault(mesh.metadata.drop_dataset(pb::DropDatasetRequest::default()).await);
    assert_eq!(unnamed.violations[0].path, "name");
    let listed = mesh.metadata.list_datasets(pb::ListDatasetsRequest::default()).await.expect("list");
    assert!(listed.into_inner().datasets.is_empty());
}

#[tokio::test]
async fn changes_are_named_and_tasks_are_held_by_one() {
    let (_folder, mut mesh) = mesh(Config::default()).await;
    mesh.declare(source("clicks", "webhook")).await;
    land(&mut mesh, "clicks", "a").await;
    for (after, expected) in [(0, vec!["clicks".to_owned()]), (1, Vec::new())] {
        let request = pb::ListChangesRequest { after_snapshot: after };
        let changes = mesh.catalog.list_changes(request).await.expect("changes").into_inner();
        assert_eq!((changes.snapshot, changes.datasets), (1, expected));
    }
    let hold = |holder: &str, seconds: f64| pb::HoldTaskRequest {
        task: "views".to_owned(),
        holder: holder.to_owned(),
        seconds,
    };
    for (holder, held) in [("a", true), ("b", false), ("a", true)] {
        let answer = mesh.catalog.hold_task(hold(holder, 60.0)).await.expect("answer").into_inner();
        assert_eq!(answer.held, held, "{holder}");
    }
    for (path, request) in [
        ("holder", hold("", 1.0)),
        ("seconds", hold("a", 0.0)),
        ("seconds", hold("a", f64::NAN)),
        ("seconds", hold("a", 1e9)),
    ] {
        assert_eq!(fault(mesh.catalog.hold_task(request).await).violations[0].path, path);
    }
}
