//! What every request of a read has in common, secrets resolved.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use reqwest::Url;
use rfe_model::letter::Stage;
use serde_json::Value as Json;

use super::{
    auth::{Credentials, secret_value},
    config::{Config, interval, query_text},
};
use crate::{ReadContext, ReadError, config::resolved, error::code, http::Request};

/// The requests of a read.
pub(super) struct Plan {
    request: Request,
    /// The least time from one request to the next.
    pub(super) interval: Option<Duration>,
}

// Resolved secrets are in it.
impl std::fmt::Debug for Plan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plan").field("label", &self.request.label).finish_non_exhaustive()
    }
}

impl Plan {
    /// Resolves the references of a config.
    pub(super) fn new(config: &Config, context: &ReadContext) -> Result<Self, ReadError> {
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
        query.extend(credentials.query);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let body = config.body.as_ref().map(|body| body_bytes(body, &mut headers, &resolve)).transpose()?;
        let method = config.method().map_err(|reason| bad("method", &reason))?;
        let interval =
            config.rate.as_deref().map(interval).transpose().map_err(|reason| bad("rate", &reason))?;
        Ok(Self { request: Request { method, url, headers, body, label }, interval })
    }

    /// The request of a page.
    pub(super) fn page(&self, query: &[(String, String)]) -> Request {
        let mut request = self.request.clone();
        if !query.is_empty() {
            request.url.query_pairs_mut().extend_pairs(query);
        }
        request
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
fn label(written: &str, url: &Url) -> String {
    if written.contains("${") {
        return written.split('?').next().unwrap_or(written).to_owned();
    }
    let port = url.port().map_or(String::new(), |port| format!(":{port}"));
    format!("{}://{}{port}{}", url.scheme(), url.host_str().unwrap_or_default(), url.path())
}

fn bad(field: &str, reason: &str) -> ReadError {
    ReadError::permanent(Stage::Read, code::BAD_CONFIG, format!("config.{field}: {reason}"))
}
