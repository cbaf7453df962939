//! `/healthz`, `/readyz` and `/metrics`, the same on every port.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use bytes::Bytes;
use http::{Method, Response, StatusCode, header};
use http_body_util::Full;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{family::Family, gauge::Gauge},
};

use crate::Metrics;

/// Whether the process can work: it serves, and no condition is down that its work needs. Clones are the same readiness.
#[derive(Debug, Clone, Default)]
pub struct Readiness(Arc<State>);

#[derive(Debug, Default)]
struct State {
    serves: AtomicBool,
    conditions: Mutex<BTreeMap<&'static str, Condition>>,
    up: Family<Of, Gauge>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Of {
    backend: &'static str,
}

/// What was found of something that the process needs.
#[derive(Debug, Clone)]
struct Condition {
    /// Without it the process can't work; otherwise it works less well.
    required: bool,
    found: Result<(), String>,
}

impl Readiness {
    /// Says that the process serves, or no longer does.
    pub fn set(&self, serves: bool) {
        self.0.serves.store(serves, Ordering::Release);
    }

    /// Says what was found of something that the process needs; true if that is another verdict than the last one.
    pub fn report(&self, name: &'static str, required: bool, found: Result<(), String>) -> bool {
        let is_up = found.is_ok();
        self.0.up.get_or_create(&Of { backend: name }).set(i64::from(is_up));
        let before = self.conditions().insert(name, Condition { required, found });
        before.is_none_or(|before| before.found.is_ok() != is_up)
    }

    /// True if the process can work.
    pub fn is_ready(&self) -> bool {
        let is_down = |condition: &Condition| condition.required && condition.found.is_err();
        self.0.serves.load(Ordering::Acquire) && !self.conditions().values().any(is_down)
    }

    /// The verdict, and each condition on a line of its own: `ok redis`, `down postgres: …`, `degraded redis: …`.
    pub fn text(&self) -> String {
        let mut text = String::from(if self.is_ready() { "ready\n" } else { "not ready\n" });
        for (name, condition) in &*self.conditions() {
            text.push_str(&match &condition.found {
                Ok(()) => format!("ok {name}\n"),
                Err(reason) if condition.required => format!("down {name}: {reason}\n"),
                Err(reason) => format!("degraded {name}: {reason}\n"),
            });
        }
        text
    }

    fn conditions(&self) -> MutexGuard<'_, BTreeMap<&'static str, Condition>> {
        self.0.conditions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The pages.
#[derive(Debug, Clone)]
pub struct Pages {
    /// What `/readyz` says.
    pub readiness: Readiness,
    /// What `/metrics` shows.
    pub metrics: Metrics,
}

impl Default for Pages {
    fn default() -> Self {
        let (readiness, metrics) = (Readiness::default(), Metrics::default());
        let help = "Whether a backend or another role answers: 1, or 0";
        metrics.add("rfe_backend_up", help, readiness.0.up.clone());
        Self { readiness, metrics }
    }
}

impl Pages {
    /// The answer to a request, if it is for one of the pages.
    pub fn answer<B>(&self, request: &http::Request<B>) -> Option<Response<Full<Bytes>>> {
        if request.method() != Method::GET && request.method() != Method::HEAD {
            return None;
        }
        match request.uri().path() {
            "/healthz" => Some(text(StatusCode::OK, "ok\n".to_owned())),
            "/readyz" if self.readiness.is_ready() => Some(text(StatusCode::OK, self.readiness.text())),
            "/readyz" => Some(text(StatusCode::SERVICE_UNAVAILABLE, self.readiness.text())),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_required_and_down_makes_a_process_that_serves_not_ready_and_is_named() {
        let readiness = Readiness::default();
        assert!(!readiness.is_ready(), "it does not serve yet");
        readiness.set(true);
        assert!(readiness.is_ready());
        assert!(readiness.report("postgres", true, Ok(())), "the first verdict is news");
        assert!(!readiness.report("postgres", true, Ok(())), "the same one is none");
        assert!(readiness.report("redis", false, Err("refused".to_owned())));
        assert_eq!(readiness.text(), "ready\nok postgres\ndegraded redis: refused\n");
        assert!(readiness.report("postgres", true, Err("timeout".to_owned())));
        assert_eq!(readiness.text(), "not ready\ndown postgres: timeout\ndegraded redis: refused\n");
    }
}
