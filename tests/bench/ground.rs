//! The same file onto Postgres and MinIO, and onto embedded stores.

use rfe_tests::Ground;

use crate::{
    cost::Sides,
    data::{self, thousands},
    pull::pull_on,
    scale::Scale,
};

/// New stores on real servers; the first call starts these.
pub async fn real() -> Ground {
    tokio::task::spawn_blocking(Ground::real).await.expect("Postgres and MinIO start")
}

/// The mesh's stores, with a Redis.
pub async fn mesh() -> Ground {
    tokio::task::spawn_blocking(Ground::mesh).await.expect("Postgres, MinIO and Redis start")
}

/// CSV from submitted to committed on both, in turn.
pub async fn run(scale: &Scale) {
    let rows = scale.rows(10_000_000);
    let file = data::csv(rows);
    let source = format!("{{name: rows, kind: csv, config: {{location: {}}}}}", file.display());
    let mut sides = Sides::default();
    for _ in 0..scale.times {
        let (_, embedded) = pull_on(Ground::Embedded, &source, rows).await;
        let (_, on_servers) = pull_on(real().await, &source, rows).await;
        sides.add(on_servers, embedded);
    }
    let name = format!("CSV of {} rows onto Postgres and MinIO", thousands(rows));
    sides.at_most_times(&name, "rfe on embedded stores", 1.3);
}
