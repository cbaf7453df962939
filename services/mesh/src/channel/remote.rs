//! A way to the replicas of a role in other processes.

use std::{
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use http::{HeaderValue, Request, Response, header::AUTHORIZATION};
use rfe_model::fault::reason;
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::{Code, Status, body::Body};

use super::{
    ChannelError, Dial, answer,
    failure::Failure,
    keeper::Keeper,
    method::{self, Method},
    payload::Payload,
    replicas::{Replica, Replicas},
    stamp::{Limit, exceeded, renew, stamp},
    target::Target,
    unreachable,
};
use crate::{
    fault_from_status,
    retry::{self, Budget, MAX_TRIES},
    tls::ClientTls,
};

// How long a call waits for a replica while none is connected: the restart of a role that has only one.
const PATIENCE: Duration = Duration::from_secs(5);
// Who asks whether a role is well wants the answer now.
const HEALTH: &str = "/grpc.health.v1.";
// A call that was surely not done goes on to the next replica; not forever, should one refuse everything.
const MAX_REFUSALS: u32 = 16;

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
        let replicas = Arc::new(Replicas::new());
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
        let mut course = Course::new(self, &path, payload.is_kept());
        loop {
            let replica = course.pick().await?;
            let Some(body) = payload.body() else { return Err(course.last()) };
            let mut request = Request::from_parts(head.clone(), body);
            if let Some(limit) = limit {
                renew(request.headers_mut(), limit);
            }
            match send(&replica, request).await {
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
                }
                Err(Failure::Leaving) => {
                    self.replicas.leave(replica.id, "it is leaving");
                    course.refused(&replica)?;
                }
                Err(Failure::Refused) => course.refused(&replica)?,
                Err(Failure::Broken(status)) => {
                    if !course.again(&replica, Refusal { status, begun: true }).await {
                        return Err(course.last());
                    }
                }
            }
        }
    }
}

/// One call's way from replica to replica.
struct Course<'a> {
    channel: &'a Inner,
    kept: bool,
    idempotent: bool,
    patience: Duration,
    tries: u32,
    refusals: u32,
    avoid: Vec<u64>,
    last: Option<Status>,
}

impl<'a> Course<'a> {
    fn new(channel: &'a Inner, path: &str, kept: bool) -> Self {
        channel.budget.earn();
        Self {
            channel,
            kept,
            idempotent: retry::is_idempotent(path),
            patience: if path.starts_with(HEALTH) { Duration::ZERO } else { PATIENCE },
            tries: 1,
            refusals: 0,
            avoid: Vec::new(),
            last: None,
        }
    }

    async fn pick(&self) -> Result<Replica, Status> {
        // A new channel is given the time to connect at all.
        let wait = self.patience.max(Duration::from_secs(1));
        let picked = self.channel.replicas.pick(&self.avoid, Instant::now() + wait, self.patience);
        picked.await.map_err(|reason| self.last.clone().unwrap_or_else(|| unreachable(&reason)))
    }

    /// True if the call may be made again, after a pause.
    async fn again(&mut self, replica: &Replica, refusal: Refusal) -> bool {
        self.last = Some(refusal.status);
        self.avoid.push(replica.id);
        let safe = self.kept && (self.idempotent || !refusal.begun);
        if !safe || self.tries >= MAX_TRIES || !self.channel.budget.spend() {
            return false;
        }
        tokio::time::sleep(retry::pause(self.tries)).await;
        self.tries += 1;
        true
    }

    /// Notes that a replica surely did not do the call.
    fn refused(&mut self, replica: &Replica) -> Result<(), Status> {
        self.refusals += 1;
        self.avoid.push(replica.id);
        self.last = Some(unreachable(&format!("{} at {} takes no calls", replica.target, replica.address)));
        if self.refusals >= MAX_REFUSALS { Err(self.last()) } else { Ok(()) }
    }

    fn last(&self) -> Status {
        self.last.clone().unwrap_or_else(|| unreachable("the request was not sent"))
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

/// An answer that says that nothing could be done now.
struct Refusal {
    status: Status,
    /// Whether something may have been done all the same.
    begun: bool,
}

impl Refusal {
    fn of<B>(response: &Response<B>) -> Option<Self> {
        let Some(status) = Status::from_header_map(response.headers()) else {
            // What stands between may say it by HTTP.
            let code = response.status();
            let status = || unreachable(&format!("the answer is HTTP {code}"));
            return matches!(code.as_u16(), 502..=504).then(|| Self { status: status(), begun: true });
        };
        match status.code() {
            Code::Unavailable => Some(Self { status, begun: true }),
            Code::ResourceExhausted if fault_from_status(&status).reason == reason::OVERLOADED => {
                Some(Self { status, begun: false })
            }
            _ => None,
        }
    }
}

fn bearer(token: &str) -> Result<HeaderValue, ChannelError> {
    let mut value = HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| ChannelError::Token)?;
    value.set_sensitive(true);
    Ok(value)
}
