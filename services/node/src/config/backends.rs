//! Sections that say where the registry and the lake are. Their settings depend on each other, and some are secret.

use std::fmt;

use rfe_lake::{Bucket, Buckets, S3Config};
use serde::Deserialize;

use super::server_url::{Form, Parts};

/// A setting that is never shown.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Hidden(String);

impl Hidden {
    /// The value, for whoever needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hidden")
    }
}

/// `[registry]`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegistrySection {
    /// Postgres; unset: embedded.
    pub url: Option<Hidden>,
}

/// `[lake]`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LakeSection {
    /// An object store that speaks S3; unset: embedded.
    pub endpoint: Option<String>,
    /// The access key.
    pub access_key: Option<Hidden>,
    /// The secret key.
    pub secret_key: Option<Hidden>,
    /// The region that requests are signed for.
    pub region: String,
    /// The bucket of what was read.
    pub bucket_raw: String,
    /// The bucket of typed rows.
    pub bucket_processed: String,
    /// The bucket of dead letters.
    pub bucket_dead_letter: String,
}

// === impl RegistrySection ===

impl RegistrySection {
    /// Where Postgres is, as it may be shown: `host:port/database`.
    pub fn shown(&self) -> Option<String> {
        self.url.as_ref().and_then(|url| place(url.expose()).ok())
    }

    pub(super) fn check(&self) -> Result<(), String> {
        match &self.url {
            Some(url) => place(url.expose()).map(drop),
            None => Ok(()),
        }
    }
}

const URL: Form = Form {
    setting: "registry.url (RFE_POSTGRES_URL)",
    schemes: ["postgres", "postgresql"],
    begins: "it must begin with postgres://, like postgres://metadata:PASSWORD@127.0.0.1:5432/metadata",
    port: "5432",
};

// Host, port and database of a URL.
fn place(url: &str) -> Result<String, String> {
    let Parts { host, port, database } = URL.parts(url)?;
    let database = database.strip_prefix('/').unwrap_or_default();
    Ok(if host.is_empty() {
        format!("a local socket/{database}")
    } else {
        format!("{host}:{port}/{database}")
    })
}

// === impl LakeSection ===

impl LakeSection {
    /// The object store, if the lake is not embedded.
    pub fn s3(&self) -> Option<S3Config> {
        let endpoint = self.endpoint.as_ref()?.trim_end_matches('/').to_owned();
        Some(S3Config {
            endpoint: Some(endpoint),
            region: self.region.clone(),
            access_key: self.access_key.as_ref().map(|key| key.expose().to_owned()),
            secret_key: self.secret_key.as_ref().map(|key| key.expose().to_owned()),
            path_style: true,
            buckets: Buckets {
                raw: self.bucket_raw.clone(),
                processed: self.bucket_processed.clone(),
                dead_letter: self.bucket_dead_letter.clone(),
            },
        })
    }

    pub(super) fn check(&self) -> Result<(), String> {
        const KEYS: [&str; 2] = ["lake.access_key (MINIO_ACCESS_KEY)", "lake.secret_key (MINIO_SECRET_KEY)"];
        const ENDPOINT: &str = "lake.endpoint (MINIO_ENDPOINT)";
        let set =
            [&self.access_key, &self.secret_key].map(|key| key.as_ref().is_some_and(|key| !key.0.is_empty()));
        match (&self.endpoint, set) {
            (None, [false, false]) => return Ok(()),
            (None, _) => {
                return Err(format!(
                    "{ENDPOINT}: it is not set, but a key for it is; set it, or unset {} and {}",
                    KEYS[0], KEYS[1]
                ));
            }
            (Some(_), [false, false]) => {
                return Err(format!("{ENDPOINT}: it is set, but {} and {} are not", KEYS[0], KEYS[1]));
            }
            (Some(_), [true, false]) => {
                return Err(format!("{}: it is not set, but {} is", KEYS[1], KEYS[0]));
            }
            (Some(_), [false, true]) => {
                return Err(format!("{}: it is not set, but {} is", KEYS[0], KEYS[1]));
            }
            (Some(endpoint), [true, true]) => {
                check_endpoint(endpoint).map_err(|wrong| format!("{ENDPOINT}: {wrong}"))?;
            }
        }
        if self.region.is_empty() {
            return Err(
                "lake.region (RFE_S3_REGION): it is empty; us-east-1 is what most servers want".to_owned()
            );
        }
        self.check_buckets()
    }

    fn check_buckets(&self) -> Result<(), String> {
        let buckets = self.buckets();
        for (at, (setting, name)) in buckets.iter().enumerate() {
            let letters =
                name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || ".-".contains(c));
            let ends = [name.chars().next(), name.chars().last()];
            if !letters
                || !(3..=63).contains(&name.len())
                || ends.contains(&Some('.'))
                || ends.contains(&Some('-'))
            {
                return Err(format!(
                    "{setting}: `{name}` is no name of a bucket: 3 to 63 lower-case letters, digits, `.` and `-`"
                ));
            }
            if let Some((other, _)) = buckets[..at].iter().find(|(_, other)| other == name) {
                return Err(format!(
                    "{setting}: `{name}` is what {other} says as well; each has a bucket of its own"
                ));
            }
        }
        Ok(())
    }

    /// Tells of bucket names that nothing uses.
    pub(super) fn warning(&self) -> Option<String> {
        let is_default = |(_, name): &(&str, &str)| Bucket::ALL.iter().any(|bucket| bucket.name() == *name);
        let named =
            self.buckets().into_iter().find(|bucket| !is_default(bucket)).filter(|_| self.endpoint.is_none());
        let (setting, _) = named?;
        Some(format!(
            "{setting} is set without MINIO_ENDPOINT: the lake is embedded, and its buckets are folders"
        ))
    }

    fn buckets(&self) -> [(&'static str, &str); 3] {
        [
            ("lake.bucket_raw (MINIO_BUCKET_RAW)", &self.bucket_raw),
            ("lake.bucket_processed (MINIO_BUCKET_PROCESSED)", &self.bucket_processed),
            ("lake.bucket_dead_letter (MINIO_BUCKET_DEAD_LETTER)", &self.bucket_dead_letter),
        ]
    }
}

fn check_endpoint(endpoint: &str) -> Result<(), String> {
    let Some((_, rest)) = endpoint.split_once("://").filter(|(scheme, _)| ["http", "https"].contains(scheme))
    else {
        let hint = if endpoint.contains("://") {
            "http://127.0.0.1:9000".to_owned()
        } else {
            format!("http://{endpoint}")
        };
        return Err(format!("it must begin with http:// or https://, like {hint}"));
    };
    if rest.contains('@') {
        return Err("keys do not belong into it: MINIO_ACCESS_KEY and MINIO_SECRET_KEY hold them".to_owned());
    }
    let host = rest.trim_end_matches('/');
    if host.is_empty() || host.contains(['/', '?', '#', ' ']) {
        return Err(format!(
            "`{endpoint}` must be scheme, host and port only; MINIO_BUCKET_RAW and its like name buckets"
        ));
    }
    match format!("{}://{host}", if endpoint.starts_with("https") { "https" } else { "http" })
        .parse::<http::Uri>()
    {
        Ok(uri) if uri.host().is_some() => Ok(()),
        _ => Err(format!("`{endpoint}` is no URL")),
    }
}
