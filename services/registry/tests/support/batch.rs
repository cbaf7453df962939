//! Batches of events, as workers make them.

use rfe_model::id;
use rfe_proto::metadata as pb;
use rfe_registry::{Claim, Commit, RunStore};

/// A batch of its own, claimed.
pub async fn claimed(runs: &dyn RunStore, source: &str) -> pb::Run {
    let claim = Claim {
        run_id: id::new(),
        source: source.to_owned(),
        kind: pb::RunKind::Events,
        worker: "w1".to_owned(),
    };
    runs.claim(&claim).await.expect("claim").run
}

/// The commit of a batch of so many new events.
pub fn commit(run: &pb::Run, events: usize) -> Commit {
    let rows = i64::try_from(events).expect("few");
    let file = |layer: pb::Layer| pb::DataFile {
        key: format!(
            "{}/dt=2026-01-01/{}/{}-00000-{}.parquet",
            run.source, run.run_id, run.epoch, layer as i32
        ),
        layer: layer.into(),
        rows,
        ..Default::default()
    };
    Commit {
        run_id: run.run_id.clone(),
        epoch: run.epoch,
        schema_version: 1,
        files: vec![file(pb::Layer::Raw), file(pb::Layer::Processed)],
        event_ids: (0..events).map(|_| id::new()).collect(),
        letters: Vec::new(),
        counters: pb::RunCounters { read: rows, landed: rows, ..Default::default() },
        cursor: None,
        files_read: Vec::new(),
        discarded_columns: Vec::new(),
    }
}

/// Registers one column.
pub async fn register(runs: &dyn RunStore, run: &pb::Run) {
    let column = pb::ObservedColumn { name: "id".into(), r#type: "BIGINT".into(), exceeds_double: false };
    runs.register_schema(&run.run_id, run.epoch, &[column]).await.expect("register");
}
