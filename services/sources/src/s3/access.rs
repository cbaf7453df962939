//! `config.s3`: where a store is, and as whom it is read.

use reqwest::Url;
use rfe_lake::S3Config;
use rfe_model::secret;
use serde::Deserialize;

use crate::{
    ReadContext, ReadError,
    config::{Wrong, rejected_for, resolved},
};

/// The keys below `config.s3`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct S3Access {
    endpoint: Option<String>,
    region: Option<String>,
    access_key: Option<String>,
    secret_key: Option<String>,
    path_style: Option<bool>,
}

impl S3Access {
    /// Checks it as it is written, references and all.
    pub(crate) fn check(&self, wrong: &mut Wrong) {
        let fields = [("access_key", &self.access_key), ("secret_key", &self.secret_key)];
        for (name, value) in fields {
            let path = format!("config.s3.{name}");
            match value {
                Some(text) if text.is_empty() => wrong.add(&path, "is empty"),
                Some(text) => wrong.check(&path, secret::check(text)),
                None => {}
            }
        }
        if self.secret_key.as_ref().is_some_and(|key| !key.is_empty() && !key.contains("${")) {
            wrong.add(
                "config.s3.secret_key",
                "is written out, and would be stored so; write a reference, such as `${env:S3_SECRET_KEY}` or \
                 `${file:s3-secret}`",
            );
        }
        match (&self.access_key, &self.secret_key) {
            (Some(_), None) => wrong.add("config.s3.secret_key", "is missing; `access_key` needs it"),
            (None, Some(_)) => wrong.add("config.s3.access_key", "is missing; `secret_key` needs it"),
            _ => {}
        }
        if let Some(endpoint) = &self.endpoint {
            wrong.check("config.s3.endpoint", written(endpoint, check_endpoint));
        }
        if let Some(region) = &self.region {
            wrong.check("config.s3.region", written(region, check_region));
        }
    }

    /// What a client is made of.
    ///
    /// # Errors
    /// If a reference does not resolve, or what it stands for is no address or no region.
    pub(super) fn resolve(&self, context: &ReadContext) -> Result<S3Config, ReadError> {
        let text = |name: &str, value: &Option<String>| match value {
            Some(value) => resolved(&format!("s3.{name}"), value, &*context.secrets).map(Some),
            None => Ok(None),
        };
        let endpoint = text("endpoint", &self.endpoint)?;
        if let Some(endpoint) = &endpoint {
            check_endpoint(endpoint).map_err(|reason| rejected_for("s3.endpoint", &reason))?;
        }
        let region = text("region", &self.region)?.unwrap_or_else(|| S3Config::default().region);
        check_region(&region).map_err(|reason| rejected_for("s3.region", &reason))?;
        Ok(S3Config {
            // Amazon's own stores have the bucket in the name of the host, and hardly any other has.
            path_style: self.path_style.unwrap_or(endpoint.is_some()),
            endpoint,
            region,
            access_key: text("access_key", &self.access_key)?,
            secret_key: text("secret_key", &self.secret_key)?,
            ..S3Config::default()
        })
    }
}

// What a text with references stands for is checked when it is read.
fn written(text: &str, check: fn(&str) -> Result<(), String>) -> Result<(), String> {
    secret::check(text)?;
    if text.contains("${") { Ok(()) } else { check(text) }
}

// The text is not repeated: an address may hold a password.
fn check_endpoint(text: &str) -> Result<(), String> {
    let url =
        Url::parse(text).map_err(|error| format!("is no URL: {error}; write `https://s3.example.com`"))?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err("is no http(s):// URL of a server; write `https://s3.example.com`".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("holds a user; give `access_key` and `secret_key` instead".to_owned());
    }
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        return Err("is more than the address of a server; the bucket belongs to `location`".to_owned());
    }
    Ok(())
}

// It becomes part of a host's name.
fn check_region(text: &str) -> Result<(), String> {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if text.is_empty() || !text.chars().all(is_plain) {
        return Err(format!("`{text}` is no region; write one such as `eu-central-1`"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_the_address_of_a_server() {
        for good in ["http://127.0.0.1:9000", "https://s3.example.com", "https://s3.example.com/"] {
            assert_eq!(check_endpoint(good), Ok(()), "{good}");
        }
        for bad in [
            "minio:9000",
            "s3.example.com",
            "ftp://x.org",
            "https://u:pa55@x.org",
            "https://x.org/bucket",
            "https://x.org?a=1",
        ] {
            let reason = check_endpoint(bad).expect_err(bad);
            assert!(!reason.contains("pa55"), "{reason}");
        }
    }

    #[test]
    fn a_region_can_not_become_another_host() {
        for bad in ["", "eu@evil.example", "x.evil.example/", "EU", "eu central"] {
            assert!(check_region(bad).is_err(), "{bad}");
        }
        assert_eq!(check_region("eu-central-1"), Ok(()));
    }
}
