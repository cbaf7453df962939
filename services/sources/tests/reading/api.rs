//! A real HTTP server on 127.0.0.1 whose answers a test makes, and which remembers what it was asked.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::Bytes,
    extract::Query,
    http::{HeaderMap, StatusCode, Uri},
    response::{IntoResponse, Response},
};
use rfe_sources::{Chunk, ReadContext, ReadError};
use serde_json::{Value, json};

use crate::desk::{context, read, spec};

/// A request.
#[derive(Debug, Clone)]
pub struct Ask {
    /// How many came before.
    pub nth: usize,
    pub path: String,
    pub query: HashMap<String, String>,
    pub headers: HeaderMap,
    pub body: String,
    pub at: Instant,
}

impl Ask {
    pub fn get(&self, name: &str) -> &str {
        self.query.get(name).map_or("", String::as_str)
    }

    pub fn number(&self, name: &str) -> Option<usize> {
        self.get(name).parse().ok()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// The server.
#[derive(Clone)]
pub struct Api {
    pub address: SocketAddr,
    asks: Arc<Mutex<Vec<Ask>>>,
}

impl Api {
    pub async fn start<R: IntoResponse>(answer: impl Fn(&Ask) -> R + Clone + Send + Sync + 'static) -> Self {
        let asks: Arc<Mutex<Vec<Ask>>> = Arc::default();
        let keep = Arc::clone(&asks);
        let router = Router::new().fallback(
            move |uri: Uri, Query(query): Query<HashMap<String, String>>, headers: HeaderMap, body: Bytes| {
                let body = String::from_utf8_lossy(&body).into_owned();
                let path = uri.path().to_owned();
                let mut asks = keep.lock().expect("lock");
                let ask = Ask { nth: asks.len(), path, query, headers, body, at: Instant::now() };
                asks.push(ask.clone());
                let response = answer(&ask).into_response();
                async move { response }
            },
        );
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("bind");
        let address = listener.local_addr().expect("address");
        tokio::spawn(async move { axum::serve(listener, router).await.expect("serve") });
        Self { address, asks }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn asks(&self) -> Vec<Ask> {
        self.asks.lock().expect("lock").clone()
    }

    /// The values of a parameter, ask by ask.
    pub fn asked(&self, name: &str) -> Vec<String> {
        self.asks().iter().map(|ask| ask.get(name).to_owned()).collect()
    }

    /// The shortest time between two requests.
    pub fn closest(&self) -> Duration {
        self.asks().windows(2).map(|pair| pair[1].at - pair[0].at).min().unwrap_or(Duration::MAX)
    }

    /// Reads `/things` by a config.
    pub async fn read(&self, config: Value) -> Result<Vec<Chunk>, ReadError> {
        self.read_in(config, &context(Vec::new())).await
    }

    pub async fn read_in(&self, mut config: Value, context: &ReadContext) -> Result<Vec<Chunk>, ReadError> {
        if config.get("url").is_none() {
            config["url"] = json!(self.url("/things"));
        }
        read(&spec("rest", config), context).await
    }
}

/// An answer with JSON.
pub fn says(body: impl ToString) -> Response {
    ([("content-type", "application/json")], body.to_string()).into_response()
}

/// An answer with JSON and a header more.
pub fn says_with(header: (&'static str, String), body: impl ToString) -> Response {
    ([("content-type", "application/json".to_owned()), header], body.to_string()).into_response()
}

/// An answer with a status alone.
pub fn status(code: u16) -> Response {
    StatusCode::from_u16(code).expect("status").into_response()
}

/// So many records from a number on.
pub fn records(from: usize, count: usize) -> Vec<Value> {
    (from..from + count).map(|id| json!({"id": id})).collect()
}
