//! Submits a few events, waits until they are visible, and queries them.
//!
//! `make up` in one terminal, then `cargo run --release -p rfe-client --example ingest_and_query`.

use std::time::Duration;

use futures::TryStreamExt as _;
use rfe_client::{
    Client, Endpoints,
    ingest::Event,
    metadata::{Mode, Source},
};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let client = Client::connect(Endpoints::from_env())?;
    let source = Source {
        name: "example_clicks".to_owned(),
        kind: "webhook".to_owned(),
        mode: Mode::Append.into(),
        ..Source::default()
    };
    for applied in client.apply_sources(vec![source], Default::default()).await? {
        println!("{} {}", applied.name, applied.action);
    }

    let mut sender = client.event_sender("example_clicks");
    for number in 0..1000 {
        let payload = format!(r#"{{"click": {number}, "page": "/{}"}}"#, number % 7).into_bytes();
        sender.send(Event { event_id: format!("click-{number}"), payload, ..Event::default() }).await?;
    }
    let summary = sender.finish().await?;
    println!("{} accepted, {} known before", summary.accepted, summary.duplicates);

    while client.queue_stats("example_clicks").await?.total.is_some_and(|total| total.events > 0) {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let mut rows = client
        .query("SELECT page, count(*) AS clicks FROM example_clicks GROUP BY page ORDER BY page")
        .await?;
    while let Some(batch) = rows.try_next().await? {
        println!("{batch:?}");
    }
    Ok(())
}
