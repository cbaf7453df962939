//! `/healthz`, `/readyz` and `/metrics`, the same on every port.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use bytes::Bytes;
use http::{Method, Response, StatusCode, header};
use http_body_util::Full;

use crate::Metrics;

/// Whether the process can work. Clones are the same readiness.
#[derive(Debug, Clone, Default)]
pub struct Readiness(Arc<AtomicBool>);

impl Readiness {
    /// Says that it can, or no longer can.
    pub fn set(&self, ready: bool) {
        self.0.store(ready, Ordering::Release);
    }

    /// True if it can.
    pub fn is_ready(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// The pages.
#[derive(Debug, Clone, Default)]
pub struct Pages {
    /// What `/readyz` says.
    pub readiness: Readiness,
    /// What `/metrics` shows.
    pub metrics: Metrics,
}

impl Pages {
    /// The answer to a request, if it is for one of the pages.
    pub fn answer<B>(&self, request: &http::Request<B>) -> Option<Response<Full<Bytes>>> {
        if request.method() != Method::GET && request.method() != Method::HEAD {
            return None;
        }
        match request.uri().path() {
            "/healthz" => Some(text(StatusCode::OK, "ok\n".to_owned())),
            "/readyz" if self.readiness.is_ready() => Some(text(StatusCode::OK, "ready\n".to_owned())),
            "/readyz" => Some(text(StatusCode::SERVICE_UNAVAILABLE, "not ready\n".to_owned())),
            "/metrics" => Some(text(StatusCode::OK, self.metrics.render())),
            _ => None,
        }
    }
}

fn text(status: StatusCode, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        header::HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8"),
    );
    response
}
