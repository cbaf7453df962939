//! The servers themselves: they keep what they confirmed, and never outlive their test.

use std::{
    io::{BufRead as _, BufReader},
    net::{Ipv4Addr, TcpStream},
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use rfe_test_servers::{Minio, Postgres, Versity, psql};

const CHILD: &str = "RFE_TEST_SERVERS_CHILD";
const PATIENCE: Duration = Duration::from_secs(30);

fn listens(port: u16) -> bool {
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
}

#[tokio::test]
async fn a_database_survives_a_crash_of_its_server() {
    let postgres = Postgres::start();
    let url = postgres.database().await;
    let made = psql(&url, "CREATE TABLE t AS SELECT current_user AS owner; SELECT owner FROM t").await;
    assert_eq!(made, ["metadata"]);
    postgres.stop_hard();
    assert!(!listens(postgres.port()));
    postgres.start_again();
    assert_eq!(psql(&url, "SELECT owner FROM t").await, ["metadata"]);
    assert_ne!(postgres.database().await, url);
}

#[tokio::test]
async fn the_owner_of_a_database_is_no_superuser_and_text_sorts_as_people_do() {
    let url = Postgres::shared().database().await;
    let superuser = "SELECT rolsuper, rolcreaterole FROM pg_roles WHERE rolname = current_user";
    assert_eq!(psql(&url, superuser).await, ["f|t"]);
    assert_eq!(psql(&url, "SELECT x FROM (VALUES ('B'), ('a')) t(x) ORDER BY x").await, ["a", "B"]);
}

#[test]
fn an_s3_server_dies_and_comes_back_on_its_port() {
    for server in [Minio::start(), Versity::start()] {
        assert!(listens(server.port()));
        server.stop_hard();
        assert!(!listens(server.port()), "{}", server.log_tail());
        server.start_again();
        assert!(listens(server.port()));
    }
}

#[test]
fn bucket_names_are_new_each_time() {
    let [one, other] = [Versity::shared().buckets(), Versity::shared().buckets()];
    assert!(one.raw != other.raw && one.raw != one.processed, "{one:?} {other:?}");
}

// This test starts itself a second time, as the process that is killed.
#[test]
fn servers_and_their_folders_end_with_a_process_that_is_killed() {
    if std::env::var_os(CHILD).is_some() {
        let (postgres, versity) = (Postgres::start(), Versity::start());
        println!("PORT {} {}", postgres.port(), postgres.folder().display());
        println!("PORT {} {}", versity.port(), versity.folder().display());
        println!("PORT end");
        std::thread::sleep(PATIENCE * 10);
        return;
    }
    let name = "servers_and_their_folders_end_with_a_process_that_is_killed";
    let mut command = Command::new(std::env::current_exe().expect("a running test has a path"));
    command.args(["--exact", name, "--nocapture"]).env(CHILD, "1").stdout(Stdio::piped());
    let mut child = command.spawn().expect("the test can be started again");
    let output = BufReader::new(child.stdout.take().expect("its output is a pipe"));
    let told = output.lines().map(|line| line.expect("a line")).filter_map(|line| {
        let (_, told) = line.split_once("PORT ")?;
        Some(told.to_owned())
    });
    let servers: Vec<(u16, String)> = told
        .take_while(|told| told != "end")
        .filter_map(|told| told.split_once(' ').map(|(port, folder)| (port.parse(), folder.to_owned())))
        .map(|(port, folder)| (port.expect("a port"), folder))
        .collect();
    assert_eq!(servers.len(), 2);
    assert!(servers.iter().all(|(port, folder)| listens(*port) && Path::new(folder).exists()));

    child.kill().expect("it can be killed");
    child.wait().expect("it ends");
    let begun = Instant::now();
    while servers.iter().any(|(port, folder)| listens(*port) || Path::new(folder).exists()) {
        assert!(begun.elapsed() < PATIENCE, "{servers:?}: something is left");
        std::thread::sleep(Duration::from_millis(20));
    }
}
