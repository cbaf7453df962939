//! One listener: HTTP/1.1 and HTTP/2 without TLS, with limits and drain. `axum::serve` sets no timer, so hyper's header timeout
//! would be off; here it is on.

use std::{convert::Infallible, sync::Arc, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt as _, combinators::UnsyncBoxBody};
use hyper::body::Incoming;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto, graceful::GracefulShutdown},
    service::TowerToHyperService,
};
use tokio::{net::TcpListener, sync::Semaphore};
use tonic::{body::Body, service::Routes};
use tower::Service;

use crate::{
    Shutdown,
    layer::{authorize::Authorize, deadline::Deadline, rpc_metrics::RpcMetrics},
    pages::Pages,
    tokens::Tokens,
};

type BoxError = Box<dyn std::error::Error + Send + Sync>;
/// A response of either kind.
pub type Answer = http::Response<UnsyncBoxBody<Bytes, BoxError>>;

const HEADER_TIMEOUT: Duration = Duration::from_secs(5);
const MAX_CONNECTIONS: usize = 4096;
const MAX_STREAMS: u32 = 1000;
const WINDOW: u32 = 4 << 20;
// What may wait of one stream's answer: a Flight message and the next.
const SEND_BUFFER: usize = 2 << 20;

/// A gRPC port: the routes, and the pages over HTTP/1.1.
#[derive(Debug, Clone)]
pub struct GrpcPort {
    routes: Authorize<Deadline<RpcMetrics<Routes>>>,
    pages: Pages,
}

impl GrpcPort {
    /// Serves these routes and pages.
    pub fn new(routes: Routes, pages: Pages) -> Self {
        let metrics = pages.metrics.clone();
        let calls = Deadline(RpcMetrics::new(routes.prepare(), metrics.clone()));
        Self { routes: Authorize::new(calls, metrics), pages }
    }

    /// Guards the routes with these tokens; the pages stay open.
    #[must_use]
    pub fn tokens(self, tokens: Option<Tokens>) -> Self {
        Self { routes: self.routes.tokens(tokens), ..self }
    }
}

impl Service<http::Request<Incoming>> for GrpcPort {
    type Response = Answer;
    type Error = Infallible;
    type Future = std::pin::Pin<Box<dyn Future<Output = Result<Answer, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Infallible>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Incoming>) -> Self::Future {
        if let Some(page) = self.pages.answer(&request) {
            return Box::pin(async move { Ok(boxed(page)) });
        }
        let call = self.routes.call(request.map(Body::new));
        Box::pin(async move { call.await.map(boxed) })
    }
}

/// Boxes the body of a response.
pub fn boxed<B>(response: http::Response<B>) -> Answer
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    response.map(|body| body.map_err(Into::into).boxed_unsync())
}

/// Serves until shutdown begins, then finishes what runs. Spawned on the shutdown, which waits for it.
pub fn spawn<S, B>(listener: TcpListener, service: S, shutdown: &Shutdown)
where
    S: Service<http::Request<Incoming>, Response = http::Response<B>, Error = Infallible>
        + Clone
        + Send
        + 'static,
    S::Future: Send + 'static,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let stop = shutdown.clone();
    shutdown.spawn(async move {
        serve(listener, service, &stop).await;
    });
}

async fn serve<S, B>(listener: TcpListener, service: S, shutdown: &Shutdown)
where
    S: Service<http::Request<Incoming>, Response = http::Response<B>, Error = Infallible>
        + Clone
        + Send
        + 'static,
    S::Future: Send + 'static,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let builder = connection_builder();
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let Ok(place) = places.clone().acquire_owned().await else { break };
        let stream = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    // Out of file descriptors, mostly: waiting lets connections end.
                    tracing::warn!(%error, "could not accept a connection");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
            () = shutdown.begun() => break,
        };
        let _best_effort = stream.set_nodelay(true);
        let connection = builder
            .serve_connection_with_upgrades(TokioIo::new(stream), TowerToHyperService::new(service.clone()))
            .into_owned();
        let watched = graceful.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = watched.await {
                tracing::debug!(%error, "connection ended");
            }
            drop(place);
        });
    }
    drop(listener);
    graceful.shutdown().await;
}

fn connection_builder() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT).max_headers(64);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(2 * WINDOW)
        .max_send_buf_size(SEND_BUFFER)
        .max_header_list_size(32 << 10)
        .keep_alive_interval(Duration::from_secs(30))
        .keep_alive_timeout(Duration::from_secs(20));
    builder
}
