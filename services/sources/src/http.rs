//! Requests to servers that users name: only public addresses, or those that the operator allows.

mod guard;
mod names;
mod pace;
mod retry_after;
mod stream;

use std::{error::Error as _, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, header};
use reqwest::Url;
use rfe_model::letter::Stage;

use crate::{ReadError, error::code};
use guard::{Blocked, Guard};
pub(crate) use names::Resolver;
use names::{Names, SystemNames};
pub(crate) use pace::Pace;
pub(crate) use stream::Body;

const MAX_REDIRECTS: usize = 5;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// No body is larger once it is decompressed.
pub(crate) const MAX_BODY: usize = 64 << 20;

/// A request, ready to be sent.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Option<Bytes>,
    /// How messages name it: no query, no secret.
    pub(crate) label: String,
}

/// An answer, whatever its status.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    /// Where it came from in the end, redirects followed.
    pub(crate) url: Url,
    pub(crate) status: StatusCode,
    pub(crate) content_type: String,
    /// What `Retry-After` asks for.
    pub(crate) retry_after: Option<Duration>,
    /// The values of its `Link` headers.
    pub(crate) links: Vec<String>,
    pub(crate) body: Bytes,
}

/// Sends requests.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    inner: reqwest::Client,
    guard: Arc<Guard>,
    pace: Option<Arc<Pace>>,
}

/// A resolver for clients of other crates, which reach private hosts only if `allowed` names them.
pub(crate) fn resolver(allowed: &[String]) -> Resolver {
    Resolver::new(Arc::new(Guard::new(allowed)), Arc::new(SystemNames))
}

impl Client {
    /// A client that reaches private hosts only if `allowed` names them.
    pub(crate) fn new(allowed: &[String], timeout: Duration) -> Result<Self, ReadError> {
        Self::with_names(allowed, timeout, Arc::new(SystemNames))
    }

    fn with_names(allowed: &[String], timeout: Duration, names: Arc<dyn Names>) -> Result<Self, ReadError> {
        let guard = Arc::new(Guard::new(allowed));
        Self::built(builder(&guard, names).timeout(timeout), guard)
    }

    fn built(builder: reqwest::ClientBuilder, guard: Arc<Guard>) -> Result<Self, ReadError> {
        let inner = builder.build().map_err(|error| {
            ReadError::permanent(Stage::Read, code::CONNECT_FAILED, format!("no HTTP client: {error}"))
        })?;
        Ok(Self { inner, guard, pace: None })
    }

    /// The client, with every request waiting for its turn; redirects are requests.
    #[must_use]
    pub(crate) fn paced(self, pace: Option<Arc<Pace>>) -> Self {
        Self { pace, ..self }
    }

    /// Sends it and follows redirects, each of them checked. The answer's body is read whole.
    pub(crate) async fn send(&self, request: &Request) -> Result<Answer, ReadError> {
        let (url, response) = self.follow(request).await?;
        read(url, &request.label, response).await
    }

    async fn follow(&self, request: &Request) -> Result<(Url, reqwest::Response), ReadError> {
        let mut hop = request.clone();
        for _ in 0..=MAX_REDIRECTS {
            self.guard.check(&hop.url).map_err(|blocked| not_allowed(&request.label, &blocked))?;
            let mut builder =
                self.inner.request(hop.method.clone(), hop.url.clone()).headers(hop.headers.clone());
            if let Some(body) = &hop.body {
                builder = builder.body(body.clone());
            }
            if let Some(pace) = &self.pace {
                pace.turn().await;
            }
            let response = builder.send().await.map_err(|error| failed(&request.label, error))?;
            match redirected(&hop, &response)? {
                Some(next) => hop = next,
                None => return Ok((hop.url, response)),
            }
        }
        let message = format!("`{}` redirects more than {MAX_REDIRECTS} times", request.label);
        Err(ReadError::permanent(Stage::Read, code::BAD_REDIRECT, message))
    }
}

fn builder(guard: &Arc<Guard>, names: Arc<dyn Names>) -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT_TIMEOUT)
        .user_agent(concat!("rfe/", env!("CARGO_PKG_VERSION")))
        .dns_resolver(Resolver::new(Arc::clone(guard), names))
}

fn redirected(hop: &Request, response: &reqwest::Response) -> Result<Option<Request>, ReadError> {
    let status = response.status();
    if !matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let location = response.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
    let url = location.and_then(|location| hop.url.join(location).ok()).ok_or_else(|| {
        let message = format!("`{}` redirects ({status}) to no URL", hop.label);
        ReadError::permanent(Stage::Read, code::BAD_REDIRECT, message)
    })?;
    let mut next = Request { url, ..hop.clone() };
    if next.url.origin() != hop.url.origin() {
        // Credentials are for the server that they were given for.
        next.headers = HeaderMap::new();
        if let Some(accept) = hop.headers.get(header::ACCEPT) {
            next.headers.insert(header::ACCEPT, accept.clone());
        }
    }
    let keeps_method =
        matches!(status.as_u16(), 307 | 308) || matches!(hop.method, Method::GET | Method::HEAD);
    if !keeps_method {
        next.method = Method::GET;
        next.body = None;
        next.headers.remove(header::CONTENT_TYPE);
    }
    if next.body.is_some() && next.url.origin() != hop.url.origin() {
        let message = format!("`{}` redirects ({status}) what is posted to another server", hop.label);
        return Err(ReadError::permanent(Stage::Read, code::BAD_REDIRECT, message));
    }
    Ok(Some(next))
}

async fn read(url: Url, label: &str, mut response: reqwest::Response) -> Result<Answer, ReadError> {
    let text = |name: header::HeaderName| {
        response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
    };
    let content_type = text(header::CONTENT_TYPE);
    let retry_after = retry_after::parse(&text(header::RETRY_AFTER), jiff::Timestamp::now());
    let links = response.headers().get_all(header::LINK).iter();
    let links = links.filter_map(|value| value.to_str().ok()).map(str::to_owned).collect();
    let status = response.status();
    // What the client unpacks, it takes out of the headers.
    let encoding = text(header::CONTENT_ENCODING);
    if status.is_success() && !encoding.is_empty() && !encoding.eq_ignore_ascii_case("identity") {
        let message = format!("`{label}` answers in the encoding `{encoding}`; gzip is read");
        return Err(ReadError::permanent(Stage::Read, code::BAD_ENCODING, message));
    }
    let mut body = Vec::new();
    while let Some(part) = response.chunk().await.map_err(|error| failed(label, error))? {
        if body.len() + part.len() > MAX_BODY {
            let message =
                format!("`{label}` answers with more than {} MiB; ask for smaller pages", MAX_BODY >> 20);
            return Err(ReadError::permanent(Stage::Read, code::PAGE_TOO_LARGE, message));
        }
        body.extend_from_slice(&part);
    }
    Ok(Answer { url, status, content_type, retry_after, links, body: body.into() })
}

fn not_allowed(label: &str, blocked: &Blocked) -> ReadError {
    ReadError::permanent(Stage::Read, code::HOST_NOT_ALLOWED, format!("`{label}`: {blocked}"))
}

// The error's own text may hold the URL, and with it a secret.
fn failed(label: &str, error: reqwest::Error) -> ReadError {
    let error = error.without_url();
    let mut cause = error.source();
    let mut reason = error.to_string();
    while let Some(inner) = cause {
        if let Some(blocked) = inner.downcast_ref::<Blocked>() {
            return not_allowed(label, blocked);
        }
        reason = inner.to_string();
        cause = inner.source();
    }
    if error.is_timeout() {
        return ReadError::transient(code::TIMEOUT, format!("`{label}` did not answer in time"));
    }
    if error.is_builder() {
        return ReadError::permanent(
            Stage::Read,
            code::BAD_URL,
            format!("`{label}` can't be asked: {reason}"),
        );
    }
    ReadError::transient(code::CONNECT_FAILED, format!("`{label}` can't be reached or broke off: {reason}"))
}

#[cfg(test)]
mod tests;
