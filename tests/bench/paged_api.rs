//! A million records in pages from a server on loopback, to committed; beside a client that only fetches and parses the pages.

use std::{collections::HashMap, sync::Arc};

use axum::{
    Router,
    extract::{Query, State},
    response::IntoResponse,
    routing::get,
};
use bytes::Bytes;
use serde_json::Value as Json;

use crate::{
    bare,
    cost::Sides,
    data::{self, thousands},
    pull::pull,
    scale::Scale,
};

const LIMIT: u64 = 1000;

pub async fn run(scale: &Scale) {
    let records = scale.rows(1_000_000).next_multiple_of(LIMIT);
    let url = serve(records).await;
    let source = format!(
        "{{name: rows, kind: rest, config: {{url: {url}, records: /data, pagination: {{kind: page, page_param: page, limit_param: limit, limit: {LIMIT}}}}}}}"
    );
    let mut sides = Sides::default();
    for _ in 0..scale.times {
        let bare = bare::run_async(&["rest", &url]).await;
        let (_, ours) = pull(&source, records).await;
        sides.add(ours, bare);
    }
    let name = format!("REST of {} records in pages of {LIMIT}, to committed", thousands(records));
    sides.at_least_percent(&name, "bare client that parses the pages", 80.0);
}

/// Fetches and parses the pages, and does nothing with them; the records that it met.
pub fn read_barely(url: &str) -> u64 {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime starts");
    runtime.block_on(async {
        let client = reqwest::Client::new();
        let mut records = 0;
        for page in 1.. {
            let url = format!("{url}?page={page}&limit={LIMIT}");
            let answer = client.get(url).send().await.expect("the server answers");
            let body = answer.bytes().await.expect("the page arrives");
            let parsed: Json = serde_json::from_slice(&body).expect("the page is JSON");
            let found = parsed["data"].as_array().expect("the page has records").len() as u64;
            records += found;
            if found < LIMIT {
                break;
            }
        }
        records
    })
}

/// Serves the records. The pages are made before, so that the server takes little of the cores.
async fn serve(records: u64) -> String {
    let mut record = data::Records::new(11);
    let pages: Vec<Bytes> = (0..records / LIMIT)
        .map(|page| {
            let records: Vec<String> = (0..LIMIT).map(|at| record.short(page * LIMIT + at + 1)).collect();
            Bytes::from(format!(r#"{{"data":[{}],"page":{}}}"#, records.join(","), page + 1))
        })
        .collect();
    let router = Router::new().route("/records", get(page)).with_state(Arc::new(pages));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let url = format!("http://{}/records", listener.local_addr().expect("a bound port has an address"));
    tokio::spawn(async move {
        axum::serve(listener, router).await.expect("the server serves");
    });
    url
}

async fn page(
    State(pages): State<Arc<Vec<Bytes>>>,
    Query(query): Query<HashMap<String, String>>,
) -> impl IntoResponse {
    let number: usize = query.get("page").and_then(|text| text.parse().ok()).unwrap_or(1);
    let body = pages.get(number - 1).cloned().unwrap_or_else(|| Bytes::from_static(br#"{"data":[]}"#));
    ([("content-type", "application/json")], body)
}
