//! Sections that say where the queue is, how much it holds, and what ingest keeps of it.

use rfe_queue::RedisQueueConfig;
use serde::Deserialize;

use super::Hidden;

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

// Host, port and database of a URL. What is no such URL may hold a password anywhere, so errors don't show any of it.
fn place(url: &str) -> Result<String, String> {
    let wrong = |what: &str| Err(format!("queue.url (RFE_REDIS_URL): {what}"));
    let rest = url.split_once("://").filter(|(scheme, _)| ["redis", "rediss"].contains(scheme));
    let Some((_, rest)) = rest else {
        return wrong(
            "it must begin with redis://, or rediss:// for TLS, like redis://:PASSWORD@127.0.0.1:6379",
        );
    };
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let host = match authority.rsplit_once('@') {
        Some((_, host)) => host,
        // A host's name ends before the first `/`; an `@` behind it means that a password holds one.
        None if path.contains('@') => {
            return wrong("a `/`, `?` or `#` within the password must be written as %2F, %3F or %23");
        }
        None => authority,
    };
    let (name, port) = match host.rsplit_once(':').filter(|(_, port)| !port.ends_with(']')) {
        Some((name, port)) => (name, port),
        None => (host, "6379"),
    };
    if name.is_empty() {
        return wrong("it names no host");
    }
    if port.parse::<u16>().is_err() {
        return wrong("its port is no number");
    }
    let database = path.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
    Ok(format!("{name}:{port}{database}"))
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
