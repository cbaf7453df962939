//! A real HTTP server that pages customers and can behave badly.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    Router,
    extract::{Query, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};

/// How the next calls are answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    /// As documented.
    Well,
    /// So many calls with 429 and `Retry-After: 1`, then well.
    Busy(u32),
    /// Every call with this status.
    Failing(u16),
    /// Calls for this page and those behind it with 500.
    FailingFrom(usize),
    /// An HTML page with status 200.
    Html,
    /// JSON that breaks off, with status 200.
    BrokenOff,
    /// No answer until the mood changes.
    Stuck,
    /// No answer for the pages from this one on until the mood changes.
    StuckFrom(usize),
}

/// What the server does and has seen.
#[derive(Debug)]
struct Memory {
    mood: Mood,
    customers: usize,
    calls: Vec<String>,
    authorizations: Vec<String>,
    tokens: usize,
}

/// The server; it ends when it is dropped.
#[derive(Debug)]
pub struct MockApi {
    /// Where it listens: `http://127.0.0.1:<port>`.
    pub url: String,
    memory: Arc<Mutex<Memory>>,
    task: tokio::task::JoinHandle<()>,
}

// === impl MockApi ===

impl MockApi {
    /// Serves so many customers at `/customers?page=<from 1>&limit=<rows>`; at `/by-cursor?after=<id>&limit=<rows>` with a cursor,
    /// at `/by-link?after=<id>&limit=<rows>` with `Link` headers, at `/changed?since=<id>&page=<from 1>&limit=<rows>` those from an id
    /// on, and at `/guarded` as at `/customers` for whoever has the newest token of `POST /token`.
    ///
    /// # Panics
    /// If no port is free.
    pub async fn start(customers: usize) -> Self {
        let memory =
            Memory { mood: Mood::Well, customers, calls: Vec::new(), authorizations: Vec::new(), tokens: 0 };
        let memory = Arc::new(Mutex::new(memory));
        let router = Router::new()
            .route("/customers", get(page))
            .route("/by-cursor", get(by_cursor))
            .route("/by-link", get(by_link))
            .route("/changed", get(changed))
            .route("/token", post(token))
            .route("/guarded", get(guarded))
            .with_state(memory.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let url = format!("http://{}", listener.local_addr().expect("a bound port has an address"));
        let task = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("the mock API serves");
        });
        Self { url, memory, task }
    }

    /// Changes how the next calls are answered.
    pub fn be(&self, mood: Mood) {
        lock(&self.memory).mood = mood;
    }

    /// Changes how many customers there are.
    pub fn grow(&self, customers: usize) {
        lock(&self.memory).customers = customers;
    }

    /// The queries of the calls so far.
    pub fn calls(&self) -> Vec<String> {
        lock(&self.memory).calls.clone()
    }

    /// Tokens that were given so far.
    pub fn tokens(&self) -> usize {
        lock(&self.memory).tokens
    }

    /// The `Authorization` headers of the calls so far.
    pub fn authorizations(&self) -> Vec<String> {
        lock(&self.memory).authorizations.clone()
    }
}

impl Drop for MockApi {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// One customer's exact text, unlike what a JSON library would write: key order and number text must survive in `raw`.
pub fn customer(id: usize) -> String {
    format!(
        r#"{{"id": {id}, "name": "customer {id}", "credit": {id}.50, "address": {{"city": "Town {}"}}}}"#,
        id % 7
    )
}

type Queried = Query<HashMap<String, String>>;

fn number(query: &HashMap<String, String>, name: &str, default: usize) -> usize {
    query.get(name).and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Customers behind an id, and the id to go on from if there are more.
fn behind(memory: &Memory, query: &HashMap<String, String>) -> (Vec<String>, Option<usize>) {
    let (after, limit) = (number(query, "after", 0), number(query, "limit", 10));
    let last = memory.customers.min(after + limit);
    ((after + 1..=last).map(customer).collect(), Some(last).filter(|last| *last < memory.customers))
}

async fn by_cursor(State(memory): State<Arc<Mutex<Memory>>>, Query(query): Queried) -> Response {
    let mut memory = lock(&memory);
    memory.calls.push(format!("after={}", query.get("after").map_or("", String::as_str)));
    let (records, next) = behind(&memory, &query);
    let cursor = next.map_or("null".to_owned(), |next| format!("\"{next}\""));
    let body =
        format!(r#"{{"data": [{}], "next": {cursor}, "has_more": {}}}"#, records.join(", "), next.is_some());
    ([("content-type", "application/json")], body).into_response()
}

async fn by_link(State(memory): State<Arc<Mutex<Memory>>>, Query(query): Queried) -> Response {
    let mut memory = lock(&memory);
    memory.calls.push(format!("after={}", query.get("after").map_or("", String::as_str)));
    let (records, next) = behind(&memory, &query);
    let next = next.map(|next| {
        format!(r#", </by-link?after={next}&limit={}>; rel="next""#, number(&query, "limit", 10))
    });
    let link = format!(r#"</by-link>; rel="first"; title="a, b"{}"#, next.unwrap_or_default());
    let body = format!("[{}]", records.join(", "));
    ([("content-type", "application/json".to_owned()), ("link", link)], body).into_response()
}

async fn changed(State(memory): State<Arc<Mutex<Memory>>>, Query(query): Queried) -> Response {
    let mut memory = lock(&memory);
    memory.calls.push(format!("since={}", query.get("since").map_or("", String::as_str)));
    let (since, page, limit) =
        (number(&query, "since", 1), number(&query, "page", 1), number(&query, "limit", 10));
    let first = since + (page - 1) * limit;
    let records: Vec<String> = (first..=memory.customers.min(first + limit - 1)).map(customer).collect();
    ([("content-type", "application/json")], format!("[{}]", records.join(", "))).into_response()
}

async fn token(State(memory): State<Arc<Mutex<Memory>>>, form: String) -> Response {
    let mut memory = lock(&memory);
    if !form.contains("grant_type=client_credentials") || !form.contains("client_secret=hush") {
        return (StatusCode::UNAUTHORIZED, r#"{"error": "invalid_client"}"#).into_response();
    }
    memory.tokens += 1;
    let body = format!(
        r#"{{"access_token": "token-{}", "token_type": "Bearer", "expires_in": 3600}}"#,
        memory.tokens
    );
    ([("content-type", "application/json")], body).into_response()
}

async fn guarded(
    State(memory): State<Arc<Mutex<Memory>>>,
    Query(query): Queried,
    headers: HeaderMap,
) -> Response {
    let mut memory = lock(&memory);
    let (page, limit) = (number(&query, "page", 1), number(&query, "limit", 10));
    note(&mut memory, format!("page={page}&limit={limit}"), &headers);
    let expected = format!("Bearer token-{}", memory.tokens);
    if memory.tokens == 0 || memory.authorizations.last() != Some(&expected) {
        return (StatusCode::UNAUTHORIZED, "who are you?").into_response();
    }
    well(memory.customers, page, limit)
}

async fn page(
    State(memory): State<Arc<Mutex<Memory>>>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
) -> Response {
    let (page, limit) = (number(&query, "page", 1), number(&query, "limit", 10));
    note(&mut lock(&memory), format!("page={page}&limit={limit}"), &headers);
    while lock(&memory).mood.is_stuck(page) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let mut memory = lock(&memory);
    match memory.mood {
        Mood::Well | Mood::Stuck | Mood::StuckFrom(_) => well(memory.customers, page, limit),
        Mood::Busy(0) => {
            memory.mood = Mood::Well;
            well(memory.customers, page, limit)
        }
        Mood::Busy(times) => {
            memory.mood = Mood::Busy(times - 1);
            (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "1")], "slow down").into_response()
        }
        Mood::FailingFrom(first) if page >= first => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        Mood::FailingFrom(_) => well(memory.customers, page, limit),
        Mood::Failing(status) => StatusCode::from_u16(status).expect("a status").into_response(),
        Mood::Html => {
            ([("content-type", "text/html")], "<html><body>Please sign in</body></html>").into_response()
        }
        Mood::BrokenOff => {
            ([("content-type", "application/json")], r#"{"data": [{"id": 1}, {"i"#).into_response()
        }
    }
}

impl Mood {
    fn is_stuck(self, page: usize) -> bool {
        match self {
            Self::Stuck => true,
            Self::StuckFrom(first) => page >= first,
            _ => false,
        }
    }
}

fn note(memory: &mut Memory, call: String, headers: &HeaderMap) {
    memory.calls.push(call);
    if let Some(value) = headers.get("authorization").and_then(|value| value.to_str().ok()) {
        memory.authorizations.push(value.to_owned());
    }
}

fn well(customers: usize, page: usize, limit: usize) -> Response {
    let first = (page - 1) * limit + 1;
    let records: Vec<String> = (first..=customers.min(first + limit - 1)).map(customer).collect();
    let body = format!(r#"{{"data": [{}], "page": {page}}}"#, records.join(", "));
    ([("content-type", "application/json")], body).into_response()
}

fn lock(memory: &Mutex<Memory>) -> std::sync::MutexGuard<'_, Memory> {
    memory.lock().unwrap_or_else(PoisonError::into_inner)
}
