use rfe_model::{
    SourceSpec, kind,
    source::{JsonSpec, Mode},
};
use rfe_sources::SourceKinds;
use serde_json::{Value, json};

use crate::desk::spec;

fn wrong(spec: &SourceSpec) -> Vec<(String, String)> {
    let found = kind::check(spec, &SourceKinds::default()).err().unwrap_or_default();
    found.into_iter().map(|violation| (violation.path, violation.reason)).collect()
}

fn only(kind: &str, config: Value) -> (String, String) {
    let mut found = wrong(&spec(kind, config.clone()));
    assert_eq!(found.len(), 1, "{config}: {found:?}");
    found.remove(0)
}

#[test]
fn what_the_contract_shows_is_accepted() {
    for (kind, config) in [
        (
            "csv",
            json!({"location": "data/*.csv.gz", "delimiter": ";", "quote": "\"", "escape": "\\", "header": true, "names": ["a"],
            "encoding": "utf-8", "decimal": ".", "thousands": "", "null_values": ["NA"], "skip_rows": 1, "comment": "#"}),
        ),
        ("parquet", json!({"location": "x.parquet"})),
        ("json", json!({"location": "x.ndjson"})),
        ("avro", json!({"location": "x/*.avro"})),
        (
            "parquet",
            json!({"location": "s3://bucket/dir/*.parquet", "s3": {"endpoint": "https://s3.example.com",
            "region": "eu-central-1", "access_key": "${env:ID}", "secret_key": "${file:s3-secret}", "path_style": true}}),
        ),
        ("csv", json!({"location": "s3://bucket/a.csv", "s3": {}})),
        (
            "rest",
            json!({"url": "${env:MOCK_API_URL}/customers", "records": "/data", "headers": {"Authorization": "Bearer ${file:token}"},
            "pagination": {"kind": "page", "page_param": "page", "limit_param": "limit", "limit": 100}, "rate": "10/s", "timeout": "30s", "max_pages": 5,
            "method": "POST", "query": {"a": 1}, "body": {"q": "${env:Q}"}, "auth": {"kind": "basic", "username": "u", "password": "${env:P}"}}),
        ),
        (
            "rest",
            json!({"url": "https://x.org", "pagination": {"kind": "cursor", "cursor_param": "after", "cursor": "/next", "more": "/has_more",
            "limit_param": "limit", "limit": 100}, "auth": {"kind": "oauth", "token_url": "${env:TOKEN_URL}", "client_id": "${env:ID}",
            "client_secret": "${file:secret}", "scope": "read", "audience": "x"}, "rate": "600/m"}),
        ),
        (
            "rest",
            json!({"url": "https://x.org", "pagination": {"kind": "link", "limit_param": "per_page", "limit": 100}}),
        ),
        ("synthetic", json!({"rate": 200, "count": 10000, "seed": 7, "error_share": 0.01})),
        (
            "webhook",
            json!({"event_id": {"header": "X-Request-Id"}, "max_body": "1MiB", "verify": {"kind": "hmac", "secret": "${env:ZENDESK_SECRET}",
            "header": "X-Signature", "algorithm": "sha256", "encoding": "base64"}}),
        ),
        ("webhook", json!({})),
    ] {
        assert_eq!(wrong(&spec(kind, config)), [], "{kind}");
    }
}

#[test]
fn an_unknown_key_names_the_nearest() {
    for (kind, config, path, nearest) in [
        ("csv", json!({"location": "x", "delimeter": ";"}), "config.delimeter", "`delimiter`"),
        ("rest", json!({"url": "http://x.org", "recrods": "/a"}), "config.recrods", "`records`"),
        (
            "rest",
            json!({"url": "http://x.org", "pagination": {"kind": "page", "limt": 5}}),
            "config.pagination.limt",
            "`limit`",
        ),
        ("webhook", json!({"verify": {"kind": "hmac", "secrt": "x"}}), "config.verify.secrt", "`secret`"),
        ("synthetic", json!({"sed": 1}), "config.sed", "`seed`"),
        (
            "parquet",
            json!({"location": "s3://b/a", "s3": {"acces_key": "k"}}),
            "config.s3.acces_key",
            "`access_key`",
        ),
        ("csv", json!({"location": "s3://b/a", "s3": {"endpont": "x"}}), "config.s3.endpont", "`endpoint`"),
    ] {
        let (at, reason) = only(kind, config);
        assert_eq!(at, path);
        assert!(reason.contains(nearest), "{reason}");
    }
}

#[test]
fn wrong_values_are_named_where_they_stand() {
    for (kind, config, path) in [
        ("csv", json!({}), "config"),
        ("csv", json!({"location": "s3://bucket"}), "config.location"),
        ("csv", json!({"location": "a.csv", "s3": {}}), "config.s3"),
        ("parquet", json!({"location": "s3://b/a", "s3": {"endpoint": "minio:9000"}}), "config.s3.endpoint"),
        ("json", json!({"location": "s3://b/a", "s3": {"region": "eu@evil.example"}}), "config.s3.region"),
        ("avro", json!({"location": "s3://b/a", "s3": {"access_key": "k"}}), "config.s3.secret_key"),
        ("csv", json!({"location": "s3://b/a", "s3": {"secret_key": "${env:S}"}}), "config.s3.access_key"),
        (
            "csv",
            json!({"location": "s3://b/a", "s3": {"access_key": "k", "secret_key": "plain"}}),
            "config.s3.secret_key",
        ),
        (
            "csv",
            json!({"location": "s3://b/a", "s3": {"access_key": "${nope}", "secret_key": "${env:S}"}}),
            "config.s3.access_key",
        ),
        ("csv", json!({"location": "s3://b/a", "headers": {"X": "y"}}), "config.headers"),
        ("csv", json!({"location": "x", "delimiter": ";;"}), "config.delimiter"),
        ("csv", json!({"location": "x", "delimiter": "\""}), "config.quote"),
        ("csv", json!({"location": "x", "encoding": "utf-7"}), "config.encoding"),
        ("csv", json!({"location": "x", "decimal": ",,"}), "config.decimal"),
        ("csv", json!({"location": "x", "decimal": "e"}), "config.decimal"),
        ("csv", json!({"location": "x", "thousands": "."}), "config.thousands"),
        ("csv", json!({"location": "x", "comment": "\""}), "config.comment"),
        ("csv", json!({"location": "x", "names": ["a", "A"]}), "config.names"),
        ("parquet", json!({"location": "gs://bucket/a.parquet"}), "config.location"),
        ("rest", json!({"url": "nope"}), "config.url"),
        ("rest", json!({"url": "http://${env}"}), "config.url"),
        ("rest", json!({"url": "http://x.org", "records": "data"}), "config.records"),
        (
            "rest",
            json!({"url": "http://x.org", "pagination": {"kind": "cursor", "cursor_param": "after"}}),
            "config.pagination.cursor",
        ),
        (
            "rest",
            json!({"url": "http://x.org", "pagination": {"kind": "cursor", "cursor": "next"}}),
            "config.pagination.cursor",
        ),
        (
            "rest",
            json!({"url": "http://x.org", "pagination": {"kind": "link", "cursor": "/next"}}),
            "config.pagination.cursor",
        ),
        (
            "rest",
            json!({"url": "http://x.org", "pagination": {"kind": "link", "limit": 5}}),
            "config.pagination.limit_param",
        ),
        ("rest", json!({"url": "http://x.org", "pagination": {"kind": "pages"}}), "config.pagination.kind"),
        (
            "rest",
            json!({"url": "http://x.org", "pagination": {"kind": "page", "offset_param": "o"}}),
            "config.pagination.offset_param",
        ),
        (
            "rest",
            json!({"url": "http://x.org", "auth": {"kind": "oauth", "token_url": "http://x.org/t", "client_id": "a"}}),
            "config.auth.client_secret",
        ),
        (
            "rest",
            json!({"url": "http://x.org", "auth": {"kind": "oauth", "token_url": "x", "client_id": "a", "client_secret": "b"}}),
            "config.auth.token_url",
        ),
        ("rest", json!({"url": "http://x.org", "auth": {"kind": "bearer"}}), "config.auth.token"),
        (
            "rest",
            json!({"url": "http://x.org", "incremental": {"field": "a", "param": "b"}}),
            "config.incremental",
        ),
        ("rest", json!({"url": "http://x.org", "rate": "fast"}), "config.rate"),
        ("synthetic", json!({"error_share": 2}), "config.error_share"),
        ("webhook", json!({"max_body": "26MiB"}), "config.max_body"),
        ("webhook", json!({"event_id": {}}), "config.event_id"),
        ("webhook", json!({"verify": {"kind": "magic"}}), "config.verify.kind"),
    ] {
        assert_eq!(only(kind, config).0, path);
    }
}

#[test]
fn files_are_read_in_every_mode() {
    for kind in ["csv", "json", "parquet"] {
        for mode in [Mode::Replace, Mode::Append, Mode::Incremental] {
            assert_eq!(wrong(&SourceSpec { mode, ..spec(kind, json!({"location": "x"})) }), [], "{kind}");
        }
    }
}

#[test]
fn locations_are_paths_globs_and_urls() {
    for good in [
        "a.csv",
        "/data/**/*.csv.gz",
        "http://x.org/a.csv",
        "https://x.org/a?sig=${env:S}",
        "${env:BASE}/a.csv",
        "s3://bucket/a b.csv",
        "s3://bucket/d/**/*.csv.gz",
        "s3://${env:BUCKET}/a.csv",
    ] {
        assert_eq!(wrong(&spec("csv", json!({ "location": good }))), [], "{good}");
    }
    for (bad, says) in [
        ("s3://b/", "names no object"),
        ("s3://*/a.csv", "wildcards are for keys"),
        ("s3://b/a**.csv", "no glob"),
        ("gs://b/a.csv", "s3://"),
        ("ftp://x.org/a.csv", "ftp"),
        ("http://x.org/*.csv", "wildcards"),
        ("http://", "no URL"),
        ("[", "no glob"),
        (" ", "empty"),
        ("${env}", "reference"),
    ] {
        for kind in ["csv", "json", "parquet"] {
            let (path, reason) = only(kind, json!({ "location": bad }));
            assert_eq!(path, "config.location", "{bad}");
            assert!(reason.contains(says), "{bad}: {reason}");
        }
    }
}

#[test]
fn headers_are_for_urls() {
    let url = json!({"location": "https://x.org/a.csv", "headers": {"Authorization": "Bearer ${env:T}"}});
    assert_eq!(wrong(&spec("csv", url)), []);
    let (path, _) = only("csv", json!({"location": "a.csv", "headers": {"X": "y"}}));
    assert_eq!(path, "config.headers");
    let (path, _) = only("json", json!({"location": "http://x.org", "headers": {"X": "${nope}"}}));
    assert_eq!(path, "config.headers.X");
}

#[test]
fn pointers_of_paths_are_checked() {
    let json = JsonSpec { paths: [("city".to_owned(), "address".to_owned())].into(), ..JsonSpec::default() };
    assert_eq!(wrong(&SourceSpec { json, ..spec("webhook", json!({})) })[0].0, "json.paths.city");
}

#[test]
fn every_kind_is_listed_once() {
    use rfe_model::kind::Kinds as _;
    assert_eq!(
        SourceKinds::default().names(),
        ["csv", "parquet", "json", "avro", "rest", "synthetic", "webhook"]
    );
}
