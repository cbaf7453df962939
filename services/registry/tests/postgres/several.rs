//! Several processes on one database.

use std::{collections::BTreeSet, sync::Arc, time::Instant};

use futures::future::join_all;
use rfe_model::SourceSpec;
use rfe_proto::metadata as pb;
use rfe_registry::{CatalogStore, Claim, NewRun, Page, PostgresRegistry, RunStore, SourceStore};
use sqlx::PgPool;
use tokio::sync::Notify;

use crate::{
    batch::{claimed, commit, register},
    open,
};

async fn both() -> ([PostgresRegistry; 2], String) {
    let (first, url) = open().await;
    let second = PostgresRegistry::connect(&url).await.expect("connect");
    ([first, second], url)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lower_snapshot_never_appears_after_a_higher_one() {
    const COMMITS: i64 = 160;
    let (registries, url) = both().await;
    let specs: Vec<_> = (0..4).map(|at| SourceSpec::sample(&format!("order_{at}"), "webhook")).collect();
    registries[0].apply(&specs, false).await.expect("apply");
    let done = Arc::new(Notify::new());
    let reader = tokio::spawn(watch(url, Arc::clone(&done)));
    let workers = (0..8).map(|worker: usize| {
        let registry = registries[worker % 2].clone();
        let source = format!("order_{}", worker % 4);
        tokio::spawn(async move {
            for _ in 0..COMMITS / 8 {
                let run = claimed(&registry, &source).await;
                register(&registry, &run).await;
                registry.commit(&commit(&run, 5)).await.expect("commit");
            }
        })
    });
    for worker in join_all(workers).await {
        worker.expect("the worker ends");
    }
    done.notify_one();
    let looks = reader.await.expect("never a gap");
    assert!(looks > 10, "{looks} looks");
    let resolved = registries[1].resolve(0, &[], true).await.expect("resolve");
    assert_eq!(resolved.snapshot, COMMITS.unsigned_abs());
    let rows: i64 = resolved.datasets.iter().filter_map(|one| one.dataset.as_ref()).map(|one| one.rows).sum();
    assert_eq!(rows, COMMITS * 5);
}

// At each look, all snapshots up to the newest are there: one run each.
async fn watch(url: String, done: Arc<Notify>) -> u64 {
    let pool = PgPool::connect(&url).await.expect("connect");
    let sql = "SELECT snapshot, (SELECT count(*) FROM ingestion_runs WHERE snapshot IS NOT NULL),
        (SELECT count(DISTINCT begin_snapshot) FROM data_files) FROM registry_state";
    let mut looks = 0;
    loop {
        let (snapshot, runs, files): (i64, i64, i64) =
            sqlx::query_as(sql).fetch_one(&pool).await.expect("look");
        assert_eq!((runs, files), (snapshot, snapshot), "a snapshot is missing");
        looks += 1;
        tokio::select! {
            () = done.notified() => return looks,
            () = tokio::time::sleep(std::time::Duration::from_millis(5)) => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_that_are_registered_at_once_make_one_row_of_versions() {
    let (registries, _) = both().await;
    registries[0].apply(&[SourceSpec::sample("drift", "webhook")], false).await.expect("apply");
    let registering = (0..8).map(|at: usize| {
        let registry = registries[at % 2].clone();
        async move {
            let run = claimed(&registry, "drift").await;
            let columns = [("id", "BIGINT".to_owned()), (&format!("c{at}"), "VARCHAR".to_owned())].map(
                |(name, kind)| pb::ObservedColumn {
                    name: name.to_owned(),
                    r#type: kind,
                    exceeds_double: false,
                },
            );
            registry.register_schema(&run.run_id, run.epoch, &columns).await.expect("register").0.version
        }
    });
    let versions: BTreeSet<u32> = join_all(registering).await.into_iter().collect();
    assert_eq!(versions, (1..=8).collect());
    let newest = registries[1].schema_versions("drift", &Page { after: None, limit: 1 }).await.expect("list");
    let names: BTreeSet<&str> = newest[0].columns.iter().map(|column| column.name.as_str()).collect();
    assert!((0..8).all(|at| names.contains(format!("c{at}").as_str())), "{names:?}");
    let ids: BTreeSet<u32> = newest[0].columns.iter().map(|column| column.id).collect();
    assert_eq!(ids.len(), newest[0].columns.len(), "no id is given twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_what_several_processes_begin_at_once_there_is_one() {
    let (registries, _) = both().await;
    let declared = join_all((0..8).map(|at| {
        let registry = &registries[at % 2];
        async move { registry.create(&SourceSpec::sample("one", "csv"), None).await }
    }))
    .await;
    assert_eq!(declared.iter().filter(|created| created.is_ok()).count(), 1, "{declared:?}");
    let made = join_all((0..8).map(|at| {
        let registry = &registries[at % 2];
        let run = NewRun {
            run_id: rfe_model::id::new(),
            source: "one".to_owned(),
            kind: pb::RunKind::Pull,
            letter_id: None,
            replay_raw: None,
            scheduled_micros: None,
        };
        async move { registry.create_run(&run).await.expect("create") }
    }))
    .await;
    assert_eq!(made.iter().filter(|(_, is_new)| *is_new).count(), 1);
    let claim = Claim {
        run_id: rfe_model::id::new(),
        source: "one".to_owned(),
        kind: pb::RunKind::Events,
        worker: "w".to_owned(),
    };
    let claims = join_all((0..8).map(|at| registries[at % 2].claim(&claim))).await;
    let epochs: BTreeSet<u64> = claims.into_iter().map(|claimed| claimed.expect("claim").run.epoch).collect();
    assert_eq!(epochs, (1..=8).collect());
}

#[tokio::test(flavor = "multi_thread")]
async fn declaring_beside_commits_breaks_neither() {
    let (registries, _) = both().await;
    let specs: Vec<_> = (0..6).map(|at| SourceSpec::sample(&format!("busy_{at}"), "webhook")).collect();
    registries[0].apply(&specs, false).await.expect("apply");
    let declaring = async {
        for round in 0..30 {
            let mut changed = specs.clone();
            changed.rotate_left(round % 6);
            for spec in &mut changed {
                spec.config = serde_json::json!({"max_body": format!("{}KiB", round + 1)});
            }
            registries[round % 2].apply(&changed, round % 3 == 0).await.expect("apply");
        }
    };
    let committing = join_all((0..6).map(|at: usize| {
        let registry = &registries[at % 2];
        let source = format!("busy_{at}");
        async move {
            for _ in 0..15 {
                let run = claimed(registry, &source).await;
                register(registry, &run).await;
                registry.commit(&commit(&run, 3)).await.expect("commit");
            }
        }
    }));
    tokio::join!(declaring, committing);
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_workers_commit_fast() {
    const EACH: usize = 50;
    let (registry, _) = open().await;
    registry.apply(&[SourceSpec::sample("fast", "webhook")], false).await.expect("apply");
    let mut commits = Vec::new();
    for _ in 0..8 * EACH {
        let run = claimed(&registry, "fast").await;
        register(&registry, &run).await;
        commits.push(commit(&run, 50));
    }
    let began = Instant::now();
    let registry = &registry;
    let workers = commits.chunks(EACH).map(|own| async move {
        for commit in own {
            registry.commit(commit).await.expect("commit");
        }
    });
    join_all(workers).await;
    let rate = commits.len() as f64 / began.elapsed().as_secs_f64();
    println!("{rate:.0} commits/s");
    // The target is 200; a busy machine gets room.
    assert!(rate > 50.0, "{rate:.0} commits/s");
}
