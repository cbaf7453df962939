//! A large result through Flight, beside DuckDB reading the same files to Arrow.

use std::time::Instant;

use arrow_flight::sql::client::FlightSqlServiceClient;
use futures::TryStreamExt as _;
use rfe_tests::{Platform, fixture};
use tonic::transport::Channel;

use crate::{
    bare,
    cost::{Cost, Sides},
    data::{self, thousands},
    memory,
    pull::pull,
    scale::Scale,
};

const MORE: usize = 2;

pub async fn run(scale: &Scale) {
    let rows = scale.rows(10_000_000);
    let file = data::parquet(rows);
    let source = format!("{{name: rows, kind: parquet, config: {{location: {}}}}}", file.display());
    let (platform, _) = pull(&source, rows).await;
    let columns = data::PARQUET_COLUMNS.join(", ");
    let files = fixture::files_below(&platform.data().join("lake/processed"), ".parquet");
    let files: Vec<String> = files.iter().map(|file| format!("'{}'", file.display())).collect();
    let bare_sql = format!("SELECT {columns} FROM read_parquet([{}])", files.join(", "));
    let sql = format!("SELECT {columns} FROM rows");
    let _warm = fetch(&platform, &sql).await;
    let mut sides = Sides::default();
    for _ in 0..scale.times + MORE {
        let bare = bare::run_async(&["duckdb", &bare_sql]).await;
        sides.add(fetch(&platform, &sql).await, bare);
    }
    let name = format!("{} rows x 8 columns through Flight", thousands(rows));
    sides.at_most_times(&name, "in-process DuckDB, the same files to Arrow", 1.25);
}

async fn fetch(platform: &Platform, sql: &str) -> Cost {
    let (seconds, rows) = ask(&mut platform.flight_sql(), sql).await;
    Cost { seconds, peak: memory::peak(platform.ready().pid), rows }
}

/// Drains the answer to a query: seconds until its last row, and its rows.
pub async fn ask(client: &mut FlightSqlServiceClient<Channel>, sql: &str) -> (f64, u64) {
    let begun = Instant::now();
    let info = client.execute(sql.to_owned(), None).await.expect("the query is accepted");
    let mut rows = 0;
    for endpoint in info.endpoint {
        let ticket = endpoint.ticket.expect("an endpoint has a ticket");
        let mut batches = client.do_get(ticket).await.expect("the result is streamed");
        while let Some(batch) = batches.try_next().await.expect("a batch arrives") {
            rows += batch.num_rows() as u64;
        }
    }
    (begun.elapsed().as_secs_f64(), rows)
}
