//! Turns calls away while as many run as may, instead of letting all of them become slow.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use rfe_model::{ErrorCode, Fault, fault::reason};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::{Status, body::Body};
use tower::Service;

use crate::status_from_fault;

/// When a caller that was turned away may come again.
const COME_AGAIN: Duration = Duration::from_millis(500);
// Whoever asks how a busy process is must hear of it.
const NEVER_SHED: [&str; 2] = ["/grpc.health.v1.", "/grpc.reflection."];

/// The service with at most so many calls at a time. A stream counts until it has ended. Clones share the places.
#[derive(Debug, Clone)]
pub struct Shed<S> {
    inner: S,
    places: Arc<Semaphore>,
    limit: usize,
}

impl<S> Shed<S> {
    /// At most `limit` calls of `inner` at a time.
    pub fn new(inner: S, limit: usize) -> Self {
        let limit = limit.clamp(1, Semaphore::MAX_PERMITS);
        Self { inner, places: Arc::new(Semaphore::new(limit)), limit }
    }
}

impl<S, B> Service<http::Request<B>> for Shed<S>
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
        if NEVER_SHED.iter().any(|service| request.uri().path().starts_with(service)) {
            return Box::pin(self.inner.call(request));
        }
        let Ok(place) = self.places.clone().try_acquire_owned() else {
            let answer = overloaded(self.limit);
            return Box::pin(async move { Ok(answer) });
        };
        let call = self.inner.call(request);
        Box::pin(async move { Ok(call.await?.map(|body| Body::new(Held { body, _place: place }))) })
    }
}

fn overloaded(limit: usize) -> http::Response<Body> {
    let message = format!("{limit} calls run already, which is as many as may");
    let fault = Fault::new(ErrorCode::ResourceExhausted, reason::OVERLOADED, message).retry_after(COME_AGAIN);
    status_from_fault(fault).into_http()
}

// Holds a call's place until its answer has been sent or its caller has gone.
struct Held {
    body: Body,
    _place: OwnedSemaphorePermit,
}

impl http_body::Body for Held {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
