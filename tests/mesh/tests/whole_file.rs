//! All services of `docker-compose.yml` as processes, on servers of their own.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use rfe_test_mesh::{Compose, Ended, Mesh, MeshOptions, Programs, Settings, State, exec};

const PATIENCE: Duration = Duration::from_secs(60);

fn tool(name: &str) -> PathBuf {
    std::env::var_os(name)
        .map(PathBuf::from)
        .unwrap_or_else(|| panic!("{name} is not set; `make test` sets it"))
}

fn whole_file(folder: &Path) -> MeshOptions {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docker-compose.yml");
    let compose = Compose::read(&tool("JOURNEY_COMPOSE_GO"), &file).expect("compose-go takes the file");
    MeshOptions {
        with: compose.services.keys().cloned().collect(),
        compose,
        rfe: tool("JOURNEY_RFE"),
        folder: folder.to_owned(),
        scale: BTreeMap::from([("worker".to_owned(), 2)]),
        overrides: Vec::new(),
        programs: Some(Programs::from_environment().expect("the programs are there")),
        published: false,
    }
}

/// What a command within a service answers; none while it fails.
fn asked(state: &State, folder: &Path, service: &str, words: &[&str]) -> Result<String, String> {
    let programs = Programs::from_environment().expect("the programs are there");
    let replica = state.of(service, 0).expect("the service is there");
    let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    let command = exec::command(&programs, &tool("JOURNEY_RFE"), replica, &words, folder);
    let mut command: Command = command.expect("there is a command");
    let output = command.env_remove("LD_LIBRARY_PATH").output().expect("it runs");
    let (out, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if output.status.success() { Ok(out.into_owned()) } else { Err(format!("{out}{error}")) }
}

/// Asks until the answer has a word.
async fn answer(state: &State, folder: &Path, service: &str, words: &[&str], wanted: &str) -> String {
    let begun = Instant::now();
    loop {
        match asked(state, folder, service, words) {
            Ok(answer) if answer.contains(wanted) => return answer,
            other if begun.elapsed() > PATIENCE => panic!("{words:?} in {service}: {other:?}"),
            _ => tokio::time::sleep(Duration::from_millis(200)).await,
        }
    }
}

#[test]
fn settings_count_in_values_and_in_published_ports() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docker-compose.yml");
    let settings =
        Settings::from_text("RFE_QUERY_PORT=\nRFE_BATCH_MAX_AGE_MS=250\nPOSTGRES_PASSWORD='a#b'\n");
    let compose = Compose::read_with(&tool("JOURNEY_COMPOSE_GO"), &file, &settings);
    let compose = compose.expect("compose-go takes the file with settings");
    let value = |service: &str, name: &str| compose.services[service].environment[name].clone();
    assert_eq!(value("worker", "RFE_BATCH_MAX_AGE_MS").as_deref(), Some("250"));
    assert_eq!(value("worker", "RFE_BATCH_MAX_ROWS").as_deref(), Some("5000"));
    assert_eq!(value("postgres", "POSTGRES_PASSWORD").as_deref(), Some("a#b"));
    let published = |service: &str| compose.services[service].is_published();
    assert!(published("edge") && published("metadata") && !published("query"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_whole_file_runs_and_a_bare_duckdb_and_psql_see_what_the_demo_landed() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    // Postgres runs as another user than root.
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("it is ours");
    let mut mesh = Mesh::prepare(whole_file(folder.path())).expect("every image has a program");
    if let Err(error) = mesh.up().await {
        panic!("{error}\n{}", mesh.logs());
    }
    let state = mesh.state().expect("it was prepared");
    let done: Vec<_> =
        state.replicas.iter().filter(|one| one.pid.is_none()).map(|one| &one.service).collect();
    assert_eq!(done, ["demo", "migrate"], "only these have ended");

    let query = ["duckdb", "-f", "/scripts/duckdb_query.sql"];
    let rows = answer(&state, folder.path(), "duckdb", &query, "Poland").await;
    assert!(rows.contains("384989.81"), "{rows}");
    let summary = "SELECT source_name, row_count, succeeded_at FROM ingestion_run_summary";
    let psql = ["psql", "-U", "metadata", "-d", "metadata", "-c", summary];
    let rows = answer(&state, folder.path(), "postgres", &psql, "orders_parquet").await;
    assert!(rows.contains("2000"), "{rows}");
    let pong = answer(&state, folder.path(), "redis", &["redis-cli", "ping"], "PONG").await;
    assert_eq!(pong, "PONG\n");

    let ended = mesh.stop().await.expect("all end");
    let failed: Vec<&Ended> = ended.iter().filter(|ended| !ended.status.success()).collect();
    assert!(failed.is_empty(), "{failed:?}\n{}", mesh.logs());
}
