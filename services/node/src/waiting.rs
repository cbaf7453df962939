//! What a port answers while its roles can't be built because a backend is away: the pages, and to everything else that it is not
//! there yet, so that callers try again.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    task::{Context, Poll},
};

use rfe_mesh::{
    pages::Pages,
    retry,
    server::{Answer, Received, boxed},
    status_from_fault,
};
use rfe_model::{ErrorCode, Fault, fault::reason};
use tonic::body::Body;
use tower::Service;

/// The port of a process that waits.
#[derive(Debug, Clone)]
pub(crate) struct Waiting(pub(crate) Pages);

impl Service<http::Request<Received>> for Waiting {
    type Response = Answer;
    type Error = Infallible;
    type Future = Ready<Result<Answer, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Received>) -> Self::Future {
        if let Some(page) = self.0.answer(&request) {
            return ready(Ok(boxed(page)));
        }
        let of_grpc = |value: &http::HeaderValue| value.as_bytes().starts_with(b"application/grpc");
        let is_grpc = request.headers().get(http::header::CONTENT_TYPE).is_some_and(of_grpc);
        let message = "the process waits for a backend; /readyz says for which";
        let fault = Fault::new(ErrorCode::Unavailable, reason::BACKEND_UNAVAILABLE, message);
        let mut answer: http::Response<Body> = status_from_fault(retry::not_begun(fault)).into_http();
        if !is_grpc {
            *answer.status_mut() = http::StatusCode::SERVICE_UNAVAILABLE;
            answer.headers_mut().insert(http::header::RETRY_AFTER, http::HeaderValue::from_static("1"));
        }
        ready(Ok(boxed(answer)))
    }
}
