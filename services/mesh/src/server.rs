//! One listener: HTTP/1.1 and HTTP/2, with TLS or without, with limits and drain. `axum::serve` sets no timer, so hyper's header
//! timeout would be off; here it is on.

mod connection;
mod port;
mod received;
mod talk;

use std::{convert::Infallible, sync::Arc, time::Duration};

use bytes::Bytes;
use futures::FutureExt as _;
use http_body_util::{BodyExt as _, combinators::UnsyncBoxBody};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_util::task::TaskTracker;
use tower::Service;

pub use port::GrpcPort;
pub use received::Received;

use crate::{Shutdown, tls::ServerTls};

type BoxError = Box<dyn std::error::Error + Send + Sync>;
/// A response of either kind.
pub type Answer = http::Response<UnsyncBoxBody<Bytes, BoxError>>;

const MAX_CONNECTIONS: usize = 4096;

/// What a listener serves: anything that answers HTTP requests, once for every connection.
pub trait Serve<B>:
    Service<http::Request<Received>, Response = http::Response<B>, Error = Infallible, Future: Send + 'static>
    + Clone
    + Send
    + 'static
{
}

impl<S, B> Serve<B> for S where
    S: Service<
            http::Request<Received>,
            Response = http::Response<B>,
            Error = Infallible,
            Future: Send + 'static,
        > + Clone
        + Send
        + 'static
{
}

/// Boxes the body of a response.
pub fn boxed<B>(response: http::Response<B>) -> Answer
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    response.map(|body| body.map_err(Into::into).boxed_unsync())
}

/// Serves until shutdown begins, then finishes what runs. Spawned on the shutdown, which waits for it. With `tls`, whoever speaks
/// without it is not answered.
pub fn spawn<S, B>(listener: TcpListener, service: S, tls: Option<ServerTls>, shutdown: &Shutdown)
where
    S: Serve<B>,
    B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<BoxError>,
{
    let stop = shutdown.clone();
    shutdown.spawn(async move {
        let door = Door { service, tls, stop, connections: TaskTracker::new() };
        door.serve(listener).await;
    });
}

struct Door<S> {
    service: S,
    tls: Option<ServerTls>,
    stop: Shutdown,
    connections: TaskTracker,
}

impl<S> Door<S> {
    async fn serve<B>(self, listener: TcpListener)
    where
        S: Serve<B>,
        B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<BoxError>,
    {
        let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        while let Some((stream, place)) = next(&listener, &places, &self.stop).await {
            self.open(stream, Some(place));
        }
        // Whose connection the system has accepted already would otherwise see it reset.
        while let Some(Ok((stream, _))) = listener.accept().now_or_never() {
            self.open(stream, None);
        }
        drop(listener);
        self.connections.close();
        self.connections.wait().await;
    }

    fn open<B>(&self, stream: TcpStream, place: Option<OwnedSemaphorePermit>)
    where
        S: Serve<B>,
        B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<BoxError>,
    {
        let _best_effort = stream.set_nodelay(true);
        let (service, tls, stop) = (self.service.clone(), self.tls.clone(), self.stop.clone());
        self.connections.spawn(async move {
            connection::serve(stream, service, tls, &stop).await;
            drop(place);
        });
    }
}

async fn next(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
    stop: &Shutdown,
) -> Option<(TcpStream, OwnedSemaphorePermit)> {
    loop {
        let accepted = tokio::select! {
            () = stop.begun() => return None,
            accepted = async { (places.clone().acquire_owned().await, listener.accept().await) } => accepted,
        };
        match accepted {
            (Ok(place), Ok((stream, _))) => return Some((stream, place)),
            (Err(_), _) => return None,
            (Ok(_), Err(error)) => {
                // Out of file descriptors, mostly: waiting lets connections end.
                tracing::warn!(%error, "could not accept a connection");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}
