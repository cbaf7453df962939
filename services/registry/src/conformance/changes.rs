//! Which datasets changed, and which files are new.

use rfe_proto::metadata as pb;

use super::{
    Stores,
    fixture::{batch, declare, first, land, pull},
};

pub(super) async fn suite(stores: Stores<'_>) {
    changes_name_the_datasets_whose_files_began_or_ended(stores).await;
    files_may_be_only_those_that_began_after_a_snapshot(stores).await;
    what_ended_between_two_snapshots_is_told_by_key(stores).await;
}

async fn changes_name_the_datasets_whose_files_began_or_ended(stores: Stores<'_>) {
    declare(stores, "changing", "csv").await;
    declare(stores, "unchanging", "csv").await;
    let begun = land(stores, &pull(stores, "unchanging").await.run, 1).await.expect("commit").snapshot;
    land(stores, &pull(stores, "changing").await.run, 1).await.expect("commit");
    let (snapshot, changed) = stores.catalog.changes(begun).await.expect("changes");
    assert_eq!((snapshot, changed), (begun + 1, vec!["changing".to_owned()]));
    let (_, known) = stores.catalog.changes(begun + 1).await.expect("changes");
    assert_eq!(known, [] as [&str; 0]);
    let (_, all) = stores.catalog.changes(0).await.expect("all");
    assert!(all.is_sorted() && all.contains(&"unchanging".to_owned()), "{all:?}");

    // A run that read nothing ends what was there.
    let empty = pull(stores, "unchanging").await.run;
    land(stores, &empty, 0).await.expect("commit");
    let (_, changed) = stores.catalog.changes(begun + 1).await.expect("changes");
    assert_eq!(changed, ["unchanging"]);
}

async fn what_ended_between_two_snapshots_is_told_by_key(stores: Stores<'_>) {
    declare(stores, "turning", "csv").await;
    let one = land(stores, &pull(stores, "turning").await.run, 1).await.expect("commit").snapshot;
    let shown = |snapshot, layer| async move {
        let listed = stores.catalog.files("turning", snapshot, layer, &first(10)).await.expect("list");
        listed.0.into_iter().map(|file| file.key).collect::<Vec<_>>()
    };
    let ended = |older, snapshot, layer| stores.catalog.ended("turning", older, snapshot, layer);
    let of_one = shown(one, pb::Layer::Raw).await;
    assert_eq!(of_one.len(), 1);
    assert_eq!(ended(one, one, pb::Layer::Raw).await.expect("ended"), [] as [&str; 0]);

    let two = land(stores, &pull(stores, "turning").await.run, 1).await.expect("commit").snapshot;
    assert_eq!(ended(one, two, pb::Layer::Raw).await.expect("ended"), of_one);
    assert_eq!(
        ended(one, one, pb::Layer::Raw).await.expect("ended"),
        [] as [&str; 0],
        "not yet at that snapshot"
    );
    let of_two = shown(two, pb::Layer::Processed).await;
    let three = land(stores, &pull(stores, "turning").await.run, 0).await.expect("commit").snapshot;
    assert_eq!(ended(two, three, pb::Layer::Processed).await.expect("ended"), of_two);
    assert_eq!(ended(two, 0, pb::Layer::Processed).await.expect("0 is the newest"), of_two);
}

async fn files_may_be_only_those_that_began_after_a_snapshot(stores: Stores<'_>) {
    declare(stores, "growing", "webhook").await;
    let one = land(stores, &batch(stores, "growing").await.run, 1).await.expect("commit");
    let two = land(stores, &batch(stores, "growing").await.run, 1).await.expect("commit");
    for (after, runs) in [(0, vec![&one, &two]), (one.snapshot, vec![&two]), (two.snapshot, vec![])] {
        let page = first(10);
        let listed = stores.catalog.files_after("growing", 0, pb::Layer::Raw, after, &page).await;
        let mut found: Vec<String> = listed.expect("list").0.into_iter().map(|file| file.run_id).collect();
        found.sort();
        let mut expected: Vec<String> = runs.into_iter().map(|run| run.run_id.clone()).collect();
        expected.sort();
        assert_eq!(found, expected, "after {after}");
    }
}
