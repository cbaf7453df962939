//! The doors speak TLS: with an authority of one's own, and with certificates of clients where they are wanted.

use std::{path::Path, process::Stdio};

use reqwest::{Certificate, Client, Identity};
use rfe_tests::{
    Platform, Settings,
    authority::{Authority, Signed},
    cli::{Answer, finish},
    tool,
};

fn text(path: &Path) -> &str {
    path.to_str().expect("a path is text")
}

fn settings(server: &Signed) -> Settings {
    Settings::default().with_certificate(server)
}

/// A client verb over TLS.
async fn rfe(platform: &Platform, ca: Option<&Path>, own: Option<&Signed>, arguments: &[&str]) -> Answer {
    let mut command = tool::command(&tool::rfe());
    command.current_dir(platform.work()).env("RFE_URL", format!("https://{}", platform.ready().grpc));
    if let Some(ca) = ca {
        command.env("RFE_TLS_CA", ca);
    }
    if let Some(own) = own {
        command.env("RFE_TLS_CLIENT_CERT", &own.certificate).env("RFE_TLS_CLIENT_KEY", &own.key);
    }
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    finish(command, String::new()).await
}

async fn grpcurl(platform: &Platform, flags: &[&str]) -> Answer {
    let mut command = tool::command(&tool::grpcurl());
    command.args(flags).args([&platform.ready().grpc, "grpc.health.v1.Health/Check"]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    finish(command, String::new()).await
}

fn http(ca: &Path) -> reqwest::ClientBuilder {
    let pem = std::fs::read(ca).expect("a file");
    Client::builder().tls_certs_only([Certificate::from_pem(&pem).expect("a certificate")])
}

#[tokio::test]
async fn every_client_speaks_tls_with_an_authority_of_ones_own() {
    let authority = Authority::new();
    let platform = settings(&authority.sign("server")).start().await;
    let ca = authority.ca();
    platform.write("t.csv", "id\n1\n2\n");
    platform.write(
        "sources.yaml",
        "version: 1\nsources:\n- {name: t, kind: csv, config: {location: t.csv}}\n- {name: hooks, kind: webhook}\n",
    );
    let _applied = rfe(&platform, Some(&ca), None, &["apply", "-f", "sources.yaml"]).await.ok();
    let _read = rfe(&platform, Some(&ca), None, &["ingest", "t", "--wait"]).await.ok();
    let counted =
        rfe(&platform, Some(&ca), None, &["query", "SELECT count(*) FROM t", "--format", "csv"]).await.ok();
    assert!(counted.stdout.contains('2'), "{counted:?}");

    let health = grpcurl(&platform, &["-cacert", text(&ca)]).await.ok();
    assert!(health.stdout.contains("SERVING"), "{health:?}");
    let rows = platform.python("over_tls.py", &[text(&ca), "SELECT count(*) AS n FROM t"]).await.ok();
    assert_eq!(rows.json(), serde_json::json!([{"n": 2}]));

    let client = http(&ca).build().expect("a client");
    let sent = client.post(format!("https://{}/webhooks/hooks", platform.ready().http)).json(&1).send().await;
    assert_eq!(sent.expect("the edge answers").status().as_u16(), 200);
    for address in [&platform.ready().http, &platform.ready().grpc] {
        let ready = client.get(format!("https://{address}/readyz")).send().await.expect("the page answers");
        assert_eq!(ready.status().as_u16(), 200, "{address}");
    }
}

#[tokio::test]
async fn who_does_not_know_the_authority_is_told_and_plain_text_is_not_answered() {
    let authority = Authority::new();
    let platform = settings(&authority.sign("server")).start().await;
    let unknown = rfe(&platform, None, None, &["sources"]).await.exits(5);
    assert!(unknown.stderr.contains("RFE_TLS_CA"), "{unknown:?}");
    let other = rfe(&platform, Some(&Authority::new().ca()), None, &["sources"]).await.exits(5);
    assert!(other.stderr.contains("certificate"), "{other:?}");
    let plain = grpcurl(&platform, &["-plaintext", "-connect-timeout", "3"]).await;
    assert!(plain.code != 0, "{plain:?}");
    let missing = rfe(&platform, Some(Path::new("/nowhere/ca.pem")), None, &["sources"]).await.exits(78);
    assert!(missing.stderr.contains("RFE_TLS_CA: /nowhere/ca.pem"), "{missing:?}");
}

#[tokio::test]
async fn with_mutual_tls_a_client_without_a_certificate_is_not_let_in() {
    let authority = Authority::new();
    let (ca, own) = (authority.ca(), authority.sign("client"));
    let platform = settings(&authority.sign("server")).with("RFE_TLS_CLIENT_CA", text(&ca)).start().await;
    let _known = rfe(&platform, Some(&ca), Some(&own), &["sources"]).await.ok();
    let _without = rfe(&platform, Some(&ca), None, &["sources"]).await.exits(5);
    let elsewhere = Authority::new();
    let stranger = elsewhere.sign("stranger");
    let _stranger = rfe(&platform, Some(&ca), Some(&stranger), &["sources"]).await.exits(5);

    let files = ["-cert", text(&own.certificate), "-key", text(&own.key)];
    let health = grpcurl(&platform, &[&["-cacert", text(&ca)][..], &files].concat()).await.ok();
    assert!(health.stdout.contains("SERVING"), "{health:?}");
    assert!(grpcurl(&platform, &["-cacert", text(&ca), "-connect-timeout", "3"]).await.code != 0);
    let shown = [text(&ca), "SELECT 6 * 7 AS n", text(&own.certificate), text(&own.key)];
    let rows = platform.python("over_tls.py", &shown).await.ok();
    assert_eq!(rows.json(), serde_json::json!([{"n": 42}]));

    let page = format!("https://{}/readyz", platform.ready().http);
    assert!(http(&ca).build().expect("a client").get(&page).send().await.is_err(), "the edge is a door too");
    let mut pem = std::fs::read(&own.key).expect("a file");
    pem.extend(std::fs::read(&own.certificate).expect("a file"));
    let identity = Identity::from_pem(&pem).expect("an identity");
    let client = http(&ca).identity(identity).build().expect("a client");
    assert_eq!(client.get(&page).send().await.expect("the page answers").status().as_u16(), 200);
}

#[tokio::test]
async fn files_that_can_not_serve_are_told_at_the_start() {
    let authority = Authority::new();
    let server = authority.sign("server");
    for (variables, told) in [
        (vec![("RFE_TLS_CERT", text(&server.certificate))], "RFE_TLS_KEY"),
        (
            vec![("RFE_TLS_CERT", text(&server.certificate)), ("RFE_TLS_KEY", "/nowhere/key.pem")],
            "/nowhere/key.pem",
        ),
        (vec![("RFE_TLS_CERT", text(&server.key)), ("RFE_TLS_KEY", text(&server.key))], "RFE_TLS_CERT"),
    ] {
        let with = |settings: Settings, (name, value): &(&str, &str)| settings.with(name, *value);
        let platform = Platform::prepare(variables.iter().fold(Settings::default(), with));
        assert_eq!(platform.run_to_its_end().await.code(), Some(78), "{variables:?}: {}", platform.log());
        assert!(platform.log().contains(told), "{variables:?}: {}", platform.log());
    }
}
