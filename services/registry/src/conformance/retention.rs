//! How long what has ended is kept.

use std::time::Duration;

use rfe_model::{SourceSpec, source::RetentionSpec, time};
use rfe_proto::metadata as pb;

use super::{
    Stores,
    fixture::{declare, first, land, pull, resolve, rows},
};
use crate::{LakeObject, RegistryError};

const HOUR: Duration = Duration::from_secs(3600);

pub(super) async fn suite(stores: Stores<'_>) {
    files_that_ended_long_ago_go_and_older_snapshots_are_refused(stores).await;
    a_source_may_keep_its_snapshots_longer(stores).await;
    raw_files_end_once_they_are_older_than_their_source_keeps_them(stores).await;
    firings_are_kept_up_to_a_number(stores).await;
}

fn later(by: Duration) -> i64 {
    time::now_micros() + i64::try_from(by.as_micros()).expect("not so long")
}

async fn doomed(stores: Stores<'_>, source: &str) -> Vec<LakeObject> {
    let all = stores.upkeep.doomed(100_000).await.expect("doomed");
    all.into_iter().filter(|object| object.key.starts_with(&format!("{source}/"))).collect()
}

async fn files_that_ended_long_ago_go_and_older_snapshots_are_refused(stores: Stores<'_>) {
    declare(stores, "expiring", "csv").await;
    let one = land(stores, &pull(stores, "expiring").await.run, 1).await.expect("commit");
    let two = land(stores, &pull(stores, "expiring").await.run, 2).await.expect("commit");
    let old = resolve(stores, "expiring", one.snapshot).await;
    stores.upkeep.retire_files(later(HOUR), 2 * HOUR).await.expect("retire");
    assert_eq!(resolve(stores, "expiring", one.snapshot).await.processed.len(), 1, "too young to go");
    assert_eq!(doomed(stores, "expiring").await, []);

    assert!(stores.upkeep.retire_files(later(3 * HOUR), 2 * HOUR).await.expect("retire") >= 2);
    let mut expected = vec![
        LakeObject { bucket: "processed".to_owned(), key: old.processed[0].key.clone() },
        LakeObject { bucket: "raw".to_owned(), key: old.raw[0].key.clone() },
    ];
    let mut found = doomed(stores, "expiring").await;
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
    let names = ["expiring".to_owned()];
    let refused = stores.catalog.resolve(one.snapshot, &names, false).await;
    assert!(
        matches!(&refused, Err(RegistryError::SnapshotExpired { oldest, .. }) if *oldest == two.snapshot),
        "{refused:?}"
    );
    let refused = stores.catalog.files("expiring", one.snapshot, pb::Layer::Raw, &first(1)).await;
    assert!(matches!(refused, Err(RegistryError::SnapshotExpired { .. })), "{refused:?}");
    for snapshot in [two.snapshot, 0] {
        let dataset = resolve(stores, "expiring", snapshot).await.dataset.expect("dataset");
        assert_eq!((dataset.rows, dataset.snapshot), (2, two.snapshot));
    }
    let (_, changed) = stores.catalog.changes(one.snapshot).await.expect("changes");
    assert!(changed.contains(&"expiring".to_owned()), "what has gone has changed");
    stores.upkeep.forget_doomed(&found).await.expect("forget");
    assert_eq!(doomed(stores, "expiring").await, []);
}

async fn a_source_may_keep_its_snapshots_longer(stores: Stores<'_>) {
    let mut spec = SourceSpec::sample("kept_longer", "csv");
    spec.retention = RetentionSpec { snapshots: Some(48 * HOUR), raw: None };
    stores.sources.create(&spec, None).await.expect("create");
    let one = land(stores, &pull(stores, "kept_longer").await.run, 1).await.expect("commit");
    land(stores, &pull(stores, "kept_longer").await.run, 2).await.expect("commit");
    stores.upkeep.retire_files(later(47 * HOUR), HOUR).await.expect("retire");
    assert_eq!(resolve(stores, "kept_longer", one.snapshot).await.processed.len(), 1);
    stores.upkeep.retire_files(later(49 * HOUR), HOUR).await.expect("retire");
    assert_eq!(doomed(stores, "kept_longer").await.len(), 2);
}

async fn raw_files_end_once_they_are_older_than_their_source_keeps_them(stores: Stores<'_>) {
    let mut spec = SourceSpec::sample("shredded", "csv");
    spec.retention = RetentionSpec { raw: Some(24 * HOUR), snapshots: None };
    stores.sources.create(&spec, None).await.expect("create");
    let run = land(stores, &pull(stores, "shredded").await.run, 4).await.expect("commit");
    stores.upkeep.end_old_raw(later(23 * HOUR)).await.expect("end");
    assert_eq!(resolve(stores, "shredded", 0).await.raw.len(), 1);
    assert!(stores.upkeep.end_old_raw(later(25 * HOUR)).await.expect("end") >= 1);
    let now = resolve(stores, "shredded", 0).await;
    assert_eq!((now.raw.len(), now.processed.len()), (0, 1));
    assert_eq!(rows(stores, "shredded").await, 4);
    let changed = now.dataset.expect("dataset").snapshot;
    assert!(changed > run.snapshot, "at a snapshot of its own");
    assert_eq!(resolve(stores, "shredded", run.snapshot).await.raw.len(), 1, "older snapshots have it");
    let settled = stores.catalog.snapshot().await.expect("snapshot");
    stores.upkeep.end_old_raw(later(25 * HOUR)).await.expect("end");
    assert_eq!(stores.catalog.snapshot().await.expect("snapshot"), settled, "nothing is left to end");
}

async fn firings_are_kept_up_to_a_number(stores: Stores<'_>) {
    use rfe_proto::scheduler::{Firing, Schedule};
    let schedule =
        Schedule { schedule_id: "busy".to_owned(), source: "expiring".to_owned(), ..Schedule::default() };
    stores.schedules.put_schedule(&schedule).await.expect("put");
    let firing = |at: i64| Firing {
        firing_id: format!("busy-{at}"),
        schedule_id: "busy".to_owned(),
        scheduled_time: Some(time::proto_from_micros(at * 1_000_000)),
        // The oldest one waits still.
        outcome: if at == 0 { "buffered" } else { "started" }.to_owned(),
        ..Firing::default()
    };
    let firings: Vec<Firing> = (0..1_100).map(firing).collect();
    for some in firings.chunks(550) {
        stores.schedules.fired("busy", some, None).await.expect("fired");
    }
    let kept = stores.schedules.firings("busy", &first(2_000)).await.expect("list");
    assert_eq!(kept.len(), 1_001);
    assert_eq!(kept[0].firing_id, "busy-1099");
    assert_eq!((kept[999].firing_id.as_str(), kept[1_000].firing_id.as_str()), ("busy-100", "busy-0"));
    stores.schedules.delete_schedule("busy").await.expect("delete");
}
