//! The tables: how they come to be, and what people see in them.

use futures::future::join_all;
use rfe_model::SourceSpec;
use rfe_proto::metadata as pb;
use rfe_registry::{Failure, PostgresRegistry, RegistryError, RunStore, SourceStore};
use rfe_test_servers::{Postgres, psql};

use crate::{
    batch::{claimed, commit, register},
    open,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_was_never_migrated_says_what_to_run() {
    let url = Postgres::shared().database().await;
    let refused = PostgresRegistry::connect(&url).await;
    let Err(RegistryError::Unprepared(text)) = refused else { panic!("{refused:?}") };
    assert!(text.contains("rfe migrate"), "{text}");

    let names = PostgresRegistry::migrate(&url).await.expect("migrate");
    assert!(names.first().is_some_and(|name| name == "0001 registry"), "{names:?}");
    assert_eq!(PostgresRegistry::migrate(&url).await.expect("again"), Vec::<String>::new());
    PostgresRegistry::connect(&url).await.expect("connect");

    psql(&url, "DELETE FROM _sqlx_migrations WHERE version = (SELECT max(version) FROM _sqlx_migrations)")
        .await;
    let refused = PostgresRegistry::connect(&url).await;
    assert!(
        matches!(&refused, Err(RegistryError::Unprepared(text)) if text.contains("older version")),
        "{refused:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_a_newer_version_is_left_alone() {
    let (registry, url) = open().await;
    registry.close().await;
    psql(
        &url,
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
        VALUES (9000, 'of the future', true, '', 0)",
    )
    .await;
    let opened = PostgresRegistry::open(&url).await.map(|_| ());
    let migrated = PostgresRegistry::migrate(&url).await.map(|_| ());
    for refused in [opened, migrated] {
        assert!(
            matches!(&refused, Err(RegistryError::Unprepared(text)) if text.contains("newer version")),
            "{refused:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_that_start_at_once_migrate_once() {
    let url = Postgres::shared().database().await;
    let opened = join_all((0..4).map(|_| PostgresRegistry::open(&url))).await;
    for registry in opened {
        registry.expect("open").close().await;
    }
    let failed = psql(&url, "SELECT count(*) FROM _sqlx_migrations WHERE NOT success").await;
    assert_eq!(failed, ["0"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_url_or_no_server_is_said_without_the_password() {
    let wrong = PostgresRegistry::connect("postgres://metadata:s3cr3t@127.0.0.1:nowhere/x").await;
    assert!(matches!(wrong, Err(RegistryError::Unprepared(_))), "{wrong:?}");
    let absent = PostgresRegistry::connect("postgres://metadata:s3cr3t@127.0.0.1:1/x").await;
    assert!(matches!(absent, Err(RegistryError::Store(_))), "{absent:?}");
    for refused in [wrong, absent] {
        assert!(!format!("{refused:?}").contains("s3cr3t"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn people_read_runs_and_failures_with_psql() {
    let (registry, url) = open().await;
    registry.apply(&[SourceSpec::sample("shown", "webhook")], false).await.expect("apply");
    let run = claimed(&registry, "shown").await;
    register(&registry, &run).await;
    registry.commit(&commit(&run, 3)).await.expect("commit");
    let failing = claimed(&registry, "shown").await;
    let failure = Failure {
        run_id: failing.run_id.clone(),
        epoch: failing.epoch,
        stage: "read".to_owned(),
        code: "SOURCE_DOWN".to_owned(),
        message: "connection refused \0".to_owned(),
        next_attempt_micros: None,
        letters: Vec::new(),
        counters: pb::RunCounters::default(),
    };
    registry.fail(&failure).await.expect("fail");

    let summary =
        psql(&url, "SELECT source_name, row_count, succeeded_at FROM ingestion_run_summary").await.join("\n");
    let (rest, at) = summary.rsplit_once('|').expect("three columns");
    assert_eq!(rest, "shown|3");
    // As people read an instant: 2026-01-31 12:34:56.789+00.
    assert!(at.starts_with("20") && at.contains(':'), "{at}");
    let age = "SELECT now() - succeeded_at < interval '1 minute' FROM ingestion_run_summary";
    assert_eq!(psql(&url, age).await, ["t"]);
    let failures =
        "SELECT source_name, error, attempt FROM ingestion_failures ORDER BY created_at DESC LIMIT 5";
    assert_eq!(psql(&url, failures).await, ["shown|connection refused ␀0|1"]);
}
