//! How requests prove who asks.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use rfe_model::secret;
use serde::Deserialize;

use super::{config::check_url, oauth::Grant};
use crate::config::Wrong;

/// The keys below `config.auth`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct AuthConfig {
    kind: String,
    /// bearer
    token: Option<String>,
    /// basic
    username: Option<String>,
    password: Option<String>,
    /// api_key: the name of a header or of a parameter, and the key.
    header: Option<String>,
    query: Option<String>,
    key: Option<String>,
    /// oauth
    token_url: Option<String>,
    client_id: Option<String>,
    client_secret: Option<String>,
    scope: Option<String>,
    audience: Option<String>,
}

/// What is added to a request.
#[derive(Default)]
pub(super) struct Credentials {
    pub(super) headers: HeaderMap,
    pub(super) query: Option<(String, String)>,
    /// What tokens are asked for with.
    pub(super) grant: Option<Grant>,
}

impl AuthConfig {
    fn fields(&self) -> [(&'static str, &Option<String>); 11] {
        [
            ("token", &self.token),
            ("username", &self.username),
            ("password", &self.password),
            ("header", &self.header),
            ("query", &self.query),
            ("key", &self.key),
            ("token_url", &self.token_url),
            ("client_id", &self.client_id),
            ("client_secret", &self.client_secret),
            ("scope", &self.scope),
            ("audience", &self.audience),
        ]
    }

    /// Checks that the kind has its keys and no others.
    pub(super) fn check(&self, wrong: &mut Wrong) {
        let (needed, allowed): (&[&str], &[&str]) = match self.kind.as_str() {
            "bearer" => (&["token"], &[]),
            "basic" => (&["username", "password"], &[]),
            "api_key" => (&["key"], &["header", "query"]),
            "oauth" => (&["token_url", "client_id", "client_secret"], &["scope", "audience"]),
            other => {
                return wrong
                    .add("config.auth.kind", format!("`{other}` is none of bearer, basic, api_key, oauth"));
            }
        };
        for (name, value) in self.fields() {
            let path = format!("config.auth.{name}");
            match value {
                None if needed.contains(&name) => {
                    wrong.add(&path, format!("is missing; auth of kind {} needs it", self.kind))
                }
                Some(_) if !needed.contains(&name) && !allowed.contains(&name) => {
                    wrong.add(&path, format!("means nothing to auth of kind {}; remove it", self.kind));
                }
                Some(text) => wrong.check(&path, secret::check(text)),
                None => {}
            }
        }
        if let Some(url) = &self.token_url {
            wrong.check("config.auth.token_url", check_url(url));
        }
        if self.kind == "api_key" && self.header.is_some() == self.query.is_some() {
            wrong.add("config.auth", "of kind api_key has one of `header` and `query`: where the key goes");
        }
    }

    /// What the kind adds to requests; `resolve` gives a field's value.
    pub(super) fn credentials<E>(
        &self,
        resolve: impl Fn(&str, &str) -> Result<String, E>,
        refuse: impl Fn(&str, &str) -> E,
    ) -> Result<Credentials, E> {
        let text = |name: &str, value: &Option<String>| {
            resolve(&format!("auth.{name}"), value.as_deref().unwrap_or_default())
        };
        let mut credentials = Credentials::default();
        match self.kind.as_str() {
            "bearer" => {
                let value = secret_value(&format!("Bearer {}", text("token", &self.token)?));
                credentials.headers.insert(
                    header::AUTHORIZATION,
                    value.ok_or_else(|| refuse("auth.token", "is no text for a header"))?,
                );
            }
            "basic" => {
                let pair =
                    format!("{}:{}", text("username", &self.username)?, text("password", &self.password)?);
                let value = secret_value(&format!("Basic {}", STANDARD.encode(pair)));
                credentials.headers.insert(
                    header::AUTHORIZATION,
                    value.ok_or_else(|| refuse("auth", "is no text for a header"))?,
                );
            }
            "oauth" => {
                let optional = |name: &str, value: &Option<String>| {
                    value.as_ref().map(|_| text(name, value)).transpose()
                };
                let written = self.token_url.as_deref().unwrap_or_default();
                let mut grant = Grant::new(
                    written,
                    &text("token_url", &self.token_url)?,
                    text("client_id", &self.client_id)?,
                    text("client_secret", &self.client_secret)?,
                )
                .map_err(|reason| refuse("auth.token_url", &reason))?;
                grant.scope = optional("scope", &self.scope)?;
                grant.audience = optional("audience", &self.audience)?;
                credentials.grant = Some(grant);
            }
            _ => {
                let key = text("key", &self.key)?;
                match (&self.header, &self.query) {
                    (Some(name), _) => {
                        let name = HeaderName::try_from(name)
                            .map_err(|_| refuse("auth.header", "is no name of a header"))?;
                        let value = secret_value(&key)
                            .ok_or_else(|| refuse("auth.key", "is no text for a header"))?;
                        credentials.headers.insert(name, value);
                    }
                    (None, name) => credentials.query = Some((name.clone().unwrap_or_default(), key)),
                }
            }
        }
        Ok(credentials)
    }
}

/// A header's value that is never shown.
pub(super) fn secret_value(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}
