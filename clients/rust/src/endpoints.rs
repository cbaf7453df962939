//! Where the services are.

use crate::{Error, Result, Tls};

/// The address of all services where nothing else is said.
pub const DEFAULT_URL: &str = "http://127.0.0.1:50051";

/// The addresses of the services, the token they want, and how `https://` ones are spoken to.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoints {
    /// Jobs and events.
    pub ingest: String,
    /// Sources, runs, datasets.
    pub metadata: String,
    /// Schedules.
    pub scheduler: String,
    /// Dead letters.
    pub dlq: String,
    /// SQL.
    pub query: String,
    /// Sent as `authorization: Bearer`.
    pub token: Option<String>,
    /// For `https://` addresses.
    pub tls: Tls,
}

impl Default for Endpoints {
    fn default() -> Self {
        Self::single(DEFAULT_URL)
    }
}

impl std::fmt::Debug for Endpoints {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Endpoints")
            .field("ingest", &self.ingest)
            .field("metadata", &self.metadata)
            .field("scheduler", &self.scheduler)
            .field("dlq", &self.dlq)
            .field("query", &self.query)
            .field("token", &self.token.as_ref().map(|_| "…"))
            .field("tls", &self.tls)
            .finish()
    }
}

impl Endpoints {
    /// All services at one address.
    pub fn single(url: impl Into<String>) -> Self {
        let url = url.into();
        Self {
            ingest: url.clone(),
            metadata: url.clone(),
            scheduler: url.clone(),
            dlq: url.clone(),
            query: url,
            token: None,
            tls: Tls::default(),
        }
    }

    /// As the environment says: `RFE_URL` for all, `RFE_METADATA_URL`, `RFE_SCHEDULER_URL`, `RFE_DLQ_URL` and `RFE_QUERY_URL` for one
    /// each, `RFE_TOKEN`, and for `https://` addresses `RFE_TLS_CA`, `RFE_TLS_CLIENT_CERT` and `RFE_TLS_CLIENT_KEY`. A variable that is
    /// empty counts as unset.
    pub fn from_env() -> Self {
        Self::from_lookup(None, |name| std::env::var(name).ok())
    }

    /// As [`Self::from_env`], with `url` in place of `RFE_URL`.
    pub fn from_env_with_url(url: &str) -> Self {
        Self::from_lookup(Some(url), |name| std::env::var(name).ok())
    }

    /// As [`Self::from_env`], with the variables looked up elsewhere.
    pub fn from_lookup(url: Option<&str>, lookup: impl Fn(&str) -> Option<String>) -> Self {
        let get = |name: &str| lookup(name).filter(|value| !value.trim().is_empty());
        let all = url.map(str::to_owned).or_else(|| get("RFE_URL")).unwrap_or_else(|| DEFAULT_URL.to_owned());
        let one = |name: &str| get(name).unwrap_or_else(|| all.clone());
        Self {
            metadata: one("RFE_METADATA_URL"),
            scheduler: one("RFE_SCHEDULER_URL"),
            dlq: one("RFE_DLQ_URL"),
            query: one("RFE_QUERY_URL"),
            token: get("RFE_TOKEN"),
            tls: Tls {
                ca: get("RFE_TLS_CA").map(Into::into),
                certificate: get("RFE_TLS_CLIENT_CERT").map(Into::into),
                key: get("RFE_TLS_CLIENT_KEY").map(Into::into),
            },
            ingest: all,
        }
    }
}

/// Checks an address and gives it the scheme that it may lack.
///
/// # Errors
/// If it is none.
pub fn check_url(url: &str) -> Result<String> {
    let wrong = |reason: &str| Error::Address { url: url.to_owned(), reason: reason.to_owned() };
    let trimmed = url.trim().trim_end_matches('/');
    let full = if trimmed.contains("://") { trimmed.to_owned() } else { format!("http://{trimmed}") };
    let rest = full.strip_prefix("http://").or_else(|| full.strip_prefix("https://"));
    let rest = rest.ok_or_else(|| wrong("write it like http://127.0.0.1:50051"))?;
    // `http://` alone has lost its slashes above.
    if rest.is_empty() || rest.ends_with(':') || rest.contains(['/', '?', '#', ' ']) {
        return Err(wrong("write it like http://127.0.0.1:50051"));
    }
    Ok(full)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(url: Option<&str>, values: &[(&str, &str)]) -> Endpoints {
        Endpoints::from_lookup(url, |name| {
            values.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn one_address_is_that_of_all_services_unless_one_is_overridden() {
        assert_eq!(read(None, &[]), Endpoints::single(DEFAULT_URL));
        let some =
            read(None, &[("RFE_URL", "http://a:1"), ("RFE_QUERY_URL", "http://q:2"), ("RFE_DLQ_URL", "")]);
        assert_eq!(some, Endpoints { query: "http://q:2".to_owned(), ..Endpoints::single("http://a:1") });
        let flag = read(Some("http://b:1"), &[("RFE_URL", "http://a:1"), ("RFE_METADATA_URL", "http://m:2")]);
        assert_eq!((flag.ingest.as_str(), flag.metadata.as_str()), ("http://b:1", "http://m:2"));
    }

    #[test]
    fn files_of_tls_come_from_the_environment() {
        let tls = read(None, &[("RFE_TLS_CA", "/ca.pem"), ("RFE_TLS_CLIENT_CERT", "")]).tls;
        assert_eq!(tls, Tls { ca: Some("/ca.pem".into()), ..Tls::default() });
    }

    #[test]
    fn a_token_is_not_shown() {
        assert!(!format!("{:?}", read(None, &[("RFE_TOKEN", "s3cret")])).contains("s3cret"));
    }

    #[test]
    fn addresses_that_can_not_work_are_refused() {
        assert_eq!(check_url("127.0.0.1:50051/").expect("an address"), "http://127.0.0.1:50051");
        assert_eq!(check_url("https://rfe.example/").expect("an address"), "https://rfe.example");
        for wrong in ["", "http://", "https://", "ftp://a", "http://a b", "http://a/path"] {
            assert!(check_url(wrong).is_err(), "{wrong}");
        }
    }
}
