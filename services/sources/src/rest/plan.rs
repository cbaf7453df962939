//! What every request of a read has in common, secrets resolved.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use reqwest::Url;
use rfe_model::letter::Stage;
use serde_json::Value as Json;

use super::{
    auth::{Credentials, secret_value},
    config::{Config, query_text},
    oauth::Grant,
    turn::Next,
};
use crate::{
    ReadContext, ReadError,
    config::{rejected_for as bad, resolved},
    error::code,
    http::Request,
};

/// The requests of a read.
pub(super) struct Plan {
    request: Request,
    /// A key that stands in the URL.
    key: Option<(String, String)>,
    /// What tokens are asked for with.
    pub(super) grant: Option<Grant>,
}

// Resolved secrets are in it.
impl std::fmt::Debug for Plan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plan").field("label", &self.request.label).finish_non_exhaustive()
    }
}

impl Plan {
    /// Resolves the references of a config. `bounds` are the parameters of an incremental read.
    pub(super) fn new(
        config: &Config,
        bounds: Vec<(String, String)>,
        context: &ReadContext,
    ) -> Result<Self, ReadError> {
        let secrets = &*context.secrets;
        let resolve = |field: &str, text: &str| resolved(field, text, secrets);
        let url = resolve("url", &config.url)?;
        // The parser's reason does not hold the URL, which may hold a secret.
        let mut url = Url::parse(&url).map_err(|error| bad("url", &format!("is no URL: {error}")))?;
        let label = label(&config.url, &url);
        let mut query = Vec::new();
        for (name, value) in &config.query {
            let text = query_text(value).map_err(|reason| bad(&format!("query.{name}"), &reason))?;
            query.push((name.clone(), resolve(&format!("query.{name}"), &text)?));
        }
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        for (name, value) in &config.headers {
            let field = format!("headers.{name}");
            let text = resolve(&field, value)?;
            let name = HeaderName::try_from(name).map_err(|_| bad(&field, "is no name of a header"))?;
            headers.insert(name, secret_value(&text).ok_or_else(|| bad(&field, "is no text for a header"))?);
        }
        let credentials =
            config.auth.as_ref().map_or(Ok(Credentials::default()), |auth| auth.credentials(resolve, bad))?;
        headers.extend(credentials.headers);
        query.extend(bounds);
        query.extend(credentials.query.clone());
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let body = config.body.as_ref().map(|body| body_bytes(body, &mut headers, &resolve)).transpose()?;
        let method = config.method().map_err(|reason| bad("method", &reason))?;
        let request = Request { method, url, headers, body, label };
        Ok(Self { request, key: credentials.query, grant: credentials.grant })
    }

    /// A request of a page. Another server gets neither headers nor keys, and nothing is posted to it.
    pub(super) fn request(&self, next: &Next) -> Result<Request, ReadError> {
        let mut request = self.request.clone();
        match next {
            Next::Query(pairs) if pairs.is_empty() => {}
            Next::Query(pairs) => {
                request.url.query_pairs_mut().extend_pairs(pairs);
            }
            Next::Url(url) if self.is_home(url) => {
                request.url = self.without_key(url.clone());
                if let Some((name, key)) = &self.key {
                    request.url.query_pairs_mut().append_pair(name, key);
                }
            }
            Next::Url(url) => {
                if request.body.is_some() {
                    let message = format!(
                        "`{}` names a next page on another server; nothing is posted there",
                        self.label()
                    );
                    return Err(ReadError::permanent(Stage::Read, code::BAD_URL, message));
                }
                request.url = self.without_key(url.clone());
                let accept = request.headers.remove(header::ACCEPT);
                request.headers = accept.into_iter().map(|accept| (header::ACCEPT, accept)).collect();
            }
        }
        Ok(request)
    }

    /// True if a URL is on the source's own server.
    pub(super) fn is_home(&self, url: &Url) -> bool {
        url.origin() == self.request.url.origin()
    }

    /// A URL without the key of the source: what is kept holds no secret.
    pub(super) fn without_key(&self, mut url: Url) -> Url {
        let Some((key, _)) = &self.key else { return url };
        if url.query_pairs().any(|(name, _)| name == key.as_str()) {
            let others: Vec<(String, String)> =
                url.query_pairs().into_owned().filter(|(name, _)| name != key).collect();
            url.set_query(None);
            if !others.is_empty() {
                url.query_pairs_mut().extend_pairs(others);
            }
        }
        url
    }

    /// How messages and letters name the API.
    pub(super) fn label(&self) -> &str {
        &self.request.label
    }
}

fn body_bytes(
    body: &Json,
    headers: &mut HeaderMap,
    resolve: &impl Fn(&str, &str) -> Result<String, ReadError>,
) -> Result<Bytes, ReadError> {
    if let Json::String(text) = body {
        return Ok(resolve("body", text)?.into());
    }
    headers.entry(header::CONTENT_TYPE).or_insert(HeaderValue::from_static("application/json"));
    Ok(resolved_json(body, resolve)?.to_string().into())
}

fn resolved_json(
    value: &Json,
    resolve: &impl Fn(&str, &str) -> Result<String, ReadError>,
) -> Result<Json, ReadError> {
    Ok(match value {
        Json::String(text) => Json::String(resolve("body", text)?),
        Json::Array(items) => {
            Json::Array(items.iter().map(|item| resolved_json(item, resolve)).collect::<Result<_, _>>()?)
        }
        Json::Object(fields) => {
            let resolved =
                fields.iter().map(|(key, value)| Ok((key.clone(), resolved_json(value, resolve)?)));
            Json::Object(resolved.collect::<Result<_, ReadError>>()?)
        }
        other => other.clone(),
    })
}

// A URL with references is named as it is written: what they stand for may be secret.
pub(super) fn label(written: &str, url: &Url) -> String {
    if written.contains("${") {
        return written.split('?').next().unwrap_or(written).to_owned();
    }
    let port = url.port().map_or(String::new(), |port| format!(":{port}"));
    format!("{}://{}{port}{}", url.scheme(), url.host_str().unwrap_or_default(), url.path())
}
