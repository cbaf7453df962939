//! A server that notes what arrives and answers as it is told, in a runtime of its own, so that it can be killed.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use futures::stream;
use http::{HeaderMap, HeaderValue, Request, Response, request::Parts};
use http_body::Frame;
use http_body_util::StreamBody;
use rfe_mesh::{
    MeshChannel, Shutdown,
    channel::Dial,
    retry,
    server::{self, Received},
    status_from_fault,
};
use rfe_model::{ErrorCode, Fault, fault::reason};
use rfe_proto::ingest::{
    GetJobRequest, GetJobResponse, SubmitJobRequest, SubmitJobResponse,
    ingest_service_client::IngestServiceClient,
};
use tokio::runtime::Runtime;
use tonic::{Status, body::Body};

/// How a call is answered.
#[derive(Debug, Clone, Copy)]
pub enum Act {
    /// With an empty message.
    Answer,
    /// With an empty message, after a while.
    Slowly(Duration),
    /// With UNAVAILABLE.
    Unavailable,
    /// With what a process says that takes no calls yet.
    NotYet,
    /// With what a process says that runs as many calls as it may.
    Overloaded,
}

/// The server.
#[derive(Debug)]
pub struct Stub {
    pub address: SocketAddr,
    seen: Arc<Mutex<Vec<Parts>>>,
    shutdown: Shutdown,
    runtime: Option<Runtime>,
}

impl Stub {
    /// Starts one on a free port of loopback.
    pub fn start(act: Act) -> Self {
        Self::start_at("127.0.0.1:0".parse().expect("an address"), act)
    }

    /// Starts one at an address.
    pub fn start_at(address: SocketAddr, act: Act) -> Self {
        Self::start_with(address, act, None)
    }

    /// Starts one with TLS.
    pub fn start_with(address: SocketAddr, act: Act, tls: Option<rfe_mesh::tls::ServerTls>) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let seen: Arc<Mutex<Vec<Parts>>> = Arc::default();
        let shutdown = Shutdown::new();
        let listener = runtime
            .block_on_elsewhere(async move { tokio::net::TcpListener::bind(address).await.expect("a port") });
        let address = listener.local_addr().expect("its address");
        let noted = seen.clone();
        let service = tower::service_fn(move |request: Request<Received>| {
            let noted = noted.clone();
            async move {
                noted.lock().unwrap_or_else(PoisonError::into_inner).push(request.into_parts().0);
                Ok::<_, Infallible>(answer(act).await)
            }
        });
        let _within = runtime.enter();
        server::spawn(listener, service, tls, &shutdown);
        Self { address, seen, shutdown, runtime: Some(runtime) }
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How many calls arrived.
    pub fn calls(&self) -> usize {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// The headers of the last call.
    pub fn last(&self) -> HeaderMap {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.last().expect("a call arrived").headers.clone()
    }

    /// Stops taking calls and answers those that run.
    pub async fn drain(&self) -> bool {
        self.shutdown.begin();
        self.shutdown.drained(Duration::from_secs(20)).await
    }

    /// Ends it at once, with its connections.
    pub fn kill(mut self) {
        self.end();
    }

    fn end(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Drop for Stub {
    fn drop(&mut self) {
        self.end();
    }
}

// Tests run within a runtime, where no other one may block.
trait BlockElsewhere {
    fn block_on_elsewhere<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> T;
}

impl BlockElsewhere for Runtime {
    fn block_on_elsewhere<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> T {
        let handle = self.handle().clone();
        std::thread::spawn(move || handle.block_on(work)).join().expect("the work")
    }
}

async fn answer(act: Act) -> Response<Body> {
    match act {
        Act::Answer => {}
        Act::Slowly(time) => tokio::time::sleep(time).await,
        Act::Unavailable => return Status::unavailable("not now").into_http(),
        Act::NotYet => {
            let fault = Fault::new(ErrorCode::Unavailable, reason::BACKEND_UNAVAILABLE, "not yet");
            return status_from_fault(retry::not_begun(fault)).into_http();
        }
        Act::Overloaded => {
            let fault = Fault::new(ErrorCode::ResourceExhausted, reason::OVERLOADED, "too many");
            return status_from_fault(fault).into_http();
        }
    }
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    let frames = [Frame::data(Bytes::from_static(&[0; 5])), Frame::trailers(trailers)];
    let mut response = Response::new(Body::new(StreamBody::new(stream::iter(frames.map(Ok::<_, Status>)))));
    response.headers_mut().insert("content-type", HeaderValue::from_static("application/grpc"));
    response
}

/// A channel to some URLs.
pub fn channel(urls: &str) -> MeshChannel {
    MeshChannel::remote(urls, &Dial::default()).expect("a channel")
}

/// A call that may be repeated.
pub async fn get(channel: &MeshChannel) -> Result<GetJobResponse, Status> {
    let call = IngestServiceClient::new(channel.clone()).get_job(GetJobRequest::default()).await?;
    Ok(call.into_inner())
}

/// A call that must not be.
pub async fn submit(channel: &MeshChannel) -> Result<SubmitJobResponse, Status> {
    let call = IngestServiceClient::new(channel.clone()).submit_job(SubmitJobRequest::default()).await?;
    Ok(call.into_inner())
}

/// Waits until something is so.
pub async fn until(what: &str, mut so: impl AsyncFnMut() -> bool) {
    let within = async {
        while !so().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), within).await.unwrap_or_else(|_| panic!("never: {what}"));
}
