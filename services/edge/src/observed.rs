//! Every request is counted, timed, known by its id, and, if it brings something, a span of the sender's trace.

use std::{future::Future, time::Instant};

use axum::{
    extract::{MatchedPath, Request, State},
    middleware::Next,
    response::Response,
};
use http::{Method, StatusCode};
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
};
use rfe_mesh::{
    Metrics,
    call::{Call, REQUEST_ID},
    metrics::{InFlight, latencies},
    telemetry::trace,
};
use tracing::Instrument as _;

// Anybody can send any path: one that nobody serves is no label.
const UNKNOWN: &str = "unknown";

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answer {
    route: String,
    method: &'static str,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Route {
    route: String,
}

/// The metrics `rfe_http_*`.
#[derive(Debug, Clone)]
pub(crate) struct Observed {
    answers: Family<Answer, Counter>,
    seconds: Family<Route, Histogram>,
    in_flight: Gauge,
}

// === impl Observed ===

impl Observed {
    pub(crate) fn new(metrics: &Metrics) -> Self {
        let (answers, seconds) =
            (Family::default(), Family::new_with_constructor(latencies as fn() -> Histogram));
        metrics.add("rfe_http_requests", "HTTP requests answered by the edge", answers.clone());
        metrics.add("rfe_http_request_seconds", "Time to the answer of an HTTP request", seconds.clone());
        let in_flight = metrics.gauge("rfe_http_in_flight", "HTTP requests that wait for their answer");
        Self { answers, seconds, in_flight }
    }

    fn answered(&self, route: String, method: &Method, status: StatusCode, begun: Instant) {
        let answer = Answer { route: route.clone(), method: known(method), status: status.as_u16() };
        self.answers.get_or_create(&answer).inc();
        self.seconds.get_or_create(&Route { route }).observe(begun.elapsed().as_secs_f64());
    }
}

/// The middleware.
pub(crate) async fn observe(State(observed): State<Observed>, request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let _in_flight = InFlight::new(&observed.in_flight);
    let route = request.extensions().get::<MatchedPath>().map_or(UNKNOWN, MatchedPath::as_str).to_owned();
    let method = request.method().clone();
    let call = Call { deadline: None, ..Call::of(request.headers()) };
    let id = call.request_id.clone();
    let mut response = call.scope(traced(&route, request, next, begun)).await;
    if let Some(id) = id {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    observed.answered(route, &method, response.status(), begun);
    response
}

// What only looks at the process is no part of anybody's trace.
async fn traced(route: &str, request: Request, next: Next, begun: Instant) -> Response {
    let method = request.method().clone();
    let brings = method == Method::POST && route != UNKNOWN;
    let span = brings.then(|| trace::server_span(request.headers(), &format!("POST {route}")));
    let answer = told(route, &method, begun, next.run(request));
    let Some(span) = span else { return answer.await };
    let response = answer.instrument(span.clone()).await;
    if response.status().is_server_error() {
        trace::failed(&span, response.status().as_str());
    }
    response
}

// One line for a request that failed, with its route and not its path: a URL may hold a secret.
async fn told(
    route: &str,
    method: &Method,
    begun: Instant,
    answer: impl Future<Output = Response>,
) -> Response {
    let response = answer.await;
    let (status, seconds) = (response.status().as_u16(), begun.elapsed().as_secs_f64());
    match status {
        500.. => tracing::info!(route, %method, status, seconds, "a request failed"),
        400.. => tracing::debug!(route, %method, status, seconds, "a request failed"),
        _ => {}
    }
    response
}

// As is any method.
fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::HEAD => "HEAD",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}
