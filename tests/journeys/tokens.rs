//! Who may do what: tokens with scopes at every door of a platform.

use std::{path::PathBuf, process::Stdio};

use arrow_flight::sql::client::FlightSqlServiceClient;
use reqwest::Method;
use rfe_tests::{
    Platform, Role, Settings,
    cli::{Answer, finish},
    http::Reply,
    tool, until,
};
use serde_json::{Value as Json, json};
use tonic::transport::Channel;

const SOURCES: &str = "version: 1\nsources:\n\
    - {name: a, kind: csv, config: {location: a.csv}}\n\
    - {name: b, kind: csv, config: {location: b.csv}}\n\
    - {name: hooks, kind: webhook, columns: {total: BIGINT}, config: {event_id: {header: X-Id}}}\n\
    - {name: others, kind: webhook}\n";

/// A call of each gRPC service, which is denied rather than unauthenticated once its process knows the token.
const LISTINGS: [(Role, &str); 4] = [
    (Role::Metadata, "rfe.metadata.v1.MetadataService/ListSources"),
    (Role::Ingest, "rfe.ingest.v1.IngestService/GetQueueStats"),
    (Role::Dlq, "rfe.dlq.v1.DlqService/ListDeadLetters"),
    (Role::Scheduler, "rfe.scheduler.v1.SchedulerService/ListSchedules"),
];

/// A platform with tokens, two datasets of two rows, and a webhook source.
struct Guarded {
    platform: Platform,
    file: PathBuf,
    admin: String,
}

impl Guarded {
    async fn start() -> Self {
        Self::start_with(Settings::default()).await
    }

    async fn start_with(settings: Settings) -> Self {
        let mut platform = Platform::prepare(settings);
        let admin = platform.guard().await;
        let file = platform.work().join("tokens.toml");
        platform.restart().await;
        for name in ["a", "b"] {
            platform.write(&format!("{name}.csv"), "id\n1\n2\n");
        }
        platform.write("sources.yaml", SOURCES);
        let guarded = Self { platform, file, admin };
        let _applied = guarded.rfe(&guarded.admin, &["apply", "-f", "sources.yaml"]).await.ok();
        for name in ["a", "b"] {
            let _read = guarded.rfe(&guarded.admin, &["ingest", name, "--wait"]).await.ok();
        }
        guarded
    }

    async fn issue(&self, scopes: &[&str]) -> String {
        let words = scopes.iter().flat_map(|scope| ["--scope", scope]).collect::<Vec<_>>();
        let token = self.platform.issue_token(&self.file, &words).await;
        // Servers look at the file once a second.
        until("the token is known", || async {
            let mut known = self.replay(&token, "{}").await.status != 401;
            for (role, method) in LISTINGS {
                known &= !self.call(&token, role, method, "{}").await.stderr.contains("Unauthenticated");
            }
            known &= !self.sql(&token, "SELECT 1").await.stderr.contains("revoked");
            known.then_some(())
        })
        .await;
        token
    }

    /// A client verb with a token; an empty one is none.
    async fn rfe(&self, token: &str, arguments: &[&str]) -> Answer {
        let mut command = self.platform.command();
        command.env("RFE_TOKEN", token).args(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        finish(command, String::new()).await
    }

    async fn sql(&self, token: &str, sql: &str) -> Answer {
        self.rfe(token, &["query", sql, "--format", "csv"]).await
    }

    /// A call by grpcurl.
    async fn call(&self, token: &str, role: Role, method: &str, body: &str) -> Answer {
        let mut command = tool::command(&tool::grpcurl());
        if !token.is_empty() {
            command.args(["-H", &format!("authorization: Bearer {token}")]);
        }
        command.args(["-plaintext", "-d", body, &self.platform.address(role), method]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        finish(command, String::new()).await
    }

    async fn replay(&self, token: &str, body: &str) -> Reply {
        let call = self.platform.call(Method::POST, "/webhooks/replay");
        let call =
            if token.is_empty() { call } else { call.header("authorization", &format!("Bearer {token}")) };
        call.json(body).await
    }

    fn flight_sql(&self, token: &str) -> FlightSqlServiceClient<Channel> {
        let mut client = self.platform.flight_sql();
        client.set_token(token.to_owned());
        client
    }

    async fn letter(&self) -> String {
        let bad = self.platform.webhook("hooks").header("x-id", "bad").json(r#"{"total": "many"}"#).await;
        assert_eq!(bad.status, 200, "webhooks need no token: {bad:?}");
        until("the letter is there", || async {
            let listed = self.rfe(&self.admin, &["dlq", "ls", "--json"]).await.ok().json_lines();
            listed.first().map(|letter| letter["id"].as_str().expect("an id").to_owned())
        })
        .await
    }
}

fn is_denied(answer: &Answer, scope: &str) {
    assert_eq!(answer.code, 1, "{answer:?}");
    assert!(answer.stderr.contains(scope), "{scope} is named: {answer:?}");
    assert!(answer.stdout.is_empty(), "{answer:?}");
}

#[tokio::test]
async fn without_a_token_only_health_pages_and_webhooks_answer() {
    let guarded = Guarded::start().await;
    let platform = &guarded.platform;
    for role in Role::ALL {
        for path in ["/healthz", "/readyz", "/metrics"] {
            assert_eq!(platform.page(role, path).await.status, 200, "{path} of {}", role.name());
        }
    }
    let health = guarded.call("", Role::Metadata, "grpc.health.v1.Health/Check", "{}").await.ok();
    assert!(health.stdout.contains("SERVING"), "{health:?}");
    for token in ["", "rfe_0", "anonymous"] {
        for (role, method) in [
            (Role::Metadata, "rfe.metadata.v1.MetadataService/ListDatasets"),
            (Role::Metadata, "rfe.metadata.v1.RunService/ClaimRun"),
            (Role::Ingest, "rfe.ingest.v1.IngestService/SubmitJob"),
            (Role::Ingest, "rfe.ingest.v1.IngestService/StreamEvents"),
            (Role::Scheduler, "rfe.scheduler.v1.SchedulerService/ListSchedules"),
            (Role::Dlq, "rfe.dlq.v1.DlqService/ListDeadLetters"),
        ] {
            let answer = guarded.call(token, role, method, "{}").await;
            assert!(answer.stderr.contains("Unauthenticated"), "{method}: {answer:?}");
            assert!(answer.stderr.contains("TOKEN_INVALID"), "{method}: {answer:?}");
        }
        let verb = guarded.rfe(token, &["sources"]).await.exits(1);
        assert!(verb.stderr.contains("RFE_TOKEN"), "how to mend it is said: {verb:?}");
        let query = guarded.sql(token, "SELECT 1").await.exits(1);
        assert!(query.stdout.is_empty() && query.stderr.contains("RFE_TOKEN"), "{query:?}");
    }
    let accepted = platform.webhook("others").json("{}").await;
    assert_eq!(accepted.status, 200, "a webhook obeys only its source's `verify`: {accepted:?}");
}

#[tokio::test]
async fn each_scope_opens_its_calls_and_no_others() {
    let guarded = Guarded::start().await;
    let read = guarded.issue(&["read"]).await;
    let ingest = guarded.issue(&["ingest"]).await;
    assert!(guarded.sql(&read, "SELECT count(*) FROM a").await.ok().stdout.contains('2'));
    assert!(guarded.sql(&read, "SELECT count(*) FROM meta.ingestion_runs").await.ok().stdout.contains('2'));
    let _listed = guarded.rfe(&read, &["status"]).await.ok();
    for denied in [&["ingest", "a"][..], &["pause", "a"], &["apply", "-f", "sources.yaml"]] {
        let answer = guarded.rfe(&read, denied).await;
        assert_eq!(answer.code, 1, "{denied:?}: {answer:?}");
        assert!(answer.stderr.contains("the scope"), "{denied:?}: {answer:?}");
    }
    let _submitted = guarded.rfe(&ingest, &["ingest", "a"]).await.ok();
    is_denied(&guarded.sql(&ingest, "SELECT 1").await, "`read`");
    is_denied(&guarded.rfe(&ingest, &["sources"]).await, "`read`");
    is_denied(&guarded.rfe(&ingest, &["pause", "a"]).await, "`admin`");
    for token in [&read, &ingest] {
        let claim = guarded.call(token, Role::Metadata, "rfe.metadata.v1.RunService/ClaimRun", "{}").await;
        assert!(claim.stderr.contains("PermissionDenied"), "roles alone commit: {claim:?}");
    }
    let _paused = guarded.rfe(&guarded.admin, &["pause", "a"]).await.ok();
}

#[tokio::test]
async fn a_token_for_one_source_sees_that_source_and_nothing_else() {
    let guarded = Guarded::start().await;
    let limited = guarded.issue(&["read:a", "ingest:a"]).await;
    for sql in ["SELECT count(*) FROM a", "SELECT count(*) FROM raw.A", "SELECT 2 FROM (FROM main.a) LIMIT 1"]
    {
        assert!(guarded.sql(&limited, sql).await.ok().stdout.contains('2'), "{sql}");
    }
    for (sql, scope) in [
        ("SELECT * FROM b", "read:b"),
        ("SELECT * FROM a JOIN b USING (id)", "read:b"),
        ("SELECT (SELECT count(*) FROM raw.b) FROM a", "read:b"),
        ("WITH x AS (FROM main.B) SELECT * FROM x", "read:b"),
        ("DESCRIBE b", "read:b"),
        ("SELECT * FROM nothing", "read:nothing"),
        ("SELECT * FROM meta.ingestion_runs", "`read`"),
        ("EXPLAIN SELECT * FROM b", "read:b"),
    ] {
        is_denied(&guarded.sql(&limited, sql).await, scope);
    }
    let tables =
        guarded.sql(&limited, "SELECT table_schema, table_name FROM information_schema.tables").await.ok();
    let mut tables = tables.stdout.lines().skip(1).map(str::to_owned).collect::<Vec<_>>();
    tables.sort();
    assert_eq!(tables, ["main,a", "raw,a"]);
    let shown = guarded.sql(&limited, "SHOW TABLES").await.ok();
    assert_eq!(shown.stdout.lines().skip(1).collect::<Vec<_>>(), ["a"]);

    let names = |answer: Answer, key: &'static str| {
        answer.ok().json_lines().iter().map(|line| line[key].clone()).collect::<Vec<Json>>()
    };
    assert_eq!(names(guarded.rfe(&limited, &["sources", "--json"]).await, "name"), [json!("a")]);
    assert_eq!(names(guarded.rfe(&limited, &["datasets", "--json"]).await, "name"), [json!("a")]);
    let runs = names(guarded.rfe(&limited, &["runs", "--json"]).await, "source");
    assert!(!runs.is_empty() && runs.iter().all(|source| source == "a"), "{runs:?}");
    is_denied(&guarded.rfe(&limited, &["runs", "--source", "b"]).await, "read:b");
    is_denied(&guarded.rfe(&limited, &["schema", "b"]).await, "read:b");
    let _submitted = guarded.rfe(&limited, &["ingest", "a", "--wait"]).await.ok();
    is_denied(&guarded.rfe(&limited, &["ingest", "b"]).await, "ingest:b");
    let others = names(guarded.rfe(&guarded.admin, &["runs", "--source", "b", "--json"]).await, "run_id");
    let run = json!({"run_id": others[0]}).to_string();
    let asked = guarded.call(&limited, Role::Metadata, "rfe.metadata.v1.MetadataService/GetRun", &run).await;
    assert!(asked.stderr.contains("PermissionDenied"), "{asked:?}");
    let job = json!({"job_id": others[0]}).to_string();
    for method in ["GetJob", "WatchJob", "CancelJob"] {
        let asked = guarded
            .call(&limited, Role::Ingest, &format!("rfe.ingest.v1.IngestService/{method}"), &job)
            .await;
        assert!(asked.stderr.contains("PermissionDenied"), "{method}: {asked:?}");
    }
    let stream = r#"{"source": "others", "events": [{"event_id": "1", "payload": "e30="}]}"#;
    let sent = guarded.call(&limited, Role::Ingest, "rfe.ingest.v1.IngestService/StreamEvents", stream).await;
    assert!(sent.stderr.contains("PermissionDenied") && sent.stderr.contains("ingest:others"), "{sent:?}");
}

#[tokio::test]
async fn who_administers_one_source_can_not_declare_what_is_read() {
    let guarded = Guarded::start().await;
    let limited = guarded.issue(&["admin:a"]).await;
    let _paused = guarded.rfe(&limited, &["pause", "a"]).await.ok();
    let _resumed = guarded.rfe(&limited, &["resume", "a"]).await.ok();
    is_denied(&guarded.rfe(&limited, &["pause", "b"]).await, "admin:b");
    is_denied(&guarded.rfe(&limited, &["apply", "-f", "sources.yaml"]).await, "`admin`");
    let theft = r#"{"source": {"name": "a", "kind": "csv", "config": {"location": "tokens.toml"}}}"#;
    for (role, method) in [
        (Role::Metadata, "rfe.metadata.v1.MetadataService/UpdateSource"),
        (Role::Ingest, "rfe.ingest.v1.IngestService/PreviewSource"),
    ] {
        let answer = guarded.call(&limited, role, method, theft).await;
        assert!(answer.stderr.contains("PermissionDenied"), "{method}: {answer:?}");
    }
    let _seen = guarded.rfe(&limited, &["preview", "a"]).await.ok();
}

#[tokio::test]
async fn a_ticket_opens_nothing_that_its_bearer_may_not_see() {
    let guarded = Guarded::start().await;
    let limited = guarded.issue(&["read:a"]).await;
    let sql = "SELECT * FROM b".to_owned();
    let info = guarded.flight_sql(&guarded.admin).execute(sql, None).await.expect("a ticket");
    let ticket = info.endpoint[0].ticket.clone().expect("a ticket");
    let Err(refused) = guarded.flight_sql(&limited).do_get(ticket.clone()).await else {
        panic!("another's ticket is taken");
    };
    assert!(refused.to_string().contains("read:b"), "{refused}");
    assert!(guarded.flight_sql(&guarded.admin).do_get(ticket).await.is_ok());
}

#[tokio::test]
async fn flight_clients_bring_the_token_as_header_or_password() {
    let guarded = Guarded::start().await;
    let read = guarded.issue(&["read"]).await;
    let sql = "SELECT count(*) AS n FROM a";
    let seen = guarded.platform.python("with_token.py", &[&read, sql]).await.ok().json();
    for way in ["header", "basic", "adbc_header", "adbc_password"] {
        assert_eq!(seen[way], json!([{"n": 2}]), "{way}: {seen}");
    }
    for way in ["none", "adbc_none"] {
        let error = seen[way].as_str().expect("an error").to_lowercase();
        assert!(error.contains("unauthenticated") || error.contains("token"), "{way}: {seen}");
    }
    let wrong = guarded.platform.python("with_token.py", &["rfe_wrong", sql]).await.ok().json();
    assert!(wrong.as_object().expect("ways").values().all(Json::is_string), "{wrong}");
}

#[tokio::test]
async fn a_replay_over_http_needs_the_scope_that_it_needs_over_grpc() {
    let guarded = Guarded::start().await;
    let id = guarded.letter().await;
    let body = json!({"id": id, "raw_base64": "eyJ0b3RhbCI6IDd9"}).to_string();
    for token in ["", "rfe_wrong"] {
        let reply = guarded.replay(token, &body).await;
        reply.is_problem(reqwest::StatusCode::UNAUTHORIZED, "TOKEN_INVALID");
        assert!(reply.headers.contains_key("www-authenticate"), "{reply:?}");
    }
    for scope in ["ingest", "read", "admin:a"] {
        let token = guarded.issue(&[scope, "read:a"]).await;
        guarded.replay(&token, &body).await.is_problem(reqwest::StatusCode::FORBIDDEN, "SCOPE_MISSING");
    }
    let own = guarded.issue(&["admin:hooks"]).await;
    let reply = guarded.replay(&own, &body).await;
    assert_eq!(reply.status, 202, "{reply:?}");
}

#[tokio::test]
async fn a_revoke_counts_within_seconds_and_a_broken_file_revokes_nobody() {
    let guarded = Guarded::start().await;
    let read = guarded.issue(&["read"]).await;
    let other = guarded.issue(&["read"]).await;
    let id = read.split('_').nth(1).expect("an id");
    let begun = std::time::Instant::now();
    let _revoked = guarded.platform.token(&guarded.file, "revoke", &[id]).await.ok();
    until("the token is refused", || async {
        let answer = guarded.sql(&read, "SELECT 1").await;
        (answer.code == 1 && answer.stderr.contains("revoked")).then_some(())
    })
    .await;
    assert!(begun.elapsed() < std::time::Duration::from_secs(10), "{:?}", begun.elapsed());
    let good = std::fs::read(&guarded.file).expect("the file can be read");
    std::fs::write(&guarded.file, "[[token]]\nid = ").expect("the file can be written");
    until("the log tells it", || async {
        // Servers look at the file as calls come.
        let _seen = guarded.sql(&other, "SELECT 1").await.ok();
        guarded.platform.log().contains("tokens.toml: line").then_some(())
    })
    .await;
    let _still = guarded.sql(&other, "SELECT 1").await.ok();
    std::fs::write(&guarded.file, good).expect("the file can be written");
}

#[tokio::test]
async fn neither_the_file_nor_the_log_has_a_secret() {
    let guarded = Guarded::start_with(Settings::default().with("RFE_LOG", "debug")).await;
    let read = guarded.issue(&["read"]).await;
    let _seen = guarded.sql(&read, "SELECT 1").await.ok();
    let _denied = guarded.rfe(&read, &["pause", "a"]).await;
    let (file, log) = (std::fs::read_to_string(&guarded.file).expect("text"), guarded.platform.log());
    assert!(!log.is_empty() && file.contains("sha256:"));
    for token in [&guarded.admin, &read] {
        let secret = token.split('_').nth(2).expect("a secret");
        assert!(!file.contains(&secret[..64]), "the file has a secret");
        assert!(!log.contains(&secret[..64]), "the log has a secret");
    }
}

#[tokio::test]
async fn tokens_are_made_listed_and_revoked_on_the_command_line() {
    let platform = Platform::prepare(Settings::default());
    let file = platform.work().join("tokens.toml");
    let words =
        ["--name", "zendesk", "--scope", "ingest:zendesk", "--scope", "read", "--expires", "90d", "--json"];
    let made = platform.token(&file, "create", &words).await.ok().json();
    assert_eq!((&made["name"], &made["scopes"]), (&json!("zendesk"), &json!(["ingest:zendesk", "read"])));
    let listed = platform.token(&file, "ls", &["--json"]).await.ok();
    assert_eq!(listed.json_lines().len(), 1);
    assert!(!listed.stdout.contains("sha256") && listed.json_lines()[0]["token"].is_null(), "{listed:?}");
    let shown = platform.token(&file, "ls", &[]).await.ok().stdout;
    assert!(shown.contains("zendesk") && shown.contains("ingest:zendesk,read"), "{shown}");
    for wrong in
        [&["--scope", "write"][..], &["--scope", "read:A"], &[], &["--scope", "read", "--expires", "soon"]]
    {
        let _usage = platform.token(&file, "create", wrong).await.exits(2);
    }
    let _unknown = platform.token(&file, "revoke", &["nobody"]).await.exits(4);
    let _revoked = platform.token(&file, "revoke", &[made["id"].as_str().expect("an id")]).await.ok();
    assert_eq!(platform.token(&file, "ls", &["--json"]).await.ok().stdout, "");
}
