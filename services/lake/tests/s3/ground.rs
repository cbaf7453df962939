//! Lakes on the servers of tests.

use rfe_lake::{Buckets, S3Config, S3Lake};
use rfe_test_servers::S3Server;

/// Three buckets that nobody has made yet.
pub fn config(server: &S3Server) -> S3Config {
    let names = server.buckets();
    S3Config {
        endpoint: Some(server.endpoint()),
        region: server.region(),
        access_key: Some(server.access_key()),
        secret_key: Some(server.secret_key()),
        path_style: true,
        buckets: Buckets { raw: names.raw, processed: names.processed, dead_letter: names.dead_letter },
    }
}

pub async fn lake(server: &S3Server) -> S3Lake {
    S3Lake::connect(config(server)).await.expect("connect")
}
