//! `rfe migrate` and `rfe check`, and what a start says when a backend is not there.

use std::process::{Command, Stdio};

use rfe_test_servers::{Minio, Postgres, S3Server, psql};
use rfe_tests::{
    cli::{Answer, finish},
    tool,
};

const PASSWORD: &str = "metadata-secret";

/// Servers of its own, which this journey stops and starts.
struct Servers {
    postgres: Postgres,
    s3: S3Server,
    folder: tempfile::TempDir,
    database: String,
}

impl Servers {
    async fn start() -> Self {
        let (postgres, s3) = (Postgres::start(), Minio::start());
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let database = postgres.database().await;
        Self { postgres, s3, folder, database }
    }

    async fn rfe(&self, verb: &str) -> Answer {
        let mut command = rfe(&[verb]);
        command.current_dir(self.folder.path());
        command.envs([("RFE_HTTP_ADDR", "127.0.0.1:0"), ("RFE_GRPC_ADDR", "127.0.0.1:0")]);
        // That buckets are made is worth a line, and not what is looked for here.
        command.env("RFE_LOG", "warn");
        command.env("RFE_DATA_DIR", self.folder.path().join("data"));
        command.env("RFE_POSTGRES_URL", &self.database).env("MINIO_ENDPOINT", self.s3.endpoint());
        command.env("MINIO_ACCESS_KEY", self.s3.access_key()).env("MINIO_SECRET_KEY", self.s3.secret_key());
        let answer = finish(command, String::new()).await;
        for secret in [PASSWORD, &self.s3.secret_key()] {
            assert!(!answer.stdout.contains(secret) && !answer.stderr.contains(secret), "{answer:?}");
        }
        answer
    }

    fn postgres_place(&self) -> String {
        format!("127.0.0.1:{}", self.postgres.port())
    }
}

fn rfe(arguments: &[&str]) -> Command {
    let mut command = tool::command(&tool::rfe());
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

#[tokio::test]
async fn migrating_makes_the_tables_and_a_second_time_changes_nothing() {
    let url = Postgres::shared().database().await;
    let migrate = || {
        let mut command = rfe(&["migrate"]);
        command.env("RFE_POSTGRES_URL", &url);
        finish(command, String::new())
    };
    let first = migrate().await.ok();
    assert!(first.stdout.lines().count() >= 1, "what was applied is named: {first:?}");
    let tables = "SELECT count(*) FROM information_schema.tables WHERE table_name IN \
        ('ingestion_runs', 'ingestion_schemas', 'ingestion_failures', 'ingestion_run_summary')";
    assert_eq!(psql(&url, tables).await, ["4"]);
    let second = migrate().await.ok();
    assert!(second.stdout.is_empty() && second.stderr.contains("up to date"), "{second:?}");
}

#[tokio::test]
async fn migrating_needs_a_postgres_to_migrate() {
    let answer = finish(rfe(&["migrate"]), String::new()).await.exits(78);
    assert!(answer.stderr.contains("RFE_POSTGRES_URL"), "{answer:?}");
    let mut command = rfe(&["migrate"]);
    command.env("RFE_POSTGRES_URL", format!("postgres://metadata:{PASSWORD}@127.0.0.1:9/metadata"));
    let answer = finish(command, String::new()).await.exits(1);
    assert!(answer.stderr.contains("127.0.0.1:9") && !answer.stderr.contains(PASSWORD), "{answer:?}");
}

#[tokio::test]
async fn checking_names_each_backend_that_is_wrong_on_a_line_of_its_own() {
    let servers = Servers::start().await;
    let unmigrated = servers.rfe("check").await.exits(1);
    assert!(
        unmigrated.stderr.contains("rfe migrate") && unmigrated.stderr.lines().count() == 1,
        "{unmigrated:?}"
    );
    let _migrated = servers.rfe("migrate").await.ok();
    let well = servers.rfe("check").await.ok();
    for part in ["configuration", "data", "registry", "queue", "lake", "http", "grpc"] {
        assert!(well.stdout.lines().any(|line| line.starts_with(&format!("{part}: ok"))), "{part}: {well:?}");
    }
    assert!(well.stderr.is_empty(), "{well:?}");

    servers.postgres.stop_hard();
    let without_postgres = servers.rfe("check").await.exits(1);
    let wrong: Vec<&str> = without_postgres.stderr.lines().collect();
    assert!(wrong.len() == 1 && wrong[0].starts_with("rfe: registry: "), "{without_postgres:?}");
    assert!(
        wrong[0].contains(&servers.postgres_place()) && wrong[0].contains("RFE_POSTGRES_URL"),
        "{wrong:?}"
    );
    assert!(without_postgres.stdout.contains("lake: ok"), "{without_postgres:?}");

    servers.s3.stop_hard();
    let without_both = servers.rfe("check").await.exits(1);
    let wrong: Vec<&str> = without_both.stderr.lines().collect();
    assert_eq!(wrong.len(), 2, "{without_both:?}");
    assert!(wrong[1].starts_with("rfe: lake: ") && wrong[1].contains(&servers.s3.endpoint()), "{wrong:?}");
    assert!(wrong[1].contains("MINIO_ENDPOINT"), "{wrong:?}");

    servers.postgres.start_again();
    servers.s3.start_again();
    let _well_again = servers.rfe("check").await.ok();
}

#[tokio::test]
async fn a_start_without_its_backend_ends_and_says_which_is_missing() {
    let servers = Servers::start().await;
    servers.postgres.stop_hard();
    let answer = servers.rfe("up").await.exits(1);
    let told = answer.stderr.lines().last().unwrap_or_default();
    assert!(told.contains("Postgres") && told.contains(&servers.postgres_place()), "{answer:?}");
    servers.postgres.start_again();
    servers.s3.stop_hard();
    let answer = servers.rfe("up").await.exits(1);
    let told = answer.stderr.lines().last().unwrap_or_default();
    assert!(told.contains("MINIO_ENDPOINT") && told.contains(&servers.s3.endpoint()), "{answer:?}");
}
