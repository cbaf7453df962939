//! A proxy before an S3 server that behaves as S3 does on a bad day. What the client has signed passes unchanged, so signatures
//! stay valid: it signs the proxy's host, and the server sees that host.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{Request, Response, StatusCode, body::Incoming, client, header, server, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

use crate::{
    faulty_body::{Body, cut, slowed},
    outage::{Line, Outage, reset},
    resettable::Resettable,
};

const SLOW_DOWN: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>SlowDown</Code>\
    <Message>Please reduce your request rate.</Message></Error>";
const LONGEST_PAUSE_MS: u64 = 250;

/// Shares of requests that go wrong; the rest passes.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct S3Weather {
    /// Answered with 503 SlowDown.
    pub slow_down: f64,
    /// Reset before, within or after the request; after means that the server has done it.
    pub reset: f64,
    /// Bodies trickle, in both directions.
    pub slow: f64,
}

/// What the proxy did so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct S3Counts {
    /// Requests that arrived.
    pub requests: u64,
    /// Of them, answered with 503.
    pub slowed_down: u64,
    /// Of them, reset, as planned.
    pub resets: u64,
    /// Of them, with trickling bodies.
    pub slow: u64,
    /// Connections and requests that met an outage.
    pub outages: u64,
}

/// The proxy; it ends when it is dropped.
#[derive(Debug)]
pub struct S3Faults {
    port: u16,
    state: Arc<State>,
    task: tokio::task::JoinHandle<()>,
}

#[derive(Debug)]
struct State {
    upstream: SocketAddr,
    line: Line,
    weather: Mutex<S3Weather>,
    rng: Mutex<fastrand::Rng>,
    counts: Counters,
}

#[derive(Debug, Default)]
struct Counters {
    requests: AtomicU64,
    slowed_down: AtomicU64,
    resets: AtomicU64,
    slow: AtomicU64,
    outages: AtomicU64,
}

/// What becomes of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Pass,
    SlowDown,
    ResetBefore,
    ResetWithin,
    ResetAfter,
    Slow(Duration),
}

// === impl S3Faults ===

impl S3Faults {
    /// Stands before the S3 server on this port of loopback; everything passes until told otherwise.
    ///
    /// # Panics
    /// If no port is free.
    pub async fn start(upstream: u16, seed: u64) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port is free");
        let port = listener.local_addr().expect("a bound port has an address").port();
        let state = Arc::new(State {
            upstream: (Ipv4Addr::LOCALHOST, upstream).into(),
            line: Line::new(),
            weather: Mutex::default(),
            rng: Mutex::new(fastrand::Rng::with_seed(seed)),
            counts: Counters::default(),
        });
        let task = tokio::spawn(accept(listener, state.clone()));
        Self { port, state, task }
    }

    /// Its URL, path-style.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Changes what becomes of the next requests.
    pub fn set(&self, weather: S3Weather) {
        *self.state.weather.lock().unwrap_or_else(PoisonError::into_inner) = weather;
    }

    /// Nothing works from now on.
    pub fn fail(&self, outage: Outage) {
        self.state.line.set(Some(outage));
    }

    /// Ends the outage.
    pub fn heal(&self) {
        self.state.line.set(None);
    }

    /// What it did so far.
    pub fn counts(&self) -> S3Counts {
        let counts = &self.state.counts;
        let read = |counter: &AtomicU64| counter.load(Ordering::Acquire);
        S3Counts {
            requests: read(&counts.requests),
            slowed_down: read(&counts.slowed_down),
            resets: read(&counts.resets),
            slow: read(&counts.slow),
            outages: read(&counts.outages),
        }
    }
}

impl Drop for S3Faults {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, state: Arc<State>) {
    loop {
        // A client that has gone before it was accepted is nobody's loss.
        let Ok((stream, _)) = listener.accept().await else { continue };
        tokio::spawn(connection(stream, state.clone()));
    }
}

async fn connection(stream: TcpStream, state: Arc<State>) {
    if state.line.is_refused() {
        count(&state.counts.outages);
        reset(&stream);
        return;
    }
    let _best_effort = stream.set_nodelay(true);
    let breaks = Arc::new(AtomicBool::new(false));
    let io = TokioIo::new(Resettable::new(stream, breaks.clone()));
    let service = service_fn(|request| {
        let (state, breaks) = (state.clone(), breaks.clone());
        async move { answer(request, &state).await.inspect_err(|_| breaks.store(true, Ordering::Release)) }
    });
    let served = server::conn::http1::Builder::new().serve_connection(io, service);
    let broken = async {
        state.line.broken().await;
        count(&state.counts.outages);
        breaks.store(true, Ordering::Release);
    };
    tokio::select! {
        // An error is a planned reset, or a client that has gone.
        _ended = served => {}
        () = broken => {}
    }
}

/// The answer to a request; an error resets its connection.
async fn answer(request: Request<Incoming>, state: &State) -> io::Result<Response<Body>> {
    count(&state.counts.requests);
    if state.line.wait().await {
        count(&state.counts.outages);
        return Err(io::Error::other("it waited through an outage"));
    }
    let planned = || io::Error::other("reset as planned");
    let upstream = state.upstream;
    match state.fate() {
        Fate::Pass => forward(request.map(whole), upstream).await.map(|answer| answer.map(whole)),
        Fate::SlowDown => {
            request.into_body().collect().await.map_err(io::Error::other)?;
            Ok(slow_down())
        }
        Fate::ResetBefore => Err(planned()),
        Fate::ResetWithin if has_body(&request) => {
            forward(request.map(cut), upstream).await?;
            Err(planned())
        }
        Fate::ResetWithin => Ok(forward(request.map(whole), upstream).await?.map(cut)),
        Fate::ResetAfter => {
            forward(request.map(whole), upstream)
                .await?
                .into_body()
                .collect()
                .await
                .map_err(io::Error::other)?;
            Err(planned())
        }
        Fate::Slow(pause) => {
            let request = request.map(|body| slowed(body, pause));
            Ok(forward(request, upstream).await?.map(|body| slowed(body, pause)))
        }
    }
}

async fn forward(request: Request<Body>, upstream: SocketAddr) -> io::Result<Response<Incoming>> {
    let stream = TcpStream::connect(upstream).await?;
    stream.set_nodelay(true)?;
    let (mut sender, connection) =
        client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    // It ends with its one exchange.
    tokio::spawn(connection);
    sender.send_request(request).await.map_err(io::Error::other)
}

fn whole(body: Incoming) -> Body {
    body.map_err(io::Error::other).boxed_unsync()
}

fn has_body(request: &Request<Incoming>) -> bool {
    hyper::body::Body::size_hint(request.body()).exact() != Some(0)
}

fn slow_down() -> Response<Body> {
    let body = Full::new(Bytes::from_static(SLOW_DOWN.as_bytes())).map_err(|never| match never {});
    let mut response = Response::new(body.boxed_unsync());
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/xml"));
    response
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::AcqRel);
}

// === impl State ===

impl State {
    fn fate(&self) -> Fate {
        let weather = *self.weather.lock().unwrap_or_else(PoisonError::into_inner);
        let mut rng = self.rng.lock().unwrap_or_else(PoisonError::into_inner);
        let drawn = rng.f64();
        let (slow_down, reset) = (weather.slow_down, weather.slow_down + weather.reset);
        let (fate, counter) = if drawn < slow_down {
            (Fate::SlowDown, &self.counts.slowed_down)
        } else if drawn < reset {
            let when = [Fate::ResetBefore, Fate::ResetWithin, Fate::ResetAfter];
            (when[rng.usize(..when.len())], &self.counts.resets)
        } else if drawn < reset + weather.slow {
            (Fate::Slow(Duration::from_millis(rng.u64(1..LONGEST_PAUSE_MS))), &self.counts.slow)
        } else {
            return Fate::Pass;
        };
        count(counter);
        fate
    }
}
