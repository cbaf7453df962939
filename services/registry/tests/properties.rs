//! Any sequence of operations, on SQLite, on a real Postgres and on a model of what the registry promises. Where the model knows the
//! answer, both must give it; where it does not, both must give the same one. `PROPTEST_CASES` asks for more sequences.

#[path = "properties/answer.rs"]
mod answer;
#[path = "properties/model.rs"]
mod model;
#[path = "properties/operation.rs"]
mod operation;
#[path = "properties/side.rs"]
mod side;

use proptest::{
    collection::vec,
    test_runner::{Config, TestCaseError, TestRunner},
};
use rfe_registry::{PostgresRegistry, SqliteRegistry, conformance::Stores};
use rfe_test_servers::Postgres;

use self::{model::Model, operation::Operation, side::Side};

/// Sequences, unless `PROPTEST_CASES` says otherwise.
const CASES: u32 = 24;
/// Operations of one.
const LONGEST: usize = 40;

#[test]
fn both_registries_do_what_the_model_does() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let cases = match std::env::var("PROPTEST_CASES") {
        Ok(cases) => cases.parse().expect("PROPTEST_CASES is a number"),
        Err(_) => CASES,
    };
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let done = runner.run(&vec(operation::any(), 1..LONGEST), |operations| {
        runtime.block_on(play(&operations)).map_err(TestCaseError::fail)
    });
    if let Err(wrong) = done {
        panic!("{wrong}");
    }
}

async fn play(operations: &[Operation]) -> Result<(), String> {
    let folder = tempfile::tempdir().expect("a folder");
    let sqlite = SqliteRegistry::open(&folder.path().join("registry.db")).await.expect("open SQLite");
    let url = Postgres::shared().database().await;
    let postgres = PostgresRegistry::open(&url).await.expect("open Postgres");
    let mut sides = [Side::new(Stores::of(&sqlite)), Side::new(Stores::of(&postgres))];
    let mut model = Model::default();
    let mut played = Ok(());
    for (at, operation) in operations.iter().enumerate() {
        played = step(operation, &mut model, &mut sides).await;
        if let Err(what) = &played {
            played = Err(format!("operation {at}, {operation:?}: {what}"));
            break;
        }
    }
    postgres.close().await;
    sqlite.close().await;
    Postgres::shared().drop_database(&url);
    played
}

async fn step(operation: &Operation, model: &mut Model, sides: &mut [Side<'_>; 2]) -> Result<(), String> {
    let expected = model.expect(operation);
    let [one, two] = sides;
    let (on_sqlite, on_postgres) = (one.does(operation, model).await, two.does(operation, model).await);
    same("the answers", &on_sqlite, &on_postgres)?;
    if let Some(expected) = expected {
        same("the model and the registries", &expected, &on_sqlite)?;
    }
    let (seen, also) = (one.sees(model).await, two.sees(model).await);
    same("what is seen", &seen, &also)?;
    model.settle(operation, &on_sqlite, &seen)
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, one: &T, other: &T) -> Result<(), String> {
    if one == other { Ok(()) } else { Err(format!("{what} differ: {one:?} and {other:?}")) }
}
