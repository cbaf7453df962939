//! Servers and connections that go away, and callers that do.

use std::time::Duration;

use futures::{FutureExt as _, future::join_all};
use rfe_model::SourceSpec;
use rfe_proto::metadata as pb;
use rfe_registry::{CatalogStore, Claim, Commit, PostgresRegistry, RegistryError, RunStore, SourceStore};
use rfe_test_servers::{Postgres, psql};

use crate::{
    batch::{claimed, commit, register},
    open,
};

#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_survives_a_crash_of_the_server_and_the_pool_recovers() {
    let server = Postgres::start();
    let registry = PostgresRegistry::open(&server.database().await).await.expect("open");
    registry.apply(&[SourceSpec::sample("kept", "webhook")], false).await.expect("apply");
    let run = claimed(&registry, "kept").await;
    register(&registry, &run).await;
    let first = commit(&run, 3);
    let done = registry.commit(&first).await.expect("commit");
    let next = claimed(&registry, "kept").await;

    server.stop_hard();
    let refused = registry.commit(&commit(&next, 1)).await;
    assert!(matches!(refused, Err(RegistryError::Store(_))), "{refused:?}");
    let unread = registry.snapshot().await;
    assert!(matches!(unread, Err(RegistryError::Store(_))), "{unread:?}");
    server.start_again();

    let again = until_settled(&registry, &first).await;
    assert_eq!(again, done, "the commit is asked for again");
    let mut repeat = commit(&next, 3);
    repeat.event_ids.clone_from(&first.event_ids);
    let refused = registry.commit(&repeat).await;
    assert!(matches!(refused, Err(RegistryError::DuplicateEvents(ids)) if ids.len() == 3));
    registry.commit(&commit(&next, 2)).await.expect("other events land");
    assert_eq!(registry.snapshot().await.expect("snapshot"), done.snapshot + 1);
}

// As a worker does: what it can't know it asks again.
async fn until_settled(registry: &PostgresRegistry, commit: &Commit) -> pb::Run {
    for _ in 0..200 {
        match registry.commit(commit).await {
            Ok(run) => return run,
            Err(RegistryError::Store(_)) => tokio::time::sleep(Duration::from_millis(20)).await,
            Err(other) => panic!("{other:?}"),
        }
    }
    panic!("the registry does not recover")
}

async fn until_claimed(registry: &PostgresRegistry, source: &str) -> pb::Run {
    let claim = Claim {
        run_id: rfe_model::id::new(),
        source: source.to_owned(),
        kind: pb::RunKind::Events,
        worker: "w1".to_owned(),
    };
    for _ in 0..200 {
        match registry.claim(&claim).await {
            Ok(claimed) => return claimed.run,
            Err(RegistryError::Store(_)) => tokio::time::sleep(Duration::from_millis(20)).await,
            Err(other) => panic!("{other:?}"),
        }
    }
    panic!("the registry does not recover")
}

#[tokio::test(flavor = "multi_thread")]
async fn commits_whose_connections_are_killed_happen_once() {
    const COMMITS: i64 = 30;
    let (registry, url) = open().await;
    registry.apply(&[SourceSpec::sample("killed", "webhook")], false).await.expect("apply");
    let run = claimed(&registry, "killed").await;
    register(&registry, &run).await;
    let killer = tokio::spawn(async move {
        let sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name = 'rfe'";
        loop {
            tokio::time::sleep(Duration::from_millis(60)).await;
            psql(&url, sql).await;
        }
    });
    let workers = (0..4).map(|_| async {
        for _ in 0..COMMITS {
            let run = until_claimed(&registry, "killed").await;
            until_settled(&registry, &commit(&run, 10)).await;
        }
    });
    join_all(workers).await;
    killer.abort();
    let _aborted = killer.await;
    let (mut rows, mut snapshot) = (0, 0);
    for _ in 0..50 {
        if let Ok(resolved) = registry.resolve(0, &["killed".to_owned()], false).await {
            let dataset = resolved.datasets[0].dataset.clone().expect("dataset");
            (rows, snapshot) = (dataset.rows, resolved.snapshot);
            break;
        }
    }
    assert_eq!((rows, snapshot), (4 * COMMITS * 10, 4 * COMMITS.unsigned_abs()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_dropped_midway_holds_nobody_up() {
    let (registry, _) = open().await;
    registry.apply(&[SourceSpec::sample("dropped", "webhook")], false).await.expect("apply");
    let run = claimed(&registry, "dropped").await;
    register(&registry, &run).await;
    let whole = commit(&run, 1000);
    let other = commit(&claimed(&registry, "dropped").await, 1);
    for polls in 1..40 {
        let mut call = registry.commit(&whole).fuse();
        let mut progress = registry.progress(&other.run_id, other.epoch, &other.counters).fuse();
        for _ in 0..polls {
            let _commits = futures::poll!(&mut call);
            let _writes = futures::poll!(&mut progress);
            tokio::time::sleep(Duration::from_micros(300)).await;
        }
    }
    registry.commit(&whole).await.expect("commit");
    registry.commit(&other).await.expect("nobody holds the run");
    let resolved = registry.resolve(0, &[], true).await.expect("resolve");
    assert_eq!(resolved.datasets[0].dataset.as_ref().expect("dataset").rows, 1001);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_holds_a_row_for_long_is_no_defect_of_the_call_that_waits() {
    let (registry, url) = open().await;
    registry.apply(&[SourceSpec::sample("waited", "webhook")], false).await.expect("apply");
    let run = claimed(&registry, "waited").await;
    let pool = sqlx::PgPool::connect(&url).await.expect("connect");
    let mut holder = pool.begin().await.expect("begin");
    sqlx::query("SELECT 1 FROM ingestion_runs FOR UPDATE").execute(&mut *holder).await.expect("hold");
    let began = std::time::Instant::now();
    let refused = registry.progress(&run.run_id, run.epoch, &pb::RunCounters::default()).await;
    assert!(matches!(refused, Err(RegistryError::Store(_))), "{refused:?}");
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    holder.rollback().await.expect("let go");
    registry.progress(&run.run_id, run.epoch, &pb::RunCounters::default()).await.expect("progress");
}
