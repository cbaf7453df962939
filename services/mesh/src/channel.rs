//! Where "embedded" is decided: a generated tonic client wraps any `Service<http::Request>`, and tonic's `Routes` is one. The other
//! way is over the network, to any number of replicas.

mod answer;
mod connect;
mod course;
mod dialled;
mod failure;
mod keeper;
mod local;
pub(crate) mod method;
mod payload;
mod remote;
mod replicas;
mod resolve;
mod stamp;
mod target;

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use rfe_model::{ErrorCode, Fault, fault::reason};
use tonic::{Status, body::Body};
use tower::Service;

pub use dialled::Dialled;
pub use local::LocalRoutes;
pub use remote::Remote;
pub use resolve::{Resolve, SystemNames};
pub use stamp::DEFAULT_DEADLINE;

use crate::{
    status_from_fault,
    tls::{DialTls, TlsError},
};

type Reply = Pin<Box<dyn Future<Output = Result<http::Response<Body>, Status>> + Send>>;

/// A way to a role: through the process's own routes, or to other processes. Whichever it is, a call carries the time that is left
/// (30 s unless its caller says otherwise or it is a stream), a request id and the trace.
#[derive(Debug, Clone)]
pub enum MeshChannel {
    /// The routes of this process.
    Local(LocalRoutes),
    /// Other processes.
    Remote(Remote),
}

/// How other processes are called.
#[derive(Clone)]
pub struct Dial {
    /// Files for `https` URLs; without them the system's authorities are trusted.
    pub tls: Option<DialTls>,
    /// The token that every call shows.
    pub token: Option<String>,
    /// What host names mean.
    pub resolver: Arc<dyn Resolve>,
    /// Where calls and connections are counted.
    pub counters: Dialled,
}

impl Default for Dial {
    fn default() -> Self {
        Self { tls: None, token: None, resolver: Arc::new(SystemNames), counters: Dialled::default() }
    }
}

impl fmt::Debug for Dial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let token = self.token.as_ref().map(|_| "…");
        f.debug_struct("Dial").field("tls", &self.tls).field("token", &token).finish_non_exhaustive()
    }
}

/// Why there is no channel.
#[derive(Debug, thiserror::Error)]
pub enum ChannelError {
    /// A URL is none that a role can have.
    #[error("`{url}` is no URL of a role: {reason}")]
    Url {
        /// The URL.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The token holds characters that no header can.
    #[error("the token holds characters that can't be sent")]
    Token,
    /// The files for TLS are of no use.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

impl MeshChannel {
    /// A channel to the replicas of a role: `urls` is one URL such as `http://ingest:50051` or several by comma, with `http` or `https`.
    /// Names are resolved again every few seconds, and calls go to all of their addresses. It connects on first use.
    ///
    /// # Errors
    /// If a text is no such URL, or the files for TLS are of no use.
    pub fn remote(urls: &str, dial: &Dial) -> Result<Self, ChannelError> {
        Remote::new(urls, dial).map(Self::Remote)
    }
}

impl Service<http::Request<Body>> for MeshChannel {
    type Response = http::Response<Body>;
    type Error = Status;
    type Future = Reply;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Status>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Reply {
        match self {
            Self::Local(routes) => Box::pin(routes.clone().call(request)),
            Self::Remote(remote) => Box::pin(remote.clone().call(request)),
        }
    }
}

fn unreachable(reason: &str) -> Status {
    status_from_fault(Fault::new(ErrorCode::Unavailable, reason::BACKEND_UNAVAILABLE, reason))
}
