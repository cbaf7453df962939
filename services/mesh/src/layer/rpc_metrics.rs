//! Counts RPCs by method and code, and times them to their first answer.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Instant,
};

use tonic::{Code, Status, body::Body};
use tower::Service;

use crate::{Metrics, tokens::rules};

/// The service with its calls counted.
#[derive(Debug, Clone)]
pub struct RpcMetrics<S> {
    inner: S,
    metrics: Metrics,
}

impl<S> RpcMetrics<S> {
    /// Counts the calls of `inner`.
    pub fn new(inner: S, metrics: Metrics) -> Self {
        Self { inner, metrics }
    }
}

impl<S, B> Service<http::Request<B>> for RpcMetrics<S>
where
    S: Service<http::Request<B>, Response = http::Response<Body>>,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
{
    type Response = http::Response<Body>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        // Anybody can send any path: one that no service has is no label.
        let path = request.uri().path();
        let method = rules::line(path).map_or("unknown", |_| path).to_owned();
        let metrics = self.metrics.clone();
        let begun = Instant::now();
        let in_flight = metrics.begun();
        let call = self.inner.call(request);
        Box::pin(async move {
            let answer = call.await?;
            drop(in_flight);
            let code = Status::from_header_map(answer.headers()).map_or(Code::Ok, |status| status.code());
            // A path that no service has is no label.
            if code != Code::Unimplemented {
                metrics.answered(&method, &format!("{code:?}"), begun.elapsed());
            }
            tell(&method, code, begun);
            Ok(answer)
        })
    }
}

// One line for a call that failed; that an answer is `not found` interests its caller only.
fn tell(method: &str, code: Code, begun: Instant) {
    let seconds = begun.elapsed().as_secs_f64();
    match code {
        Code::Ok => {}
        Code::Internal | Code::Unknown | Code::DataLoss | Code::DeadlineExceeded => {
            tracing::info!(method, ?code, seconds, "a call failed");
        }
        _ => tracing::debug!(method, ?code, seconds, "a call failed"),
    }
}
