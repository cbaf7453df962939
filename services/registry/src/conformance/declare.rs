//! Sources.

use rfe_model::SourceSpec;
use serde_json::json;

use super::{
    Stores,
    fixture::{declare, first, land, pull, resolve},
};
use crate::RegistryError;

pub(super) async fn suite(stores: Stores<'_>) {
    applying_twice_changes_nothing(stores).await;
    a_spec_reads_back_as_it_was_declared(stores).await;
    prune_deletes_declared_sources_only(stores).await;
    a_deleted_source_comes_back_with_its_dataset(stores).await;
    creating_a_source_that_exists_is_refused(stores).await;
    first_webhooks_make_only_so_many_sources(stores).await;
    a_dataset_exists_as_soon_as_its_source_does(stores).await;
    sources_page_by_name(stores).await;
}

async fn applying_twice_changes_nothing(stores: Stores<'_>) {
    let mut specs = [SourceSpec::sample("apply_a", "csv"), SourceSpec::sample("apply_b", "webhook")];
    let actions = |applied: Vec<rfe_proto::metadata::AppliedSource>| -> Vec<String> {
        applied.into_iter().map(|entry| entry.action).collect()
    };
    let first_time = stores.sources.apply(&specs, false).await.expect("apply");
    assert_eq!(actions(first_time), ["created", "created"]);
    let (before, revision) = stores.sources.sources(&first(100), false).await.expect("list");

    assert_eq!(
        actions(stores.sources.apply(&specs, false).await.expect("again")),
        ["unchanged", "unchanged"]
    );
    assert_eq!(stores.sources.sources(&first(100), false).await.expect("list"), (before, revision));

    specs[0].config = json!({"location": "b.csv"});
    assert_eq!(actions(stores.sources.apply(&specs, false).await.expect("change")), ["updated", "unchanged"]);
    let (_, later) = stores.sources.sources(&first(100), false).await.expect("list");
    let changed = stores.sources.source("apply_a").await.expect("get").expect("there");
    assert_eq!((later, changed.revision), (revision + 1, revision + 1));
}

async fn a_spec_reads_back_as_it_was_declared(stores: Stores<'_>) {
    let written = json!({
        "name": "declared", "kind": "csv", "mode": "merge", "merge": {"key": ["id"]}, "schema_policy": "freeze",
        "config": {"location": "data/*.csv", "skip_rows": 3, "nested": {"list": [1, "two", null, 2.5]}},
        "columns": {"amount": "DECIMAL(12,2)"}, "on_bad_row": "fail", "retry": {"attempts": 2, "base": "1s"},
        "schedule": {"cron": "0 6 * * *", "timezone": "Europe/Berlin"}, "json": {"paths": {"city": "/a/city"}}
    });
    let spec = SourceSpec::from_written(&written).expect("written");
    let created = stores.sources.create(&spec, None).await.expect("create");
    assert_eq!(SourceSpec::try_from(&created).expect("spec"), spec);
    let stored = stores.sources.source("declared").await.expect("get").expect("there");
    assert_eq!(stored, created);
}

async fn prune_deletes_declared_sources_only(stores: Stores<'_>) {
    stores.sources.create(&SourceSpec::sample("prune_auto", "webhook"), Some(100)).await.expect("auto");
    declare(stores, "prune_gone", "csv").await;
    let applied =
        stores.sources.apply(&[SourceSpec::sample("prune_kept", "csv")], true).await.expect("apply");
    let of = |name: &str| applied.iter().find(|entry| entry.name == name).map(|entry| entry.action.as_str());
    assert_eq!(
        (of("prune_kept"), of("prune_gone"), of("prune_auto")),
        (Some("created"), Some("deleted"), None)
    );
    let gone = stores.sources.source("prune_gone").await.expect("get").expect("still named");
    assert!(gone.deleted_time.is_some());
}

async fn a_deleted_source_comes_back_with_its_dataset(stores: Stores<'_>) {
    declare(stores, "phoenix", "csv").await;
    let run = pull(stores, "phoenix").await.run;
    land(stores, &run, 3).await.expect("commit");
    stores.sources.delete("phoenix").await.expect("delete");
    stores.sources.delete("phoenix").await.expect("deleting twice is fine");
    assert_eq!(
        resolve(stores, "phoenix", 0).await.dataset.expect("dataset").rows,
        3,
        "the dataset stays readable"
    );
    let update = stores.sources.update(&SourceSpec::sample("phoenix", "csv")).await;
    assert!(matches!(update, Err(RegistryError::SourceDeleted(_))), "{update:?}");

    declare(stores, "phoenix", "csv").await;
    let back = stores.sources.source("phoenix").await.expect("get").expect("there");
    assert!(back.deleted_time.is_none());
    let unknown = stores.sources.delete("never_was").await;
    assert!(matches!(unknown, Err(RegistryError::NotFound { what: "source", .. })), "{unknown:?}");
}

async fn creating_a_source_that_exists_is_refused(stores: Stores<'_>) {
    let spec = SourceSpec::sample("taken", "csv");
    stores.sources.create(&spec, None).await.expect("create");
    let again = stores.sources.create(&spec, None).await;
    assert!(matches!(again, Err(RegistryError::SourceExists(_))), "{again:?}");
}

async fn first_webhooks_make_only_so_many_sources(stores: Stores<'_>) {
    let made = stores.sources.sources(&first(1000), false).await.expect("list").0;
    let room = made.iter().filter(|source| source.auto_created).count() as u32 + 1;
    let last =
        stores.sources.create(&SourceSpec::sample("hook_one", "webhook"), Some(room)).await.expect("room");
    assert!(last.auto_created);
    let refused = stores.sources.create(&SourceSpec::sample("hook_two", "webhook"), Some(room)).await;
    assert!(matches!(refused, Err(RegistryError::TooManySources(..))), "{refused:?}");

    stores.sources.delete("hook_one").await.expect("delete");
    let deleted = stores.sources.create(&SourceSpec::sample("hook_one", "webhook"), Some(room)).await;
    assert!(
        matches!(deleted, Err(RegistryError::SourceDeleted(_))),
        "a webhook does not bring it back: {deleted:?}"
    );
}

async fn a_dataset_exists_as_soon_as_its_source_does(stores: Stores<'_>) {
    let mut spec = SourceSpec::sample("unread", "webhook");
    spec.columns.insert("amount".to_owned(), "DOUBLE".parse().expect("type"));
    stores.sources.create(&spec, None).await.expect("create");
    let resolved = resolve(stores, "unread", 0).await;
    let dataset = resolved.dataset.expect("dataset");
    assert_eq!((dataset.schema_version, dataset.rows, dataset.events), (0, 0, true));
    assert_eq!(dataset.columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>(), ["amount"]);
    assert!(resolved.processed.is_empty() && resolved.raw.is_empty());
}

async fn sources_page_by_name(stores: Stores<'_>) {
    let (all, _) = stores.sources.sources(&first(1000), true).await.expect("list");
    let mut paged = Vec::new();
    let mut page = first(2);
    loop {
        let (some, _) = stores.sources.sources(&page, true).await.expect("page");
        let Some(last) = some.last() else { break };
        page.after = Some(last.name.clone());
        paged.extend(some);
    }
    assert_eq!(paged, all);
    assert!(all.is_sorted_by_key(|source| source.name.clone()));
}
