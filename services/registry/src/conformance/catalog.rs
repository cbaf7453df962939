//! Files, datasets and freshness.

use rfe_model::SourceSpec;
use rfe_proto::metadata as pb;
use serde_json::json;

use super::{
    Stores,
    fixture::{
        batch, commit_of, declare, failure_of, file, first, land, pull, register, resolve, seen, text_column,
    },
};
use crate::{Page, RegistryError, file_cursor};

pub(super) async fn suite(stores: Stores<'_>) {
    files_page_by_key_over_both_layers(stores).await;
    raw_columns_are_those_of_all_visible_files(stores).await;
    resolving_leaves_unknown_names_out_and_files_if_asked(stores).await;
    freshness_tells_success_and_failures_since(stores).await;
}

async fn files_page_by_key_over_both_layers(stores: Stores<'_>) {
    declare(stores, "filed", "csv").await;
    let run = pull(stores, "filed").await.run;
    register(stores, &run, &[seen("id", "BIGINT")]).await;
    let mut commit = commit_of(&run, 3);
    commit.files = (0..3)
        .flat_map(|part| [file(&run, pb::Layer::Raw, part, 1), file(&run, pb::Layer::Processed, part, 1)])
        .map(|file| pb::DataFile { key: format!("filed/{}.parquet", file.part), ..file })
        .collect();
    let done = stores.runs.commit(&commit).await.expect("commit");

    let mut page = first(2);
    let mut paged = Vec::new();
    loop {
        let (some, snapshot) =
            stores.catalog.files("filed", 0, pb::Layer::Unspecified, &page).await.expect("page");
        assert!(snapshot >= done.snapshot);
        let Some(last) = some.last() else { break };
        page.after = Some(file_cursor(last));
        paged.extend(some.into_iter().map(|file| (file.key, file.layer)));
    }
    let mut sorted = paged.clone();
    sorted.sort();
    sorted.dedup();
    assert_eq!((paged.len(), sorted.len()), (6, 6), "{paged:?}");
    assert!(paged.is_sorted_by_key(|(key, _)| key.clone()));
    let (raw, _) =
        stores.catalog.files("filed", done.snapshot, pb::Layer::Raw, &first(10)).await.expect("raw");
    assert_eq!(raw.len(), 3);
    let (before, _) =
        stores.catalog.files("filed", done.snapshot - 1, pb::Layer::Raw, &first(10)).await.expect("before");
    assert!(before.is_empty());
    let unknown = stores.catalog.files("nowhere", 0, pb::Layer::Raw, &first(1)).await;
    assert!(matches!(unknown, Err(RegistryError::NotFound { what: "dataset", .. })), "{unknown:?}");
}

async fn raw_columns_are_those_of_all_visible_files(stores: Stores<'_>) {
    declare(stores, "ragged", "webhook").await;
    for names in [["a", "b"], ["b", "c"], ["a", "b"]] {
        let run = batch(stores, "ragged").await.run;
        register(stores, &run, &[seen("id", "BIGINT")]).await;
        let mut commit = commit_of(&run, 1);
        commit.files[0].raw_columns = names.map(text_column).to_vec();
        stores.runs.commit(&commit).await.expect("commit");
    }
    let resolved = resolve(stores, "ragged", 0).await;
    let names: Vec<&str> = resolved.raw_columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["a", "b", "c"]);
    assert!(resolved.raw.iter().any(|file| file.raw_columns[1].name == "c"));
}

async fn resolving_leaves_unknown_names_out_and_files_if_asked(stores: Stores<'_>) {
    let names = ["ragged".to_owned(), "nowhere".to_owned()];
    let resolved = stores.catalog.resolve(0, &names, true).await.expect("resolve");
    assert_eq!(resolved.datasets.len(), 1);
    let ragged = &resolved.datasets[0];
    assert!(ragged.raw.is_empty() && ragged.processed.is_empty());
    assert_eq!((ragged.raw_columns.len(), ragged.dataset.as_ref().expect("dataset").files), (3, 6));
    let all = stores.catalog.resolve(0, &[], true).await.expect("resolve");
    let (sources, _) =
        stores.sources.sources(&Page { after: None, limit: 1000 }, true).await.expect("sources");
    assert_eq!(all.datasets.len(), sources.len());
}

async fn freshness_tells_success_and_failures_since(stores: Stores<'_>) {
    let written = json!({"name": "fresh", "kind": "csv", "schedule": {"every": "5m"}});
    stores.sources.create(&SourceSpec::from_written(&written).expect("spec"), None).await.expect("create");
    let of = |list: Vec<pb::Freshness>| list.into_iter().next().expect("the source");
    let never = of(stores.catalog.freshness(Some("fresh"), &first(1)).await.expect("never"));
    assert_eq!((never.age_seconds, never.expected_seconds, never.late), (-1.0, 300.0, false));
    assert_eq!((never.last_success_time, never.last_state.as_str()), (None, ""));

    land(stores, &pull(stores, "fresh").await.run, 4).await.expect("commit");
    let failed = pull(stores, "fresh").await.run;
    stores.runs.fail(&failure_of(&failed, None)).await.expect("fail");
    let fresh = of(stores.catalog.freshness(Some("fresh"), &first(1)).await.expect("fresh"));
    assert!(fresh.age_seconds >= 0.0 && fresh.last_success_time.is_some());
    assert_eq!((fresh.last_state.as_str(), fresh.last_error.as_str()), ("failed", "connection refused"));
    assert_eq!((fresh.rows, fresh.failures_since_success, fresh.open_letters), (4, 1, 0));
    let page = Page { after: Some("freshn".to_owned()), limit: 1 };
    assert!(stores.catalog.freshness(None, &page).await.expect("list")[0].source.as_str() > "freshn");
    assert_eq!(stores.catalog.freshness(Some("nowhere"), &first(1)).await.expect("none"), []);
}
