//! Who may depend on whom, from `cargo metadata`.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, MetadataCommand};

const ROLES: [&str; 7] =
    ["rfe-edge", "rfe-ingest", "rfe-worker", "rfe-scheduler", "rfe-metadata", "rfe-dlq", "rfe-query"];
const PORTS: [&str; 4] = ["rfe-queue", "rfe-registry", "rfe-lake", "rfe-sources"];

/// Heavy or powerful dependencies, and the only crates that may have them. The bench runs DuckDB and Polars barely, as the other side of its figures.
const LEAVES: [(&str, &[&str]); 6] = [
    ("duckdb", &["rfe-query", "rfe-tests"]),
    ("polars", &["rfe-sources", "rfe-worker", "rfe-tests"]),
    ("redis", &["rfe-queue", "rfe-tests"]),
    ("aws-sdk-s3", &["rfe-lake", "rfe-tests"]),
    ("sqlx", &["rfe-queue", "rfe-registry"]),
    ("axum", &["rfe-edge", "rfe-demo", "rfe-tests"]),
];

/// What each crate of the house may use of the house, besides `rfe-proto` and `rfe-model`. Roles meet only in the node.
const ALLOWED: [(&str, &[&str]); 22] = [
    ("rfe-proto", &[]),
    ("rfe-model", &[]),
    ("rfe-mesh", &[]),
    ("rfe-queue", &[]),
    ("rfe-registry", &[]),
    ("rfe-lake", &[]),
    ("rfe-sources", &["rfe-lake"]),
    ("rfe-demo", &[]),
    ("rfe-edge", &["rfe-mesh"]),
    ("rfe-ingest", &["rfe-mesh", "rfe-queue"]),
    ("rfe-worker", &["rfe-mesh", "rfe-queue", "rfe-lake", "rfe-sources"]),
    ("rfe-scheduler", &["rfe-mesh", "rfe-registry"]),
    ("rfe-metadata", &["rfe-mesh", "rfe-registry", "rfe-lake"]),
    ("rfe-dlq", &["rfe-mesh"]),
    ("rfe-query", &["rfe-mesh", "rfe-lake"]),
    ("rfe-client", &[]),
    ("rfe-cli", &["rfe-client"]),
    ("rfe-node", &["*"]),
    ("rfe-tests", &["*"]),
    ("rfe-test-servers", &[]),
    ("rfe-test-mesh", &[]),
    ("rfe-drill", &["*"]),
];

/// Dependencies of the build by crate of the workspace. Those of tests do not count: a test may use a real role where others
/// would use a mock.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let metadata = MetadataCommand::new().no_deps().exec().expect("cargo metadata answers");
    let of = |package: cargo_metadata::Package| {
        let built = package.dependencies.into_iter().filter(|used| used.kind != DependencyKind::Development);
        let used = built.map(|used| used.name);
        (package.name.to_string(), used.collect())
    };
    metadata.packages.into_iter().map(of).collect()
}

#[test]
fn each_crate_uses_only_what_its_place_in_the_house_allows() {
    let allowed: BTreeMap<_, _> = ALLOWED.into_iter().collect();
    let mut wrong = Vec::new();
    for (package, used) in dependencies() {
        let Some(allowed) = allowed.get(package.as_str()) else {
            wrong.push(format!("{package} has no place in the house; give it one here"));
            continue;
        };
        for used in used.iter().filter(|used| used.starts_with("rfe-")) {
            let everywhere = ["rfe-proto", "rfe-model"].contains(&used.as_str()) && package != "rfe-proto";
            if !everywhere && !allowed.contains(&"*") && !allowed.contains(&used.as_str()) {
                wrong.push(format!("{package} must not use {used}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn roles_never_use_roles() {
    let dependencies = dependencies();
    for role in ROLES {
        let used = dependencies.get(role).unwrap_or_else(|| panic!("{role} is a crate"));
        let others: Vec<_> = ROLES.iter().filter(|other| used.contains(**other)).collect();
        assert!(others.is_empty(), "{role} uses {others:?}; roles meet over their protos");
    }
    for port in PORTS {
        let used = &dependencies[port];
        assert!(
            !used.contains("rfe-mesh") && !used.contains("tonic"),
            "{port} is no role and knows no transport"
        );
    }
}

#[test]
fn the_model_does_no_io() {
    let used = &dependencies()["rfe-model"];
    for io in ["tokio", "tonic", "reqwest", "sqlx", "hyper"] {
        assert!(!used.contains(io), "rfe-model uses {io}");
    }
}

#[test]
fn heavy_dependencies_sit_in_leaves() {
    for (heavy, leaves) in LEAVES {
        for (package, used) in dependencies() {
            let may = leaves.contains(&package.as_str());
            assert!(may || !used.contains(heavy), "{package} uses {heavy}; only {leaves:?} may");
        }
    }
}
