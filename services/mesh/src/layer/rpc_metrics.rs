//! Counts RPCs by method and code, and times them to their first answer.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Instant,
};

use tonic::{Status, body::Body};
use tower::Service;

use crate::Metrics;

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
        let method = request.uri().path().to_owned();
        let metrics = self.metrics.clone();
        let begun = Instant::now();
        let call = self.inner.call(request);
        Box::pin(async move {
            let answer = call.await?;
            // A path that no service has is no label: anybody can send any path.
            let status = Status::from_header_map(answer.headers());
            let code = status.map_or(tonic::Code::Ok, |status| status.code());
            if code != tonic::Code::Unimplemented {
                metrics.answered(&method, &format!("{code:?}"), begun.elapsed());
            }
            Ok(answer)
        })
    }
}
