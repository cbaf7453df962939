//! A real HTTP server for files, which knows their versions and can break off.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Router,
    body::Body,
    extract::{Path, State},
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::get,
};
use sha2::{Digest as _, Sha256};

#[derive(Debug, Default)]
struct Shelf {
    files: BTreeMap<String, Vec<u8>>,
    /// So many answers break off halfway.
    breaks: u32,
}

/// The server; it ends when it is dropped.
#[derive(Debug)]
pub struct FileServer {
    /// Where it listens: `http://127.0.0.1:<port>`.
    pub url: String,
    shelf: Arc<Mutex<Shelf>>,
    task: tokio::task::JoinHandle<()>,
}

// === impl FileServer ===

impl FileServer {
    /// Serves nothing yet.
    ///
    /// # Panics
    /// If no port is free.
    pub async fn start() -> Self {
        let shelf: Arc<Mutex<Shelf>> = Arc::default();
        let router = Router::new().route("/{name}", get(file)).with_state(shelf.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let url = format!("http://{}", listener.local_addr().expect("a bound port has an address"));
        let task = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("the file server serves");
        });
        Self { url, shelf, task }
    }

    /// Serves a file from now on; its ETag follows from its bytes.
    pub fn put(&self, name: &str, bytes: impl AsRef<[u8]>) {
        lock(&self.shelf).files.insert(name.to_owned(), bytes.as_ref().to_vec());
    }

    /// Lets the next answers break off halfway.
    pub fn break_off(&self, times: u32) {
        lock(&self.shelf).breaks = times;
    }
}

impl Drop for FileServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn file(State(shelf): State<Arc<Mutex<Shelf>>>, Path(name): Path<String>) -> Response {
    let mut shelf = lock(&shelf);
    let Some(bytes) = shelf.files.get(&name).cloned() else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let etag = format!("\"{}\"", hex::encode(Sha256::digest(&bytes)));
    if shelf.breaks == 0 {
        return ([(header::ETAG, etag)], bytes).into_response();
    }
    shelf.breaks -= 1;
    let half = bytes[..bytes.len() / 2].to_vec();
    let broken = futures::stream::iter([Ok(half), Err(std::io::Error::other("as planned"))]);
    let headers = [(header::ETAG, etag), (header::CONTENT_LENGTH, bytes.len().to_string())];
    (headers, Body::from_stream(broken)).into_response()
}

fn lock(shelf: &Mutex<Shelf>) -> std::sync::MutexGuard<'_, Shelf> {
    shelf.lock().unwrap_or_else(PoisonError::into_inner)
}
