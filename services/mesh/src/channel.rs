//! Where "embedded" is decided: a generated tonic client wraps any `Service<http::Request>`, and tonic's `Routes` is one.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use tonic::{Status, body::Body, service::Routes, transport::Channel};
use tower::Service;

type Reply = Pin<Box<dyn Future<Output = Result<http::Response<Body>, Status>> + Send>>;

/// A way to a role: through the process's own routes, or to an address.
#[derive(Debug, Clone)]
pub enum MeshChannel {
    /// The routes of this process.
    Local(LocalRoutes),
    /// Another process.
    Remote(Channel),
}

/// The routes of this process, known from when all its roles are built until it has drained.
#[derive(Debug, Clone, Default)]
pub struct LocalRoutes(Arc<Mutex<Option<Routes>>>);

// === impl LocalRoutes ===

impl LocalRoutes {
    /// Makes the routes known. A second call changes nothing.
    pub fn set(&self, routes: Routes) {
        self.lock().get_or_insert(routes);
    }

    /// Forgets the routes. Roles call each other through them and so hold each other; without this they would outlive their node.
    pub fn close(&self) {
        let routes = self.lock().take();
        // Dropped only now: a role may hold the last of something that asks for the routes once more.
        drop(routes);
    }

    /// The routes, while they are known.
    pub fn get(&self) -> Option<Routes> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Routes>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl MeshChannel ===

impl MeshChannel {
    /// A channel to an address such as `http://127.0.0.1:50051`; it connects on first use and again when it must.
    ///
    /// # Errors
    /// If the text is no such address.
    pub fn remote(url: &str) -> Result<Self, tonic::transport::Error> {
        let endpoint = tonic::transport::Endpoint::from_shared(url.to_owned())?
            .connect_timeout(std::time::Duration::from_secs(5))
            .http2_keep_alive_interval(std::time::Duration::from_secs(30))
            .keep_alive_while_idle(true);
        Ok(Self::Remote(endpoint.connect_lazy()))
    }
}

impl Service<http::Request<Body>> for MeshChannel {
    type Response = http::Response<Body>;
    type Error = Status;
    type Future = Reply;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Status>> {
        match self {
            Self::Local(_) => Poll::Ready(Ok(())),
            Self::Remote(channel) => channel.poll_ready(context).map_err(unreachable),
        }
    }

    fn call(&mut self, request: http::Request<Body>) -> Reply {
        match self {
            Self::Local(routes) => {
                let routes = routes.get();
                Box::pin(async move {
                    let mut routes = routes
                        .ok_or_else(|| Status::unavailable("the process is starting or has drained"))?;
                    match routes.call(request).await {
                        Ok(response) => Ok(response),
                        Err(never) => match never {},
                    }
                })
            }
            Self::Remote(channel) => {
                let call = channel.call(request);
                Box::pin(async move { call.await.map_err(unreachable) })
            }
        }
    }
}

fn unreachable(error: tonic::transport::Error) -> Status {
    Status::from_error(Box::new(error))
}
