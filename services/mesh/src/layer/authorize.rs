//! Lets a call pass if its token has the scope that the call needs, and tells the role who calls. A call that lasts ends with its token.

mod lasting;

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use http::{HeaderValue, header};
use rfe_model::{ErrorCode, Fault};
use tonic::body::Body;
use tower::Service;

use crate::{
    caller::Caller,
    channel::method::{self, Method},
    status_from_fault,
    tokens::{
        Pass, Tokens,
        rules::{self, Rule},
    },
};

const CHALLENGE: HeaderValue = HeaderValue::from_static("Bearer realm=\"rfe\"");

/// The service behind a door. Without tokens the door is open.
#[derive(Debug, Clone)]
pub struct Authorize<S> {
    inner: S,
    tokens: Option<Tokens>,
}

// === impl Authorize ===

impl<S> Authorize<S> {
    /// Stands before `inner`.
    pub fn new(inner: S) -> Self {
        Self { inner, tokens: None }
    }

    /// Guards it with these tokens.
    #[must_use]
    pub fn tokens(self, tokens: Option<Tokens>) -> Self {
        Self { tokens, ..self }
    }

    fn admit<B>(&self, request: &http::Request<B>) -> Result<(Caller, Option<Pass>), Fault> {
        match &self.tokens {
            None => Ok((Caller::within(), None)),
            Some(tokens) => admit(tokens, request),
        }
    }
}

fn admit<B>(tokens: &Tokens, request: &http::Request<B>) -> Result<(Caller, Option<Pass>), Fault> {
    let path = request.uri().path();
    let rule = rules::rule(path);
    if rule == Rule::Open {
        return Ok((Caller::granted([]), None));
    }
    let (caller, pass) = tokens.pass(request.headers())?;
    match rule {
        Rule::Open | Rule::Token => {}
        Rule::Whole(scope) => caller.may(scope, None)?,
        Rule::PerSource(scope) if caller.can_somewhere(scope) => {}
        Rule::PerSource(scope) => caller.may(scope, None)?,
    }
    // A call with one answer has a deadline.
    let lasts = method::of(path) != Method::Unary;
    Ok((caller, lasts.then_some(pass)))
}

impl<S, B> Service<http::Request<B>> for Authorize<S>
where
    S: Service<http::Request<B>, Response = http::Response<Body>>,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
{
    type Response = http::Response<Body>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: http::Request<B>) -> Self::Future {
        match self.admit(&request) {
            Ok((caller, pass)) => {
                request.extensions_mut().insert(caller);
                let call = self.inner.call(request);
                match pass {
                    None => Box::pin(call),
                    Some(pass) => Box::pin(lasting::held(call, pass)),
                }
            }
            Err(fault) => {
                let answer = refusal(fault);
                Box::pin(async move { Ok(answer) })
            }
        }
    }
}

fn refusal(fault: Fault) -> http::Response<Body> {
    let is_unknown = fault.code == ErrorCode::Unauthenticated;
    let mut answer = status_from_fault(fault).into_http();
    if is_unknown {
        answer.headers_mut().insert(header::WWW_AUTHENTICATE, CHALLENGE);
    }
    answer
}

#[cfg(test)]
mod tests {
    use std::{convert::Infallible, path::Path};

    use rfe_model::fault::reason;
    use tonic::{Code, Status};

    use super::*;
    use crate::{
        fault_from_status,
        tokens::{
            TokensError,
            file::{self, Entry},
            secret::Secret,
        },
    };

    const EVENTS: &str = "/rfe.ingest.v1.IngestService/SubmitEvents";
    const JOBS: &str = "/rfe.ingest.v1.IngestService/ListJobs";
    const APPLY: &str = "/rfe.metadata.v1.MetadataService/ApplySources";
    const COMMIT: &str = "/rfe.metadata.v1.RunService/CommitRun";
    const HEALTH: &str = "/grpc.health.v1.Health/Check";

    pub(super) fn issue(path: &Path, scope: &str) -> String {
        let secret = Secret::random().expect("random numbers");
        let scopes = vec![scope.parse().expect("a scope")];
        file::edit(path, |tokens| {
            tokens.push(Entry::new(&secret, scope.to_owned(), scopes, None));
            Ok::<_, TokensError>(())
        })
        .expect("written");
        secret.reveal().to_owned()
    }

    // What a call meets at a door; the caller that the role sees, if it passes.
    async fn knock(tokens: Option<&Tokens>, path: &str, token: Option<&str>) -> Result<Caller, Fault> {
        let role = tower::service_fn(|request: http::Request<()>| async move {
            let mut answer = http::Response::new(Body::empty());
            answer.extensions_mut().extend(request.extensions().clone());
            Ok::<_, Infallible>(answer)
        });
        let mut door = Authorize::new(role).tokens(tokens.cloned());
        let mut request = http::Request::new(());
        *request.uri_mut() = path.parse().expect("a path");
        if let Some(token) = token {
            let value = format!("Bearer {token}").parse().expect("a header");
            request.headers_mut().insert(header::AUTHORIZATION, value);
        }
        let answer = door.call(request).await.expect("never");
        if let Some(status) = Status::from_header_map(answer.headers()) {
            let is_unknown = status.code() == Code::Unauthenticated;
            assert_eq!(answer.headers().contains_key(header::WWW_AUTHENTICATE), is_unknown);
            return Err(fault_from_status(&status));
        }
        Ok(answer.extensions().get::<Caller>().cloned().expect("the role knows who calls"))
    }

    #[tokio::test]
    async fn without_tokens_anybody_may_everything() {
        assert_eq!(knock(None, APPLY, None).await.expect("open"), Caller::within());
    }

    #[tokio::test]
    async fn health_is_open_to_all_and_the_rest_to_none_without_a_token() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("tokens.toml");
        let _other = issue(&path, "admin");
        let tokens = Tokens::load(&path).expect("read");
        let nobody = knock(Some(&tokens), HEALTH, None).await.expect("open");
        assert!(!nobody.can_somewhere(crate::scope::Scope::Read));
        for path in [EVENTS, JOBS, APPLY, COMMIT, "/a/b"] {
            for token in [None, Some("x"), Some("anonymous")] {
                let fault = knock(Some(&tokens), path, token).await.expect_err(path);
                assert_eq!(
                    (fault.code, fault.reason.as_str()),
                    (ErrorCode::Unauthenticated, reason::TOKEN_INVALID)
                );
            }
        }
    }

    #[tokio::test]
    async fn a_token_passes_with_its_scope_and_not_with_another() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("tokens.toml");
        let scopes = ["admin", "read", "ingest", "read:a", "ingest:a", "admin:a"];
        let issued = scopes.map(|scope| issue(&path, scope));
        let tokens = Tokens::load(&path).expect("read");
        for (call, passes) in [
            (EVENTS, [true, false, true, false, true, true]),
            (JOBS, [true, true, false, true, false, true]),
            (APPLY, [true, false, false, false, false, false]),
            (COMMIT, [true, false, false, false, false, false]),
            ("/a/b", [true, false, false, false, false, false]),
        ] {
            for (at, token) in issued.iter().enumerate() {
                let answer = knock(Some(&tokens), call, Some(token)).await;
                assert_eq!(answer.is_ok(), passes[at], "{call} {}: {answer:?}", scopes[at]);
                if let Err(fault) = answer {
                    assert_eq!(fault.reason, reason::SCOPE_MISSING);
                    assert!(
                        fault.get("scope").is_some_and(|scope| fault.message.contains(scope)),
                        "{fault:?}"
                    );
                }
            }
        }
    }
}
