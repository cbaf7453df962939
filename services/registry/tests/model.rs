//! Random operations against SQLite, a real Postgres and a simple model of both: all three answer alike, and show the same in the
//! end. A failure prints the shortest operations that it found. `PROPTEST_CASES` says how many cases.

#[path = "model/answer.rs"]
mod answer;
#[path = "model/ending.rs"]
mod ending;
#[path = "model/op.rs"]
mod op;
#[path = "model/truth.rs"]
mod truth;
#[path = "model/upkeep.rs"]
mod upkeep;
#[path = "model/world.rs"]
mod world;

use proptest::{
    collection::vec,
    test_runner::{Config, TestRunner},
};
use rfe_registry::{PostgresRegistry, SqliteRegistry, conformance::Stores};
use rfe_test_servers::Postgres;

use crate::{op::Op, world::World};

/// Few, as each has two databases of its own.
const CASES: u32 = 16;
const STEPS: std::ops::Range<usize> = 20..70;

#[test]
fn both_registries_do_what_their_model_does() {
    let runtime = tokio::runtime::Runtime::new().expect("runtime");
    let cases = std::env::var("PROPTEST_CASES").map_or(CASES, |cases| cases.parse().expect("a number"));
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 200, ..Config::default() };
    let done = TestRunner::new(config).run(&vec(op::any_op(), STEPS), |ops| {
        runtime.block_on(check(&ops));
        Ok(())
    });
    done.unwrap_or_else(|error| panic!("{error}"));
}

async fn check(ops: &[Op]) {
    let folder = tempfile::tempdir().expect("folder");
    let sqlite = SqliteRegistry::open(&folder.path().join("registry.db")).await.expect("open");
    let url = Postgres::shared().database().await;
    let postgres = PostgresRegistry::open(&url).await.expect("open");
    let mut world = World::new([Stores::of(&sqlite), Stores::of(&postgres)]);
    for op in ops {
        world.step(op).await;
    }
    world.check_ending().await;
    postgres.close().await;
    sqlite.close().await;
    Postgres::shared().drop_database(&url);
}
