//! A small API of customers, paged by `page` and `limit`.

use axum::{Json, Router, extract::Query, http::StatusCode, response::IntoResponse, routing::get};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::CUSTOMERS;

const COUNTRIES: [&str; 6] = ["Austria", "Denmark", "France", "Germany", "Poland", "Spain"];
const FIRST: [&str; 10] =
    ["Ada", "Ben", "Chloé", "Dmitri", "Elif", "Farah", "Grażyna", "Hugo", "Iris", "Jonas"];
const LAST: [&str; 9] = ["Ito", "Keller", "Lindqvist", "Moreau", "Nowak", "Okafor", "Peña", "Quist", "Rossi"];

/// Routes of the mock API.
pub fn router() -> Router {
    let api = Router::new().route("/customers", get(customers));
    api.route("/healthz", get(|| async { "ok" })).route("/readyz", get(|| async { "ready" }))
}

#[derive(Debug, Deserialize)]
struct Paging {
    #[serde(default = "first")]
    page: u32,
    #[serde(default = "hundred")]
    limit: u32,
}

fn first() -> u32 {
    1
}

fn hundred() -> u32 {
    100
}

async fn customers(Query(paging): Query<Paging>) -> impl IntoResponse {
    if paging.page == 0 || !(1..=1000).contains(&paging.limit) {
        let error = json!({"error": "page begins at 1, limit is 1 to 1000"});
        return (StatusCode::BAD_REQUEST, Json(error));
    }
    let skipped = (paging.page - 1).saturating_mul(paging.limit);
    let data: Vec<Value> = (skipped + 1..=CUSTOMERS).take(paging.limit as usize).map(customer).collect();
    (
        StatusCode::OK,
        Json(json!({"data": data, "page": paging.page, "limit": paging.limit, "total": CUSTOMERS})),
    )
}

fn customer(id: u32) -> Value {
    let at = id as usize;
    let name = format!("{} {}", FIRST[at % FIRST.len()], LAST[at % LAST.len()]);
    json!({
        "id": id,
        "name": name,
        "country": COUNTRIES[at * 7 % COUNTRIES.len()],
        "since": format!("20{:02}-{:02}-{:02}", 15 + at % 10, 1 + at % 12, 1 + at % 28),
        "score": (at * 31 % 1000) as f64 / 10.0,
        "address": {"city": format!("City {}", at % 40), "zip": format!("{:05}", at * 97 % 100_000)},
        "tags": if at.is_multiple_of(5) { json!(["vip"]) } else { json!([]) },
    })
}
