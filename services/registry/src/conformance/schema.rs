//! Schema versions.

use futures::future::join_all;
use rfe_model::{SourceSpec, source::SchemaPolicy};
use rfe_proto::metadata as pb;

use super::{
    Stores,
    fixture::{batch, commit_of, declare, first, pull, register, resolve, seen},
};
use crate::RegistryError;

pub(super) async fn suite(stores: Stores<'_>) {
    the_same_columns_are_the_same_version(stores).await;
    registering_at_once_loses_no_column(stores).await;
    a_frozen_schema_refuses_a_new_column(stores).await;
    a_frozen_schema_lets_parts_lack_columns(stores).await;
    what_is_left_out_is_noted_once_with_its_run(stores).await;
    a_run_that_saw_nothing_freezes_nothing(stores).await;
    a_registered_version_is_shown_once_its_run_is(stores).await;
    versions_page_newest_first(stores).await;
}

async fn the_same_columns_are_the_same_version(stores: Stores<'_>) {
    declare(stores, "stable", "csv").await;
    let run = pull(stores, "stable").await.run;
    let one = register(stores, &run, &[seen("id", "BIGINT"), seen("x", "DATE")]).await;
    let again = register(stores, &run, &[seen("x", "DATE"), seen("id", "BIGINT")]).await;
    assert_eq!((one.version, &again), (1, &one));
    let wider = register(stores, &run, &[seen("id", "DOUBLE"), seen("x", "DATE")]).await;
    assert_eq!((wider.version, wider.columns[0].id, wider.columns[0].r#type.as_str()), (2, 1, "DOUBLE"));
    assert_eq!(wider.changes, ["column `id` widens from BIGINT to DOUBLE"]);
    assert_eq!(wider.run_id, run.run_id);
}

async fn registering_at_once_loses_no_column(stores: Stores<'_>) {
    declare(stores, "race", "webhook").await;
    let mut runs = Vec::new();
    for _ in 0..6 {
        runs.push(batch(stores, "race").await.run);
    }
    let versions = join_all(runs.iter().enumerate().map(|(at, run)| async move {
        register(stores, run, &[seen("id", "BIGINT"), seen(&format!("c{at}"), "DATE")]).await
    }))
    .await;
    let mut numbers: Vec<u32> = versions.iter().map(|version| version.version).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, [1, 2, 3, 4, 5, 6]);
    let newest = &stores.catalog.schema_versions("race", &first(1)).await.expect("newest")[0];
    let mut ids: Vec<u32> = newest.columns.iter().map(|column| column.id).collect();
    ids.sort_unstable();
    assert_eq!((newest.columns.len(), ids), (7, (1..=7).collect()), "every column, an id each");
}

async fn a_frozen_schema_refuses_a_new_column(stores: Stores<'_>) {
    let mut spec = SourceSpec::sample("frozen", "csv");
    spec.schema_policy = SchemaPolicy::Freeze;
    stores.sources.create(&spec, None).await.expect("create");
    let run = pull(stores, "frozen").await.run;
    register(stores, &run, &[seen("id", "BIGINT")]).await;
    let refused =
        stores.runs.register_schema(&run.run_id, run.epoch, &[seen("id", "BIGINT"), seen("y", "DATE")]).await;
    let text = refused.expect_err("frozen").to_string();
    assert!(text.contains("`y`"), "{text}");
    let versions = stores.catalog.schema_versions("frozen", &first(10)).await.expect("versions");
    assert_eq!(versions.len(), 1);
}

async fn a_frozen_schema_lets_parts_lack_columns(stores: Stores<'_>) {
    let mut spec = SourceSpec::sample("partly", "webhook");
    spec.schema_policy = SchemaPolicy::Freeze;
    stores.sources.create(&spec, None).await.expect("create");
    let run = batch(stores, "partly").await.run;
    let both = register(stores, &run, &[seen("id", "BIGINT"), seen("x", "DATE")]).await;
    assert_eq!(register(stores, &batch(stores, "partly").await.run, &[seen("id", "BIGINT")]).await, both);

    let mut whole = SourceSpec::sample("wholly", "csv");
    whole.schema_policy = SchemaPolicy::Freeze;
    stores.sources.create(&whole, None).await.expect("create");
    let run = pull(stores, "wholly").await.run;
    register(stores, &run, &[seen("id", "BIGINT"), seen("x", "DATE")]).await;
    let refused = stores.runs.register_schema(&run.run_id, run.epoch, &[seen("id", "BIGINT")]).await;
    let text = refused.expect_err("frozen").to_string();
    assert!(text.contains("`x` is missing"), "{text}");
}

async fn what_is_left_out_is_noted_once_with_its_run(stores: Stores<'_>) {
    let mut spec = SourceSpec::sample("leaving", "csv");
    spec.schema_policy = SchemaPolicy::Discard;
    stores.sources.create(&spec, None).await.expect("create");
    register(stores, &pull(stores, "leaving").await.run, &[seen("id", "BIGINT")]).await;
    let run = pull(stores, "leaving").await.run;
    let columns = [seen("id", "BIGINT"), seen("extra", "DATE")];
    let (version, discarded) =
        stores.runs.register_schema(&run.run_id, run.epoch, &columns).await.expect("register");
    assert_eq!((version.version, discarded), (1, vec!["extra".to_owned()]));
    register(stores, &pull(stores, "leaving").await.run, &columns).await;
    let newest = stores.catalog.schema_versions("leaving", &first(1)).await.expect("newest").remove(0);
    assert_eq!(newest.left_out, version.left_out);
    let [left_out] = newest.left_out.as_slice() else { panic!("once: {newest:?}") };
    assert_eq!(
        (left_out.name.as_str(), left_out.r#type.as_str(), left_out.run_id.as_str()),
        ("extra", "DATE", run.run_id.as_str())
    );

    let mut commit = commit_of(&run, 1);
    commit.discarded_columns = vec![pb::DiscardedColumn { name: "extra".to_owned(), values: 1 }];
    let committed = stores.runs.commit(&commit).await.expect("commit");
    assert_eq!(committed.discarded_columns, commit.discarded_columns);
    assert_eq!(stores.runs.run(&run.run_id).await.expect("get").expect("there"), committed);
}

async fn a_run_that_saw_nothing_freezes_nothing(stores: Stores<'_>) {
    let mut spec = SourceSpec::sample("empty_first", "csv");
    spec.schema_policy = SchemaPolicy::Freeze;
    stores.sources.create(&spec, None).await.expect("create");
    let run = pull(stores, "empty_first").await.run;
    assert_eq!(register(stores, &run, &[]).await.version, 0);
    stores.runs.commit(&commit_of(&run, 0)).await.expect("nothing to land");
    let run = pull(stores, "empty_first").await.run;
    assert_eq!(register(stores, &run, &[seen("id", "BIGINT")]).await.version, 1);
}

async fn a_registered_version_is_shown_once_its_run_is(stores: Stores<'_>) {
    declare(stores, "shown", "webhook").await;
    let early = batch(stores, "shown").await.run;
    let late = batch(stores, "shown").await.run;
    register(stores, &early, &[seen("id", "BIGINT")]).await;
    register(stores, &late, &[seen("id", "VARCHAR")]).await;
    assert_eq!(resolve(stores, "shown", 0).await.dataset.expect("dataset").schema_version, 0);

    let mut commit = commit_of(&late, 1);
    commit.schema_version = 2;
    stores.runs.commit(&commit).await.expect("the newer one first");
    stores.runs.commit(&commit_of(&early, 1)).await.expect("then the older one");
    let dataset = resolve(stores, "shown", 0).await.dataset.expect("dataset");
    assert_eq!((dataset.schema_version, dataset.columns[0].r#type.as_str()), (2, "VARCHAR"));

    let mut unknown = commit_of(&batch(stores, "shown").await.run, 1);
    unknown.schema_version = 9;
    let refused = stores.runs.commit(&unknown).await;
    assert!(matches!(refused, Err(RegistryError::SchemaPolicy(_))), "{refused:?}");
}

async fn versions_page_newest_first(stores: Stores<'_>) {
    let page = |after: Option<&str>| crate::Page { after: after.map(str::to_owned), limit: 4 };
    let newest = stores.catalog.schema_versions("race", &page(None)).await.expect("first page");
    let oldest = stores.catalog.schema_versions("race", &page(Some("3"))).await.expect("second page");
    let numbers: Vec<u32> = newest.iter().chain(&oldest).map(|version| version.version).collect();
    assert_eq!(numbers, [6, 5, 4, 3, 2, 1]);
    let unknown = stores.catalog.schema_versions("nowhere", &page(None)).await;
    assert!(matches!(unknown, Err(RegistryError::NotFound { what: "dataset", .. })), "{unknown:?}");
}
