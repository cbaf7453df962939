//! The suite on a real Postgres, and what only a server can show.

#[path = "support/batch.rs"]
mod batch;
#[path = "postgres/outage.rs"]
mod outage;
#[path = "postgres/roles.rs"]
mod roles;
#[path = "postgres/several.rs"]
mod several;
#[path = "postgres/tables.rs"]
mod tables;

use rfe_registry::{
    PostgresRegistry,
    conformance::{self, Stores},
};
use rfe_test_servers::Postgres;

/// A registry in a database of its own, and its URL.
async fn open() -> (PostgresRegistry, String) {
    let url = Postgres::shared().database().await;
    (PostgresRegistry::open(&url).await.expect("open"), url)
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_conforms() {
    let (registry, _) = open().await;
    conformance::run(Stores::of(&registry)).await;
}
