//! Processes start in any order: one that lacks something says what it waits for, works once that is there, and tells when it goes.

use std::{
    collections::BTreeMap,
    net::TcpListener,
    path::Path,
    process::Stdio,
    sync::Arc,
    time::{Duration, Instant},
};

use rfe_proto::{
    dlq::ListDeadLettersRequest,
    metadata::{ListSourcesRequest, metadata_service_client::MetadataServiceClient},
};
use rfe_test_mesh::{Compose, Mesh, MeshOptions};
use rfe_test_servers::{Minio, Postgres, Redis, S3Server};
use rfe_tests::{Platform, Role, cli::finish, tool, until};
use tonic::{Code, Status};

/// A process that waits has nothing to finish.
const AT_ONCE: Duration = Duration::from_secs(5);

type Environment = Vec<(&'static str, String)>;

/// Servers that no other journey uses, as they come and go.
struct Servers {
    postgres: Postgres,
    s3: S3Server,
    redis: Redis,
    /// It has no tables yet.
    database: String,
}

impl Servers {
    async fn start() -> Arc<Self> {
        let start = || {
            let (postgres, s3, redis) = (Postgres::start(), Minio::start(), Redis::start());
            let database = postgres.database_blocking();
            Arc::new(Self { postgres, s3, redis, database })
        };
        tokio::task::spawn_blocking(start).await.expect("they start")
    }

    /// Has some of them go or come.
    async fn told(self: &Arc<Self>, order: fn(&Self)) {
        let servers = Arc::clone(self);
        tokio::task::spawn_blocking(move || order(&servers)).await.expect("they obey");
    }

    fn stop(&self) {
        self.postgres.stop_hard();
        self.s3.stop_hard();
        self.redis.stop_hard();
    }

    fn environment(&self) -> Environment {
        let mut environment = stores(self.database.clone(), self.s3.endpoint());
        environment.extend([
            ("MINIO_ACCESS_KEY", self.s3.access_key()),
            ("MINIO_SECRET_KEY", self.s3.secret_key()),
            ("RFE_REDIS_URL", self.redis.url()),
        ]);
        environment
    }

    async fn migrate(&self, data: &Path) {
        let mut command = tool::command(&tool::rfe());
        command.arg("migrate").envs(self.environment()).env("RFE_DATA_DIR", data);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let _applied = finish(command, String::new()).await.ok();
    }
}

fn stores(postgres: String, s3: String) -> Environment {
    let announce = ("RFE_ANNOUNCE_SECONDS", "0".to_owned());
    vec![("RFE_POSTGRES_URL", postgres), ("MINIO_ENDPOINT", s3), announce]
}

/// A process for each of these roles, none of which runs yet.
fn mesh(roles: &[Role], environment: &Environment, folder: &Path) -> Mesh {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docker-compose.yml");
    let of_role = |role: &Role| {
        let role = role.name().to_owned();
        environment.iter().map(move |(name, value)| (role.clone(), (*name).to_owned(), value.clone()))
    };
    let options = MeshOptions {
        compose: Compose::read(&tool::compose_go(), &file).expect("the file is read"),
        rfe: tool::rfe(),
        folder: folder.to_owned(),
        with: roles.iter().map(|role| role.name().to_owned()).collect(),
        scale: BTreeMap::new(),
        overrides: roles.iter().flat_map(of_role).collect(),
        programs: None,
        published: false,
    };
    Mesh::prepare(options).expect("every role has a place")
}

fn address(mesh: &Mesh, role: Role) -> String {
    mesh.address_of(role.name(), 0).expect("it listens")
}

/// Waits until `/readyz` has this status and this line begins one of its own.
async fn says(address: &str, status: u16, line: &str) {
    until(&format!("/readyz of {address} is {status} with `{line}`"), || async {
        let answer = reqwest::get(format!("http://{address}/readyz")).await.ok()?;
        let is_it = answer.status().as_u16() == status;
        let text = answer.text().await.ok()?;
        (is_it && text.lines().any(|said| said.starts_with(line))).then_some(())
    })
    .await;
}

async fn is_alive(address: &str) {
    let answer = reqwest::get(format!("http://{address}/healthz")).await.expect("it answers");
    assert_eq!(answer.status().as_u16(), 200, "a process that waits is alive");
}

async fn sources(metadata: &str) -> Result<(), Status> {
    let connected = MetadataServiceClient::connect(format!("http://{metadata}")).await;
    connected.expect("it listens").list_sources(ListSourcesRequest::default()).await.map(drop)
}

#[tokio::test]
async fn processes_wait_for_their_backends_and_tell_when_one_goes() {
    let servers = Servers::start().await;
    servers.told(Servers::stop).await;
    let folder = tempfile::tempdir().expect("a folder");
    let mut mesh = mesh(&[Role::Ingest, Role::Metadata, Role::Worker], &servers.environment(), folder.path());
    let [ingest, metadata, worker] =
        [Role::Ingest, Role::Metadata, Role::Worker].map(|role| address(&mesh, role));
    let one_after_the_other = async {
        says(&metadata, 503, "down backends: could not use Postgres").await;
        is_alive(&metadata).await;
        assert_eq!(sources(&metadata).await.expect_err("it waits").code(), Code::Unavailable);
        says(&worker, 503, "down backends: could not use the object store").await;
        // What it accepts is in its spool.
        says(&ingest, 200, "degraded redis").await;
        servers.told(|them| them.postgres.start_again()).await;
        until("`rfe migrate` is asked for", || async {
            let text = reqwest::get(format!("http://{metadata}/readyz")).await.ok()?.text().await.ok()?;
            text.contains("run `rfe migrate`").then_some(())
        })
        .await;
        servers.migrate(folder.path()).await;
        says(&metadata, 503, "down backends: could not use the object store").await;
        servers.told(|them| them.s3.start_again()).await;
        says(&metadata, 200, "ok backends").await;
        says(&worker, 503, "down redis").await;
        servers.told(|them| them.redis.start_again()).await;
    };
    let (started, ()) = tokio::join!(mesh.start(), one_after_the_other);
    started.expect("all are ready");
    sources(&metadata).await.expect("it works");

    servers.told(|them| them.postgres.stop_hard()).await;
    says(&metadata, 503, "down postgres").await;
    says(&worker, 200, "degraded metadata").await;
    servers.told(|them| them.postgres.start_again()).await;
    says(&metadata, 200, "ok postgres").await;
    servers.told(|them| them.s3.stop_hard()).await;
    for role in [&metadata, &worker] {
        says(role, 503, "down s3").await;
        is_alive(role).await;
    }
    servers.told(|them| them.s3.start_again()).await;
    for role in [&metadata, &worker] {
        says(role, 200, "ok s3").await;
    }
    servers.told(|them| them.redis.stop_hard()).await;
    says(&worker, 503, "down redis").await;
    says(&ingest, 200, "degraded redis").await;
    servers.told(|them| them.redis.start_again()).await;
    says(&worker, 200, "ok redis").await;
    sources(&metadata).await.expect("it works again");
    let ended = mesh.stop().await.expect("all end");
    assert!(ended.iter().all(|one| one.status.code() == Some(0)), "{ended:?}\n{}", mesh.logs());
}

#[tokio::test]
async fn a_process_that_waits_answers_and_ends_at_once_when_it_is_told_to() {
    // The system takes connections to it, and nobody ever says a word.
    let silent = listener();
    let nobody = listener().local_addr().expect("an address");
    for (postgres, told) in
        [(silent.local_addr().expect("an address"), "no answer yet"), (nobody, "could not use Postgres")]
    {
        let database = format!("postgres://metadata:secret@{postgres}/metadata");
        let mut environment = stores(database, "http://127.0.0.1:1".to_owned());
        environment.extend([("MINIO_ACCESS_KEY", "a".to_owned()), ("MINIO_SECRET_KEY", "s".to_owned())]);
        let folder = tempfile::tempdir().expect("a folder");
        let mut mesh = mesh(&[Role::Metadata], &environment, folder.path());
        let metadata = address(&mesh, Role::Metadata);
        let line = format!("down backends: {told}");
        tokio::select! {
            started = mesh.start() => panic!("what it needs is not there: {started:?}"),
            () = says(&metadata, 503, &line) => {}
        }
        is_alive(&metadata).await;
        let begun = Instant::now();
        let ended = mesh.stop_one(Role::Metadata.name(), 0).await.expect("it ends");
        assert_eq!(ended.status.code(), Some(0), "{}", mesh.logs());
        assert!(begun.elapsed() < AT_ONCE, "{:?}\n{}", begun.elapsed(), mesh.logs());
        assert!(!mesh.logs().contains("secret"), "{}", mesh.logs());
    }
}

fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").expect("a port")
}

#[tokio::test]
async fn a_process_starts_without_those_that_it_calls_and_finds_them_when_they_come() {
    let mut platform = Platform::start().await;
    platform.kill_role(Role::Metadata, 0);
    platform.stop_role(Role::Dlq, 0).await;
    platform.start_role(Role::Dlq, 0).await;
    let dlq = platform.address(Role::Dlq);
    says(&dlq, 200, "degraded metadata").await;
    let refused = letters(&platform).await.expect_err("nobody knows of letters");
    assert_eq!(refused.code(), Code::Unavailable, "{refused}");
    platform.start_role(Role::Metadata, 0).await;
    says(&dlq, 200, "ok metadata").await;
    letters(&platform).await.expect("it is asked");
    platform.stop().await;
}

async fn letters(platform: &Platform) -> Result<(), Status> {
    platform.dlq_service().list_dead_letters(ListDeadLettersRequest::default()).await.map(drop)
}
