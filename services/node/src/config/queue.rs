//! Sections that say where the queue is, how much it holds, and what ingest keeps of it.

use rfe_queue::RedisQueueConfig;
use serde::Deserialize;

use super::{
    Hidden,
    server_url::{Form, Parts},
};

/// `[queue]`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QueueSection {
    /// Redis; unset: embedded.
    pub url: Option<Hidden>,
    /// What its keys begin with.
    pub name: String,
    /// Bound on jobs.
    pub max_jobs: u64,
    /// Bound on bytes of payload.
    pub max_bytes: u64,
    /// Bound on jobs of one source; unset: that of all.
    pub source_max_jobs: Option<u64>,
    /// Bound on bytes of payload of one source; unset: that of all.
    pub source_max_bytes: Option<u64>,
    /// Seconds that a lease lasts without a heartbeat.
    pub lease_seconds: f64,
}

/// `[spool]`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpoolSection {
    /// Bytes on disk.
    pub bytes: u64,
    /// Seconds that a copy is kept after Redis has the events.
    pub seconds: f64,
}

// === impl QueueSection ===

impl QueueSection {
    /// Where Redis is, as it may be shown: `host:port`, with the number of its database if there is one.
    pub fn shown(&self) -> Option<String> {
        self.url.as_ref().and_then(|url| place(url.expose()).ok())
    }

    /// The queue in Redis, if it is not embedded.
    pub fn redis(&self) -> Option<RedisQueueConfig> {
        let url = self.url.as_ref()?;
        Some(RedisQueueConfig {
            name: self.name.clone(),
            max_jobs: self.max_jobs,
            max_bytes: self.max_bytes,
            max_source_jobs: self.source_max_jobs.unwrap_or(self.max_jobs),
            max_source_bytes: self.source_max_bytes.unwrap_or(self.max_bytes),
            ..RedisQueueConfig::new(url.expose())
        })
    }

    pub(super) fn check(&self) -> Result<(), String> {
        let is_fine = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
        if self.name.is_empty() || !self.name.bytes().all(is_fine) {
            return Err(format!(
                "queue.name (REDIS_QUEUE_NAME): `{}` may have letters, digits, `_`, `-` and `.` only",
                self.name
            ));
        }
        match &self.url {
            Some(url) => place(url.expose()).map(drop),
            None => Ok(()),
        }
    }
}

const URL: Form = Form {
    setting: "queue.url (RFE_REDIS_URL)",
    schemes: ["redis", "rediss"],
    begins: "it must begin with redis://, or rediss:// for TLS, like redis://:PASSWORD@127.0.0.1:6379",
    port: "6379",
};

// Host, port and database of a URL.
fn place(url: &str) -> Result<String, String> {
    let Parts { host, port, database } = URL.parts(url)?;
    if host.is_empty() {
        return Err(URL.wrong("it names no host"));
    }
    Ok(format!("{host}:{port}{}", database.trim_end_matches('/')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_shown_without_what_is_secret() {
        for (url, shown) in [
            ("redis://127.0.0.1", "127.0.0.1:6379"),
            ("redis://:s3cret@redis:6380/2", "redis:6380/2"),
            ("rediss://user:s3cret@[::1]:6380/", "[::1]:6380"),
        ] {
            assert_eq!(place(url).as_deref(), Ok(shown));
        }
    }

    #[test]
    fn a_url_that_is_none_is_told_without_being_shown() {
        for url in [
            "s3cret@redis",
            "http://:s3cret@redis",
            "redis://:s3cret@redis:x",
            "redis://:s3/cret@redis",
            "redis://",
        ] {
            let told = place(url).expect_err(url);
            assert!(
                told.contains("RFE_REDIS_URL") && !told.contains("s3") && !told.contains("cret"),
                "{told}"
            );
        }
    }
}
