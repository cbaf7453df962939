//! The way through the process's own routes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::{Request, Response};
use tonic::{Status, body::Body, service::Routes};
use tower::Service as _;

use super::{
    method,
    stamp::{exceeded, stamp},
};
use crate::{call::Call, layer::trace::Trace};

/// The routes of this process, known from when all its roles are built until it has drained.
#[derive(Debug, Clone, Default)]
pub struct LocalRoutes(Arc<Mutex<Option<Routes>>>);

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

    /// Makes a call, within its deadline.
    pub(super) async fn call(self, mut request: Request<Body>) -> Result<Response<Body>, Status> {
        let routes =
            self.get().ok_or_else(|| Status::unavailable("the process is starting or has drained"))?;
        let mut routes = Trace(routes);
        let method = method::of(request.uri().path());
        let limit = stamp(request.headers_mut(), method);
        let answer = Call::of(request.headers()).scope(async move {
            match routes.call(request).await {
                Ok(response) => response,
                Err(never) => match never {},
            }
        });
        match limit {
            None => Ok(answer.await),
            Some(limit) => {
                tokio::time::timeout_at(limit.until.into(), answer).await.map_err(|_| exceeded(limit))
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Routes>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
