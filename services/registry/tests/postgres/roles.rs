//! Roles that may do less than the owner.

use rfe_model::SourceSpec;
use rfe_registry::{PostgresRegistry, RegistryError, RunStore, SourceStore};
use rfe_test_servers::{Postgres, psql};

use crate::{
    batch::{claimed, commit, register},
    open,
};

/// The URL for a new user who has a role.
async fn user_of(url: &str, role: &str) -> String {
    let name = format!("user_{}", rfe_model::id::new().replace('-', ""));
    psql(url, &format!("CREATE ROLE {name} LOGIN PASSWORD 'p' IN ROLE {role}")).await;
    let (_, rest) = url.split_once('@').expect("a URL with a user");
    format!("postgres://{name}:p@{rest}")
}

async fn refused(url: &str, sql: &'static str) -> String {
    let pool = sqlx::PgPool::connect(url).await.expect("connect");
    let error = sqlx::query(sql).execute(&pool).await.expect_err(sql);
    error.as_database_error().and_then(|error| error.code()).unwrap_or_default().into_owned()
}

const DENIED: &str = "42501";

#[tokio::test(flavor = "multi_thread")]
async fn the_writer_does_the_registrys_work_and_changes_no_table() {
    let (owner, url) = open().await;
    let url = user_of(&url, "rfe_writer").await;
    let registry = PostgresRegistry::open(&url).await.expect("nothing is to be migrated");
    rfe_registry::conformance::run(rfe_registry::conformance::Stores::of(&registry)).await;
    owner.close().await;
    for sql in [
        "CREATE TABLE more (x BIGINT)",
        "ALTER TABLE ledger ADD COLUMN x BIGINT",
        "DROP TABLE ledger",
        "TRUNCATE ledger",
        "INSERT INTO _sqlx_migrations VALUES (9000, '', now(), true, '', 0)",
    ] {
        assert_eq!(refused(&url, sql).await, DENIED, "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_reader_reads_what_is_for_people_and_writes_nothing() {
    let (registry, url) = open().await;
    registry.apply(&[SourceSpec::sample("read_only", "webhook")], false).await.expect("apply");
    let run = claimed(&registry, "read_only").await;
    register(&registry, &run).await;
    registry.commit(&commit(&run, 2)).await.expect("commit");
    let url = user_of(&url, "rfe_reader").await;
    let seen = psql(&url, "SELECT source_name, row_count FROM ingestion_run_summary").await;
    assert_eq!(seen, ["read_only|2"]);
    for sql in [
        "INSERT INTO ledger VALUES ('read_only', 'e', 'r', now())",
        "SELECT * FROM ledger",
        "UPDATE registry_state SET snapshot = 0",
        "DELETE FROM ingestion_failures",
        "CREATE TABLE more (x BIGINT)",
    ] {
        assert_eq!(refused(&url, sql).await, DENIED, "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_may_not_create_roles_migrates_without_them() {
    // Roles are of the whole cluster, so this one has none yet.
    let server = Postgres::start();
    let url = server.database().await;
    psql(&url, "CREATE ROLE plain LOGIN PASSWORD 'p'").await;
    psql(&url, "GRANT plain TO metadata").await;
    psql(&url, "CREATE DATABASE of_plain OWNER plain").await;
    let own = format!("postgres://plain:p@127.0.0.1:{}/of_plain", server.port());
    let registry = PostgresRegistry::open(&own).await.expect("open");
    registry.apply(&[SourceSpec::sample("works", "webhook")], false).await.expect("apply");
    assert_eq!(psql(&own, "SELECT count(*) FROM pg_roles WHERE rolname LIKE 'rfe%'").await, ["0"]);
    let repeated = registry.create(&SourceSpec::sample("works", "webhook"), None).await;
    assert!(matches!(repeated, Err(RegistryError::SourceExists(_))), "{repeated:?}");

    // Once somebody who may has made them, they get their grants.
    psql(&url, "CREATE ROLE rfe_reader NOLOGIN; CREATE ROLE rfe_writer NOLOGIN").await;
    PostgresRegistry::migrate(&own).await.expect("migrate");
    let may = "SELECT has_table_privilege('rfe_reader', 'ingestion_run_summary', 'SELECT')";
    assert_eq!(psql(&own, may).await, ["t"]);
}
