//! A gRPC port: the routes behind their layers, and the pages.

use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use tonic::{body::Body, service::Routes};
use tower::Service;

use super::{Answer, Received, boxed};
use crate::{
    layer::{
        authorize::Authorize, deadline::Deadline, request_id::RequestId, rpc_metrics::RpcMetrics, shed::Shed,
        trace::Trace,
    },
    pages::Pages,
    tokens::Tokens,
};

// From the outside in: a call has an id and a span and is counted, also when it is turned away.
type Layers = RequestId<Trace<RpcMetrics<Shed<Authorize<Deadline<Routes>>>>>>;

/// How many calls of one port run at a time, unless it is told otherwise.
pub const DEFAULT_LIMIT: usize = 4096;

/// A gRPC port: the routes, and the pages over HTTP/1.1.
#[derive(Debug, Clone)]
pub struct GrpcPort {
    layers: Layers,
    parts: Parts,
}

#[derive(Debug, Clone)]
struct Parts {
    routes: Routes,
    pages: Pages,
    tokens: Option<Tokens>,
    limit: usize,
}

impl Parts {
    fn layers(&self) -> Layers {
        let metrics = &self.pages.metrics;
        let inner = Authorize::new(Deadline(self.routes.clone())).tokens(self.tokens.clone());
        RequestId(Trace(RpcMetrics::new(Shed::new(inner, self.limit), metrics.clone())))
    }
}

impl GrpcPort {
    /// Serves these routes and pages.
    pub fn new(routes: Routes, pages: Pages) -> Self {
        let parts = Parts { routes: routes.prepare(), pages, tokens: None, limit: DEFAULT_LIMIT };
        Self { layers: parts.layers(), parts }
    }

    /// Lets only calls with one of these tokens pass.
    #[must_use]
    pub fn tokens(self, tokens: Option<Tokens>) -> Self {
        let parts = Parts { tokens, ..self.parts };
        Self { layers: parts.layers(), parts }
    }

    /// Turns calls away while so many run. Health, reflection and the pages are always answered.
    #[must_use]
    pub fn limit(self, limit: usize) -> Self {
        let parts = Parts { limit, ..self.parts };
        Self { layers: parts.layers(), parts }
    }
}

impl Service<http::Request<Received>> for GrpcPort {
    type Response = Answer;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Answer, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Received>) -> Self::Future {
        if let Some(page) = self.parts.pages.answer(&request) {
            return Box::pin(async move { Ok(boxed(page)) });
        }
        let call = self.layers.call(request.map(Body::new));
        Box::pin(async move { call.await.map(boxed) })
    }
}
