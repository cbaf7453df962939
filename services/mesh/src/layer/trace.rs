//! A server span for every call, in the trace that its caller is in.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use tonic::{Code, Status, body::Body};
use tower::Service;
use tracing::Instrument as _;

use crate::telemetry::trace;

/// The service with its calls traced.
#[derive(Debug, Clone)]
pub struct Trace<S>(pub S);

impl<S, B> Service<http::Request<B>> for Trace<S>
where
    S: Service<http::Request<B>, Response = http::Response<Body>>,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
{
    type Response = http::Response<Body>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        let span = trace::server_span(request.headers(), request.uri().path().trim_start_matches('/'));
        let call = span.in_scope(|| self.0.call(request));
        let around = span.clone();
        Box::pin(
            async move {
                let answer = call.await?;
                if let Some(status) = Status::from_header_map(answer.headers())
                    && status.code() != Code::Ok
                {
                    trace::failed(&span, format!("{:?}", status.code()));
                }
                Ok(answer)
            }
            .instrument(around),
        )
    }
}
