//! A way to the replicas of a role in other processes.

use std::sync::{Arc, OnceLock};

use http::{HeaderValue, Request, Response, header::AUTHORIZATION};
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::{Status, body::Body};

use super::{
    ChannelError, Dial, answer,
    course::{Course, Refusal},
    failure::Failure,
    keeper::Keeper,
    method::{self, Method},
    payload::Payload,
    replicas::{Replica, Replicas},
    stamp::{Limit, exceeded, renew, stamp},
    target::Target,
};
use crate::{retry::Budget, tls::ClientTls};

/// The replicas behind one or several URLs. Clones are the same.
#[derive(Debug, Clone)]
pub struct Remote(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    keeper: Keeper,
    replicas: Arc<Replicas>,
    authorization: Option<HeaderValue>,
    budget: Budget,
    running: OnceLock<DropGuard>,
}

impl Remote {
    pub(super) fn new(urls: &str, dial: &Dial) -> Result<Self, ChannelError> {
        let targets: Vec<Arc<Target>> = Target::several(urls)?.into_iter().map(Arc::new).collect();
        let tls = match &dial.tls {
            Some(files) => Some(ClientTls::load(files)?),
            None if targets.iter().any(|target| target.secure) => Some(ClientTls::load(&Default::default())?),
            None => None,
        };
        let replicas = Arc::new(Replicas::new(dial.counters.clone()));
        let resolver = dial.resolver.clone();
        let keeper = Keeper { targets, tls, resolver, replicas: replicas.clone() };
        let authorization = dial.token.as_deref().map(bearer).transpose()?;
        Ok(Self(Arc::new(Inner {
            keeper,
            replicas,
            authorization,
            budget: Budget::default(),
            running: OnceLock::new(),
        })))
    }

    /// Makes a call: within its deadline, on a replica that takes it, again where that is safe.
    pub(super) async fn call(self, mut request: Request<Body>) -> Result<Response<Body>, Status> {
        self.0.start();
        let method = method::of(request.uri().path());
        let limit = stamp(request.headers_mut(), method);
        if let Some(token) = &self.0.authorization
            && !request.headers().contains_key(AUTHORIZATION)
        {
            request.headers_mut().insert(AUTHORIZATION, token.clone());
        }
        let attempt = self.0.attempt(request, method, limit);
        match limit {
            None => attempt.await,
            Some(limit) => tokio::time::timeout_at(limit.until.into(), attempt)
                .await
                .unwrap_or_else(|_| Err(exceeded(limit))),
        }
    }
}

impl Inner {
    // Only the first call needs connections, and a runtime to hold them.
    fn start(&self) {
        self.running.get_or_init(|| {
            self.replicas.begin();
            let stop = CancellationToken::new();
            tokio::spawn(self.keeper.clone().run(stop.clone()));
            stop.drop_guard()
        });
    }

    async fn attempt(
        &self,
        request: Request<Body>,
        method: Method,
        limit: Option<Limit>,
    ) -> Result<Response<Body>, Status> {
        let (head, body) = request.into_parts();
        let path = head.uri.path().to_owned();
        let mut payload =
            if method.takes_one() { Payload::keep(body).await? } else { Payload::Once(Some(body)) };
        let mut course = Course::new(&self.replicas, &self.budget, &path, payload.is_kept());
        loop {
            let replica = course.pick().await?;
            let Some(body) = payload.body() else { return Err(course.last()) };
            let mut request = Request::from_parts(head.clone(), body);
            if let Some(limit) = limit {
                renew(request.headers_mut(), limit);
            }
            let refusal = match send(&replica, request).await {
                Ok(response) => {
                    if let Some(refusal) = Refusal::of(&response)
                        && course.again(&replica, refusal).await
                    {
                        continue;
                    }
                    let limit = limit.filter(|_| method == Method::Unary);
                    return Ok(response.map(|body| answer::wrap(body, replica, limit)));
                }
                Err(Failure::Unsent(request)) => {
                    self.replicas.leave(replica.id, "the connection ended");
                    payload.give_back(request.into_body());
                    continue;
                }
                Err(Failure::Leaving) => {
                    self.replicas.leave(replica.id, "it is leaving");
                    Refusal::absent(&replica)
                }
                Err(Failure::Refused) => Refusal::absent(&replica),
                Err(Failure::Broken(status)) => Refusal::Unknown(status),
            };
            if !course.again(&replica, refusal).await {
                return Err(course.last());
            }
        }
    }
}

async fn send(
    replica: &Replica,
    mut request: Request<Body>,
) -> Result<Response<hyper::body::Incoming>, Failure> {
    let mut uri = std::mem::take(request.uri_mut()).into_parts();
    uri.scheme = Some(replica.target.scheme());
    uri.authority = Some(replica.target.authority.clone());
    *request.uri_mut() = http::Uri::from_parts(uri)
        .map_err(|error| Failure::Broken(Status::internal(format!("the path of a call: {error}"))))?;
    let sent = replica.sender.clone().try_send_request(request).await;
    sent.map_err(|error| Failure::of(error, replica))
}

fn bearer(token: &str) -> Result<HeaderValue, ChannelError> {
    let mut value = HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| ChannelError::Token)?;
    value.set_sensitive(true);
    Ok(value)
}
