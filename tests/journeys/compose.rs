//! `docker-compose.yml` and what the README says of it: the library inside `docker compose` takes the file, and the commands do what they
//! say.

use std::{path::Path, process::Stdio};

use rfe_test_servers::psql;
use rfe_tests::{Platform, Role, Settings, cli::finish, tool, until};
use serde_json::{Value as Json, json};

const README: &str = include_str!("../../README.md");
const IMAGE: &str = "rfe:";

/// The file as `docker compose` understands it.
async fn file() -> Json {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docker-compose.yml");
    let mut command = tool::command(&tool::compose_go());
    command.args(["-format", "json"]).arg(path);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    finish(command, String::new()).await.ok().json()
}

/// The README's lines that begin so, without their comments.
fn commands(begin: &str) -> Vec<&'static str> {
    let lines = README.lines().filter(|line| line.starts_with(begin));
    let commands = lines.map(|line| line.split("  #").next().unwrap_or_default().trim()).collect::<Vec<_>>();
    assert!(!commands.is_empty(), "the README has commands that begin with `{begin}`");
    commands
}

fn quoted(command: &str, quote: char) -> &str {
    let mut parts = command.split(quote);
    parts.nth(1).unwrap_or_else(|| panic!("there is no {quote} in {command}"))
}

#[tokio::test]
async fn compose_takes_the_file_and_each_service_is_shut_in() {
    let file = file().await;
    let services = file["services"].as_object().expect("services");
    for role in Role::ALL {
        assert!(services.contains_key(role.name()), "{} is a service", role.name());
    }
    for (name, service) in services {
        assert!(service["container_name"].is_null(), "{name} can be scaled");
        for port in service["ports"].as_array().into_iter().flatten() {
            assert_eq!(port["host_ip"], "127.0.0.1", "{name} is published on loopback: {port}");
        }
        if service["image"].as_str().is_some_and(|image| image.starts_with(IMAGE)) {
            assert_eq!(service["read_only"], true, "{name}");
            assert_eq!(service["cap_drop"], json!(["ALL"]), "{name}");
            assert!(service["user"].as_str().is_some_and(|user| !user.starts_with('0')), "{name}");
        } else {
            let image = service["image"].as_str().unwrap_or_default();
            assert!(
                service["build"].is_object() || image.contains(':'),
                "{name} has a pinned image: {image}"
            );
        }
    }
    let redis = services["redis"]["command"].as_array().expect("arguments");
    let at = redis.iter().position(|word| word == "--appendfsync").expect("it is said when Redis syncs");
    assert_eq!(redis[at + 1], "always");
}

#[tokio::test]
async fn the_commands_of_the_readme_name_services_of_the_file() {
    let file = file().await;
    let services = file["services"].as_object().expect("services");
    for command in commands("docker compose ") {
        let words = command.split_whitespace().collect::<Vec<_>>();
        let after = |word: &str| words.iter().position(|known| *known == word).map(|at| words[at + 1]);
        let named = match words[2] {
            "exec" => Some(words[3]),
            "logs" => after("-f"),
            _ => after("--scale").and_then(|scaled| scaled.split('=').next()),
        };
        if let Some(name) = named {
            assert!(services.contains_key(name), "`{command}`: there is no service {name}");
        }
    }
}

#[tokio::test]
async fn what_the_readme_asks_and_sends_is_answered() {
    let mut platform = Settings::default().scaled(Role::Worker, 3).start().await;
    platform.write("people.csv", "id,name\n1,ann\n2,bob,surplus\n3,cid\n");
    platform
        .apply("version: 1\nsources:\n- {name: people, kind: csv, config: {location: people.csv}}\n- {name: zendesk, kind: webhook}\n")
        .await;
    let _run = platform.pulled("people").await;
    webhook(&platform).await;
    let stores = platform.ground().stores().expect("the mesh stands on real servers").clone();
    let [summary, failures] = commands("docker compose exec postgres psql")[..] else {
        panic!("the README asks Postgres twice")
    };
    let rows = psql(stores.database(), quoted(summary, '"')).await;
    assert!(rows.iter().any(|row| row.starts_with("people|2|20")), "{rows:?}");
    let rows = psql(stores.database(), quoted(failures, '"')).await;
    assert!(rows.iter().any(|row| row.starts_with("people|") && row.ends_with("|1")), "{rows:?}");
    replay(&platform).await;
    platform.stop().await;
}

async fn webhook(platform: &Platform) {
    let webhook = commands("curl -X POST http://localhost:8080/webhooks/zendesk")[0];
    let body = webhook.rsplit("-d ").next().map(|body| body.trim_matches('\'')).expect("a body");
    let sent = platform.webhook("zendesk").json(body).await;
    assert_eq!(sent.status, 200, "{sent:?}");
    platform.shows("SELECT event_type FROM zendesk", &["ticket_created"]).await;
}

async fn replay(platform: &Platform) {
    let letter = platform.only_letter("people").await;
    let end = format!("/{}.json", letter.id);
    let document = until("the letter is in its bucket", || async {
        let objects = platform.objects().await;
        let name =
            objects.into_iter().find(|name| name.starts_with("dead-letter/") && name.ends_with(&end))?;
        Some(platform.object(&name).await)
    })
    .await;
    let mut document: Json = serde_json::from_str(&document).expect("a JSON document");
    document["raw_base64"] = json!("Mixib2I=");
    let reply = platform.webhook("replay").json(document.to_string()).await;
    assert_eq!(reply.status, 202, "{reply:?}");
    let job = reply.json()["job_id"].as_str().expect("a job").to_owned();
    let _ended = platform.ended_run(&job).await;
    platform.shows("SELECT name FROM people ORDER BY id", &["ann", "bob", "cid"]).await;
}
