//! One connection, from its first byte to its last answer.

use std::{
    convert::Infallible,
    future::Future,
    pin::{Pin, pin},
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderValue, Version, header::CONNECTION};
use hyper::body::Incoming;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tower::Service;

use super::{
    BoxError, Received, Serve,
    talk::{Answered, Talk},
};
use crate::{Shutdown, tls::ServerTls};

const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);
const MAX_STREAMS: u32 = 1000;
const WINDOW: u32 = 4 << 20;
// What may wait of one stream's answer: a Flight message and the next.
const SEND_BUFFER: usize = 2 << 20;
// HTTP/1.1 can say goodbye in an answer only. Whoever sends within this time is answered, and told to come back elsewhere.
const LINGER: Duration = Duration::from_millis(250);
// How long a connection on which nothing runs waits for a sign that its end was heard of.
const GOODBYE: Duration = Duration::from_secs(3);

/// Serves a connection until it ends; once shutdown has begun, until what runs on it is answered.
pub(super) async fn serve<S, B>(stream: TcpStream, service: S, tls: Option<ServerTls>, stop: &Shutdown)
where
    S: Serve<B>,
    B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<BoxError>,
{
    let Some(tls) = tls else { return drive(stream, service, stop).await };
    let handshake = tokio::select! {
        made = tokio::time::timeout(HANDSHAKE_TIMEOUT, tls.acceptor().accept(stream)) => made,
        () = lingered(stop) => return,
    };
    match handshake {
        Ok(Ok(stream)) => drive(stream, service, stop).await,
        Ok(Err(error)) => tracing::debug!(%error, "no TLS"),
        Err(_) => tracing::debug!("no TLS within {HANDSHAKE_TIMEOUT:?}"),
    }
}

async fn drive<I, S, B>(io: I, service: S, stop: &Shutdown)
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: Serve<B>,
    B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<BoxError>,
{
    let talk = Talk::default();
    let service = Farewell { service, stop: stop.clone(), talk: talk.clone() };
    let builder = builder();
    let connection = builder
        .serve_connection_with_upgrades(TokioIo::new(talk.overhear(io)), TowerToHyperService::new(service));
    let mut connection = pin!(connection);
    tokio::select! {
        ended = connection.as_mut() => return note(ended),
        () = silence(&talk) => return tracing::debug!("nothing said within {HEADER_TIMEOUT:?}"),
        () = decision(stop, &talk) => connection.as_mut().graceful_shutdown(),
    }
    tokio::select! {
        ended = connection.as_mut() => note(ended),
        () = deafness(&talk) => tracing::debug!("nobody heard that the connection ends"),
    }
}

fn note(ended: Result<(), BoxError>) {
    if let Err(error) = ended {
        tracing::debug!(error, "connection ended");
    }
}

// Nothing said so far, for longer than anybody needs.
async fn silence(talk: &Talk) {
    tokio::time::sleep(HEADER_TIMEOUT).await;
    if talk.has_begun() {
        std::future::pending::<()>().await;
    }
}

// To end the connection, at the time when that should be said.
async fn decision(stop: &Shutdown, talk: &Talk) {
    stop.begun().await;
    if !talk.is_multiplexed() {
        tokio::time::sleep(LINGER).await;
    }
}

// HTTP/2 waits until the other side has heard of the end. A process that is frozen, or gone without a word, never does.
async fn deafness(talk: &Talk) {
    let before = talk.read();
    loop {
        tokio::time::sleep(GOODBYE).await;
        if talk.read() > before {
            std::future::pending::<()>().await;
        }
        if !talk.is_running() {
            return;
        }
    }
}

async fn lingered(stop: &Shutdown) {
    stop.begun().await;
    tokio::time::sleep(LINGER).await;
}

fn builder() -> auto::Builder<TokioExecutor> {
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

/// Counts requests, and tells HTTP/1.1 clients that the connection ends with this answer, once shutdown has begun.
#[derive(Clone)]
struct Farewell<S> {
    service: S,
    stop: Shutdown,
    talk: Talk,
}

impl<S, B> Service<http::Request<Incoming>> for Farewell<S>
where
    S: Service<http::Request<Received>, Response = http::Response<B>, Error = Infallible>,
    S::Future: Send + 'static,
    B: 'static,
{
    type Response = http::Response<Answered<B>>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.service.poll_ready(context)
    }

    fn call(&mut self, request: http::Request<Incoming>) -> Self::Future {
        let multiplexed = request.version() == Version::HTTP_2;
        let running = self.talk.begin(multiplexed);
        let stop = self.stop.clone();
        let answer = self.service.call(Received::of(request));
        Box::pin(async move {
            let mut answer = answer.await?;
            if !multiplexed && stop.has_begun() {
                answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Ok(answer.map(|body| Answered { body, _running: running }))
        })
    }
}
