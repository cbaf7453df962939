//! What people do over JDBC, with the drivers that they have: `clients/jdbc/scenario` does it, `clients/jdbc/expected.json` is what it must see.

use rfe_client::{Client, metadata::Source};
use rfe_tests::{
    Ground,
    sdk::{Jdbc, folder, run},
    tool,
};
use serde_json::{Value as Json, json};

use crate::doors::Doors;

async fn with_numbers(ground: Ground) -> Doors {
    let doors = Doors::open(ground).await;
    let rows: String = (0..1000).map(|id| format!("{id},name {}\n", id % 10)).collect();
    let file = doors.platform.write("numbers.csv", format!("id,name\n{rows}"));
    let source = json!({
        "name": "numbers", "kind": "csv", "config": {"location": file},
        "columns": {"id": "BIGINT", "name": "VARCHAR"},
    });
    let source: Source = rfe_proto::json::from_value(&source).expect("a source");
    let client = Client::connect(doors.endpoints.clone()).expect("a client");
    let _applied = client.apply_sources(vec![source], Default::default()).await.expect("applied");
    let job = client.submit_job("numbers").await.expect("submitted").job;
    let job = client.wait_job(&job.job_id, |_| ()).await.expect("it ends");
    assert_eq!(job.rows_landed, 1000, "{job:?}");
    doors
}

async fn serves(ground: Ground) {
    let expected = std::fs::read(folder("jdbc").join("expected.json")).expect("the document is there");
    let expected: Json = serde_json::from_slice(&expected).expect("the document is JSON");
    let (program, doors) = (Jdbc::compiled().await, with_numbers(ground).await);
    for driver in tool::jdbc_drivers() {
        let answer = run(program.command(&driver), &doors.endpoints).await;
        assert!(answer.code == 0, "{}:\n{}\n{}", driver.display(), answer.stdout, answer.stderr);
        let seen = answer.json();
        for (step, expected) in expected.as_object().expect("an object") {
            assert_eq!(seen.get(step), Some(expected), "{}: {step}", driver.display());
        }
        assert_eq!(seen, expected, "{}", driver.display());
    }
}

#[tokio::test]
async fn the_jdbc_driver_is_served_in_one_process() {
    serves(Ground::Embedded).await;
}

#[tokio::test]
async fn the_jdbc_driver_is_served_in_the_mesh() {
    serves(Ground::mesh()).await;
}
