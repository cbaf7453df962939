//! The config of a REST source.

use std::{collections::BTreeMap, time::Duration};

use http::{HeaderName, Method};
use rfe_model::{SourceSpec, Violation, duration, secret, source::Mode};
use serde::Deserialize;
use serde_json::Value as Json;

use super::{auth::AuthConfig, incremental::IncrementalConfig, pagination::PaginationConfig};
use crate::{
    config::{Wrong, decode},
    json_pointer,
};

/// The keys below `config`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
    pub(super) url: String,
    pub(super) method: Option<String>,
    #[serde(default)]
    pub(super) query: BTreeMap<String, Json>,
    #[serde(default)]
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: Option<Json>,
    pub(super) records: Option<String>,
    pub(super) pagination: Option<PaginationConfig>,
    pub(super) auth: Option<AuthConfig>,
    pub(super) rate: Option<String>,
    #[serde(default, with = "duration::text")]
    pub(super) timeout: Option<Duration>,
    pub(super) max_pages: Option<u64>,
    pub(super) incremental: Option<IncrementalConfig>,
}

impl Config {
    /// Decodes it.
    pub(super) fn read(spec: &SourceSpec) -> Result<Self, Violation> {
        decode(spec)
    }

    /// Checks what decoding does not.
    pub(super) fn check(&self, mode: Mode, wrong: &mut Wrong) {
        wrong.check("config.url", check_url(&self.url));
        wrong.check("config.method", self.method().map(|_| ()));
        for (name, value) in &self.query {
            wrong.check(
                &format!("config.query.{name}"),
                query_text(value).and_then(|text| secret::check(&text)),
            );
        }
        for (name, value) in &self.headers {
            let path = format!("config.headers.{name}");
            wrong.check(
                &path,
                HeaderName::try_from(name)
                    .map(|_| ())
                    .map_err(|_| format!("`{name}` is no name of a header")),
            );
            wrong.check(&path, secret::check(value));
        }
        if let Some(body) = &self.body {
            wrong.check("config.body", check_texts(body));
        }
        if let Some(records) = &self.records {
            wrong.check("config.records", json_pointer::check(records));
        }
        if let Some(rate) = &self.rate {
            wrong.check("config.rate", interval(rate).map(|_| ()));
        }
        if self.timeout == Some(Duration::ZERO) {
            wrong.add("config.timeout", "is no time at all; write it like `30s`");
        }
        if self.max_pages == Some(0) {
            wrong.add("config.max_pages", "0 pages read nothing; at least 1");
        }
        self.check_mode(mode, wrong);
        if let Some(auth) = &self.auth {
            auth.check(wrong);
        }
        if let Some(pagination) = &self.pagination {
            pagination.check(wrong);
        }
    }

    // Whole reads replace or add; what is new adds, or merges.
    fn check_mode(&self, mode: Mode, wrong: &mut Wrong) {
        match (mode, &self.incremental) {
            (Mode::Incremental, None) => wrong.add(
                "config.incremental",
                "is missing; mode incremental needs it, such as `incremental: {field: updated_at, param: since}`",
            ),
            (Mode::Replace | Mode::Append, Some(_)) => {
                wrong.add("config.incremental", "reads only what is new; the mode is incremental or merge then");
            }
            (_, Some(incremental)) => incremental.check(wrong),
            (_, None) => {}
        }
    }

    /// The least time from one request to the next.
    pub(super) fn interval(&self) -> Result<Option<Duration>, String> {
        self.rate.as_deref().map(interval).transpose()
    }

    /// The method; a body makes it POST.
    pub(super) fn method(&self) -> Result<Method, String> {
        match self.method.as_deref().map(str::to_ascii_uppercase).as_deref() {
            None if self.body.is_some() => Ok(Method::POST),
            None | Some("GET") => Ok(Method::GET),
            Some("POST") => Ok(Method::POST),
            Some(other) => Err(format!("`{other}` is not sent to read; GET and POST are")),
        }
    }
}

/// Checks a URL that may hold references.
pub(super) fn check_url(url: &str) -> Result<(), String> {
    secret::check(url)?;
    if url.contains("${") {
        return Ok(());
    }
    let parsed = reqwest::Url::parse(url).map_err(|error| format!("`{url}` is no URL: {error}"))?;
    match parsed.scheme() {
        "http" | "https" => Ok(()),
        other => Err(format!("`{other}://` is not read; http and https are")),
    }
}

/// A parameter's text.
pub(super) fn query_text(value: &Json) -> Result<String, String> {
    match value {
        Json::String(text) => Ok(text.clone()),
        Json::Number(_) | Json::Bool(_) => Ok(value.to_string()),
        _ => Err(format!("`{value}` is no text, number or boolean")),
    }
}

fn check_texts(value: &Json) -> Result<(), String> {
    match value {
        Json::String(text) => secret::check(text),
        Json::Array(items) => items.iter().try_for_each(check_texts),
        Json::Object(fields) => fields.values().try_for_each(check_texts),
        _ => Ok(()),
    }
}

/// The time between two requests, from `10/s`, `100/m` or `1000/h`.
fn interval(rate: &str) -> Result<Duration, String> {
    let wrong = || format!("`{rate}` is no rate: write it like `10/s`, `100/m` or `1000/h`");
    let (count, unit) = rate.split_once('/').ok_or_else(wrong)?;
    let count: f64 = count.trim().parse().map_err(|_| wrong())?;
    let seconds = match unit.trim() {
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return Err(wrong()),
    };
    if !(count.is_finite() && count > 0.0) {
        return Err(wrong());
    }
    Duration::try_from_secs_f64(seconds / count).map_err(|_| wrong())
}
