//! Tokens by OAuth client credentials (RFC 6749 §4.4).

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use reqwest::Url;
use rfe_model::letter::Stage;
use serde::Deserialize;
use serde_json::Value as Json;
use tokio::time::Instant;

use super::{
    auth::secret_value,
    fetch::{ask, busy},
    plan::label,
};
use crate::{
    ReadError,
    error::code,
    http::{Answer, Client, Request},
};

/// A token is asked for anew so long before it expires, or a tenth of its life before if that is less.
const EARLY: Duration = Duration::from_secs(30);

/// What tokens are asked for with, secrets resolved.
#[derive(Clone)]
pub(super) struct Grant {
    url: Url,
    label: String,
    id: String,
    secret: String,
    pub(super) scope: Option<String>,
    pub(super) audience: Option<String>,
}

impl Grant {
    /// `written` is the URL as the config has it, for messages.
    pub(super) fn new(written: &str, url: &str, id: String, secret: String) -> Result<Self, String> {
        let url = Url::parse(url).map_err(|error| format!("is no URL: {error}"))?;
        Ok(Self { label: label(written, &url), url, id, secret, scope: None, audience: None })
    }
}

/// How the client says who it is. RFC 6749 wants servers to take the header, but more of them take the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    Body,
    Header,
}

/// The token at hand.
pub(super) struct Tokens {
    grant: Grant,
    style: Option<Style>,
    held: Option<Held>,
}

struct Held {
    header: HeaderValue,
    until: Option<Instant>,
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
    expires_in: Option<Json>,
}

#[derive(Deserialize)]
struct Refused {
    error: String,
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokens").field("label", &self.grant.label).finish_non_exhaustive()
    }
}

impl Tokens {
    pub(super) fn new(grant: Grant) -> Self {
        Self { grant, style: None, held: None }
    }

    /// The value of `Authorization`; asks for a token if there is none that lasts.
    pub(super) async fn header(&mut self, client: &Client) -> Result<HeaderValue, ReadError> {
        if let Some(held) = &self.held
            && held.until.is_none_or(|until| Instant::now() < until)
        {
            return Ok(held.header.clone());
        }
        let held = self.ask(client).await?;
        Ok(self.held.insert(held).header.clone())
    }

    /// The API does not take the token any more.
    pub(super) fn forget(&mut self) {
        self.held = None;
    }

    async fn ask(&mut self, client: &Client) -> Result<Held, ReadError> {
        let style = self.style.unwrap_or(Style::Body);
        let asked = Instant::now();
        let mut answer = ask(client, &self.request(style)?).await?;
        if self.style.is_none() && matches!(answer.status, StatusCode::UNAUTHORIZED | StatusCode::BAD_REQUEST)
        {
            let by_header = ask(client, &self.request(Style::Header)?).await?;
            if by_header.status.is_success() {
                self.style = Some(Style::Header);
                answer = by_header;
            }
        }
        let held = self.granted(&answer, asked)?;
        self.style.get_or_insert(style);
        Ok(held)
    }

    fn request(&self, style: Style) -> Result<Request, ReadError> {
        let Grant { id, secret, .. } = &self.grant;
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        let mut form = vec![("grant_type", "client_credentials")];
        form.extend(self.grant.scope.as_deref().map(|scope| ("scope", scope)));
        form.extend(self.grant.audience.as_deref().map(|audience| ("audience", audience)));
        match style {
            Style::Body => form.extend([("client_id", id.as_str()), ("client_secret", secret.as_str())]),
            Style::Header => {
                let pair = format!("{}:{}", encoded(id), encoded(secret));
                let value = secret_value(&format!("Basic {}", STANDARD.encode(pair)))
                    .ok_or_else(|| self.refused("the client's id and secret are no text for a header"))?;
                headers.insert(header::AUTHORIZATION, value);
            }
        }
        Ok(Request {
            method: Method::POST,
            url: self.grant.url.clone(),
            headers,
            body: Some(form_text(&form).into()),
            label: self.grant.label.clone(),
        })
    }

    fn granted(&self, answer: &Answer, asked: Instant) -> Result<Held, ReadError> {
        if let Some(error) = busy(&self.grant.label, answer) {
            return Err(error);
        }
        if !answer.status.is_success() {
            // The server's own description may repeat what it was sent.
            let name = serde_json::from_slice::<Refused>(&answer.body).map(|refused| refused.error);
            let name =
                name.ok().filter(|name| is_plain(name)).map_or(String::new(), |name| format!(": {name}"));
            return Err(self.refused(&format!("answered {}{name}", answer.status)));
        }
        let granted: Granted = serde_json::from_slice(&answer.body)
            .map_err(|_| self.refused("answered with no `access_token`"))?;
        let header = secret_value(&format!("Bearer {}", granted.access_token))
            .ok_or_else(|| self.refused("answered with an `access_token` that is no text for a header"))?;
        let life = granted.expires_in.as_ref().and_then(seconds);
        Ok(Held { header, until: life.map(|life| asked + life.saturating_sub(EARLY.min(life / 10))) })
    }

    fn refused(&self, reason: &str) -> ReadError {
        let message = format!("no token for the API: `{}` {reason}", self.grant.label);
        ReadError::permanent(Stage::Read, code::AUTH_FAILED, message)
    }
}

// Some servers write it as text. Whoever lives for a century lives for ever.
fn seconds(json: &Json) -> Option<Duration> {
    let seconds = json.as_f64().or_else(|| json.as_str()?.parse().ok())?;
    Duration::try_from_secs_f64(seconds).ok().filter(|life| life.as_secs() < 3_155_760_000)
}

fn is_plain(name: &str) -> bool {
    name.len() <= 64 && name.bytes().all(|byte| byte.is_ascii_lowercase() || matches!(byte, b'_' | b'-'))
}

fn form_text(form: &[(&str, &str)]) -> String {
    let mut url = Url::parse("http://form/").expect("a URL");
    url.query_pairs_mut().extend_pairs(form);
    url.query().unwrap_or_default().to_owned()
}

fn encoded(text: &str) -> String {
    form_text(&[(text, "")]).trim_end_matches('=').to_owned()
}
