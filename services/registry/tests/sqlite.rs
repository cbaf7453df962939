//! The suite on SQLite, and what only a file can show.

use std::time::Instant;

use rfe_model::SourceSpec;
use rfe_proto::metadata as pb;
use rfe_registry::{
    CatalogStore, LetterStore, RegistryError, RunStore, SourceStore, SqliteRegistry,
    conformance::{self, Stores},
};

use crate::batch::{claimed, commit, register};

#[path = "support/batch.rs"]
mod batch;

async fn open(folder: &tempfile::TempDir) -> SqliteRegistry {
    SqliteRegistry::open(&folder.path().join("registry.db")).await.expect("open")
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("folder")
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_conforms() {
    let folder = folder();
    let registry = open(&folder).await;
    conformance::run(Stores::of(&registry)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_is_there_after_reopening() {
    let folder = folder();
    let registry = open(&folder).await;
    registry.apply(&[SourceSpec::sample("kept", "webhook")], false).await.expect("apply");
    let run = claimed(&registry, "kept").await;
    register(&registry, &run).await;
    let first = commit(&run, 3);
    let done = registry.commit(&first).await.expect("commit");
    let open_run = claimed(&registry, "kept").await;
    // As after `kill -9`: a copy of the files, taken without closing anything.
    let copy = tempfile::tempdir().expect("folder");
    for entry in std::fs::read_dir(folder.path()).expect("files") {
        let entry = entry.expect("file");
        std::fs::copy(entry.path(), copy.path().join(entry.file_name())).expect("copy");
    }
    let reopened = open(&copy).await;
    assert_eq!(reopened.commit(&first).await.expect("the commit is asked for again"), done);
    let resolved = reopened.resolve(0, &["kept".to_owned()], false).await.expect("resolve");
    assert_eq!((resolved.snapshot, resolved.datasets[0].processed.len()), (done.snapshot, 1));
    let mut repeat = commit(&open_run, 3);
    repeat.event_ids.clone_from(&first.event_ids);
    let refused = reopened.commit(&repeat).await;
    assert!(matches!(refused, Err(RegistryError::DuplicateEvents(ids)) if ids.len() == 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_breaks_midway_leaves_nothing() {
    let folder = folder();
    let registry = open(&folder).await;
    registry.apply(&[SourceSpec::sample("broken", "webhook")], false).await.expect("apply");
    let run = claimed(&registry, "broken").await;
    register(&registry, &run).await;
    let mut twice = commit(&run, 2);
    // The same key twice breaks after ledger and letters are written.
    twice.files.push(twice.files[0].clone());
    twice.letters =
        vec![rfe_proto::dlq::DeadLetter { id: "l1".into(), kind: "record".into(), ..Default::default() }];
    let refused = registry.commit(&twice).await;
    assert!(matches!(refused, Err(RegistryError::Corrupt(_))), "{refused:?}");
    assert_eq!(registry.snapshot().await.expect("snapshot"), 0);
    assert_eq!(registry.letter("l1").await.expect("get"), None);

    twice.files.pop();
    twice.letters.clear();
    registry.commit(&twice).await.expect("the same events land once the defect is mended");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_dropped_midway_holds_nobody_up() {
    let folder = folder();
    let registry = open(&folder).await;
    registry.apply(&[SourceSpec::sample("dropped", "webhook")], false).await.expect("apply");
    let run = claimed(&registry, "dropped").await;
    register(&registry, &run).await;
    let whole = commit(&run, 1000);
    for polls in 1..40 {
        let mut call = Box::pin(registry.commit(&whole));
        for _ in 0..polls {
            if futures::poll!(&mut call).is_ready() {
                break;
            }
            tokio::task::yield_now().await;
        }
    }
    registry.commit(&whole).await.expect("commit");
    let resolved = registry.resolve(0, &[], true).await.expect("resolve");
    assert_eq!(resolved.datasets[0].dataset.as_ref().expect("dataset").rows, 1000);
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_of_5000_events_commit_fast_and_resolving_stays_quick() {
    let folder = folder();
    let registry = open(&folder).await;
    registry.apply(&[SourceSpec::sample("fast", "webhook")], false).await.expect("apply");
    let mut commits = Vec::new();
    for _ in 0..20 {
        let run = claimed(&registry, "fast").await;
        register(&registry, &run).await;
        commits.push(commit(&run, 5000));
    }
    let began = Instant::now();
    for commit in &commits {
        registry.commit(commit).await.expect("commit");
    }
    let rate = 100_000.0 / began.elapsed().as_secs_f64();
    println!("{rate:.0} events/s");
    // The target is 20,000; a busy machine gets room.
    assert!(rate > 5_000.0, "{rate:.0} events/s");

    let run = claimed(&registry, "fast").await;
    let mut many = commit(&run, 0);
    many.files = (0..20_000)
        .map(|part| pb::DataFile {
            key: format!("fast/{part}"),
            layer: pb::Layer::Raw.into(),
            part,
            ..Default::default()
        })
        .collect();
    let began = Instant::now();
    registry.commit(&many).await.expect("commit");
    println!("20,000 files committed in {:?}", began.elapsed());
    let began = Instant::now();
    let resolved = registry.resolve(0, &["fast".to_owned()], false).await.expect("resolve");
    println!("20,040 files resolved in {:?}", began.elapsed());
    assert_eq!(resolved.datasets[0].raw.len(), 20_020);
    assert!(began.elapsed().as_secs() < 5);
}
