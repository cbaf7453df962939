//! Configuration: defaults < file (`RFE_CONFIG`) < environment < flags.

mod environment;

use std::{net::SocketAddr, path::PathBuf};

use rfe_model::{Violation, kind::decode};
use serde::Deserialize;
use serde_json::Value as Json;

/// The defaults, and the manual of every setting.
pub const DEFAULTS: &str = include_str!("default.toml");

/// What a process is told.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The data folder.
    pub data_dir: PathBuf,
    /// Where the edge listens.
    pub http_addr: SocketAddr,
    /// Where gRPC and Flight listen.
    pub grpc_addr: SocketAddr,
    /// Listeners need not be on loopback.
    pub insecure: bool,
    /// Seconds for a drain.
    pub drain_seconds: f64,
    /// Log filter.
    pub log: String,
    /// The queue.
    pub queue: QueueSection,
    /// Batches of events.
    pub batch: BatchSection,
    /// Retries.
    pub retry: RetrySection,
    /// What sources may reach.
    pub sources: SourcesSection,
    /// The webhook edge.
    pub edge: EdgeSection,
    /// The demo.
    pub demo: DemoSection,
    /// Drills.
    pub drill: DrillSection,
}

/// `[queue]`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QueueSection {
    /// Bound on jobs.
    pub max_jobs: u64,
    /// Bound on bytes of payload.
    pub max_bytes: u64,
    /// Seconds that a lease lasts without a heartbeat.
    pub lease_seconds: f64,
}

/// `[batch]`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchSection {
    /// Events that make a batch.
    pub max_rows: u32,
    /// Age that makes a batch, in ms.
    pub max_age_ms: u64,
}

/// `[retry]`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetrySection {
    /// Attempts in all.
    pub attempts: u32,
    /// Seconds before the second attempt.
    pub base_seconds: f64,
    /// No delay is longer, in seconds.
    pub cap_seconds: f64,
}

/// `[sources]`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourcesSection {
    /// Folders of local files.
    pub roots: Vec<PathBuf>,
    /// Private hosts that may be reached; unset: see `default.toml`.
    pub allow_private_hosts: Option<Vec<String>>,
}

/// `[edge]`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EdgeSection {
    /// What an unknown source does; unset: see `default.toml`.
    pub unknown_sources: Option<UnknownSources>,
}

/// What a webhook to an unknown source does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnknownSources {
    /// Makes the source.
    Create,
    /// Answers 404.
    Reject,
}

/// `[demo]`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DemoSection {
    /// Seconds between reads of the demo sources.
    pub schedule_interval_seconds: f64,
}

/// `[drill]`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DrillSection {
    /// The step at which the process aborts.
    pub crash_point: Option<String>,
    /// The step at which a run freezes, and for how long.
    pub freeze_point: Option<String>,
}

/// The configuration can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file can't be read.
    #[error("RFE_CONFIG: `{0}`: {1}")]
    Unreadable(String, std::io::Error),
    /// The file is no TOML.
    #[error("{0}: {1}")]
    Syntax(String, toml::de::Error),
    /// A setting is wrong.
    #[error("{0}")]
    Setting(String),
}

/// A configuration and what is odd about how it was given.
#[derive(Debug)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// Warnings for a person.
    pub warnings: Vec<String>,
}

/// Flags that override the environment.
#[derive(Debug, Clone, Default)]
pub struct Flags {
    /// `--data`
    pub data_dir: Option<PathBuf>,
}

/// Loads the configuration of this process.
///
/// # Errors
/// Names the setting at fault and where it came from.
pub fn load(
    variables: impl IntoIterator<Item = (String, String)>,
    flags: &Flags,
) -> Result<Loaded, ConfigError> {
    let variables: Vec<(String, String)> = variables.into_iter().collect();
    let mut settings = parse("default.toml", DEFAULTS)?;
    if let Some((_, path)) = variables.iter().find(|(name, _)| name == "RFE_CONFIG") {
        let text =
            std::fs::read_to_string(path).map_err(|error| ConfigError::Unreadable(path.clone(), error))?;
        let file = parse(path, &text)?;
        // A mistake in the file is told with the file's name, before the environment hides it.
        let mut alone = settings.clone();
        merge(&mut alone, file);
        let _valid: Config = decode(&alone).map_err(|wrong| at(path, &wrong))?;
        settings = alone;
    }
    let warnings = environment::apply(&variables, &mut settings)?;
    if let Some(data) = &flags.data_dir {
        settings["data_dir"] = Json::String(data.to_string_lossy().into_owned());
    }
    let config: Config = decode(&settings).map_err(|wrong| at("configuration", &wrong))?;
    config.check()?;
    Ok(Loaded { config, warnings })
}

fn parse(name: &str, text: &str) -> Result<Json, ConfigError> {
    toml::from_str(text).map_err(|error| ConfigError::Syntax(name.to_owned(), error))
}

fn at(place: &str, wrong: &Violation) -> ConfigError {
    ConfigError::Setting(format!("{place}: {wrong}"))
}

fn merge(into: &mut Json, from: Json) {
    match (into, from) {
        (Json::Object(into), Json::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key).or_insert(Json::Null), value);
            }
        }
        (into, from) => *into = from,
    }
}

// === impl Config ===

impl Config {
    fn check(&self) -> Result<(), ConfigError> {
        let wrong = |text: String| Err(ConfigError::Setting(text));
        for (name, address) in [("http_addr", self.http_addr), ("grpc_addr", self.grpc_addr)] {
            if !address.ip().is_loopback() && !self.insecure {
                return wrong(format!(
                    "{name}: {address} is not on loopback, and this version has no tokens to guard it; listen on 127.0.0.1, or set RFE_INSECURE=1 on a network that you trust"
                ));
            }
        }
        if self.retry.attempts == 0 {
            return wrong("retry.attempts: 0 attempts read nothing; at least 1".to_owned());
        }
        for (name, seconds) in [
            ("drain_seconds", self.drain_seconds),
            ("queue.lease_seconds", self.queue.lease_seconds),
            ("retry.base_seconds", self.retry.base_seconds),
            ("retry.cap_seconds", self.retry.cap_seconds),
            ("demo.schedule_interval_seconds", self.demo.schedule_interval_seconds),
        ] {
            if !(0.0..=1e9).contains(&seconds) {
                return wrong(format!("{name}: {seconds} is no number of seconds"));
            }
        }
        if self.demo.schedule_interval_seconds < 1.0 || self.queue.lease_seconds < 1.0 {
            return wrong("demo.schedule_interval_seconds and queue.lease_seconds: at least 1".to_owned());
        }
        if let Err(reason) = rfe_worker::CrashPoint::parse(self.drill.crash_point.as_deref()) {
            return wrong(format!("drill.crash_point: {reason}"));
        }
        if let Err(reason) = rfe_worker::FreezePoint::parse(self.drill.freeze_point.as_deref()) {
            return wrong(format!("drill.freeze_point: {reason}"));
        }
        if self.batch.max_rows == 0 {
            return wrong("batch.max_rows: at least 1".to_owned());
        }
        Ok(())
    }

    /// True if the edge listens on loopback.
    pub fn is_local(&self) -> bool {
        self.http_addr.ip().is_loopback()
    }

    /// Private hosts that sources may reach.
    pub fn allowed_private_hosts(&self) -> Vec<String> {
        match &self.sources.allow_private_hosts {
            Some(hosts) => hosts.clone(),
            None if self.is_local() => vec!["127.0.0.1".to_owned(), "::1".to_owned()],
            None => Vec::new(),
        }
    }

    /// What a webhook to an unknown source does.
    pub fn unknown_sources(&self) -> UnknownSources {
        self.edge.unknown_sources.unwrap_or(if self.is_local() {
            UnknownSources::Create
        } else {
            UnknownSources::Reject
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(variables: &[(&str, &str)]) -> Result<Loaded, ConfigError> {
        let owned = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        load(owned, &Flags::default())
    }

    #[test]
    fn the_manual_is_a_whole_configuration() {
        let loaded = from(&[]).expect("defaults");
        assert_eq!(loaded.config.http_addr.port(), 8080);
        assert_eq!(loaded.config.queue.max_bytes, 1 << 30);
        assert!(loaded.warnings.is_empty());
    }

    #[test]
    fn the_environment_overrides_and_a_flag_overrides_it() {
        let variables =
            [("RFE_DATA_DIR".to_owned(), "/a".to_owned()), ("MAX_JOB_ATTEMPTS".to_owned(), "9".to_owned())];
        let flags = Flags { data_dir: Some("/b".into()) };
        let config = load(variables, &flags).expect("loads").config;
        assert_eq!((config.data_dir, config.retry.attempts), ("/b".into(), 9));
    }

    #[test]
    fn an_unknown_variable_is_a_warning_that_names_the_nearest() {
        let loaded = from(&[("RFE_DATADIR", "/a")]).expect("loads");
        assert!(loaded.warnings[0].contains("RFE_DATA_DIR"), "{:?}", loaded.warnings);
    }

    #[test]
    fn a_variable_that_does_not_parse_is_named() {
        let error = from(&[("RFE_BATCH_MAX_ROWS", "many")]).expect_err("no number").to_string();
        assert!(error.contains("RFE_BATCH_MAX_ROWS") && error.contains("many"), "{error}");
        let error = from(&[("RFE_HTTP_ADDR", "somewhere")]).expect_err("no address").to_string();
        assert!(error.contains("RFE_HTTP_ADDR") && error.contains("somewhere"), "{error}");
    }

    #[test]
    fn an_unknown_key_of_the_file_names_the_nearest() {
        let file = tempfile::NamedTempFile::new().expect("file");
        std::fs::write(file.path(), "[queue]\nmax_job = 5\n").expect("write");
        let path = file.path().to_string_lossy().into_owned();
        let error = from(&[("RFE_CONFIG", &path)]).expect_err("unknown key").to_string();
        assert!(error.contains("queue.max_job") && error.contains("did you mean `max_jobs`"), "{error}");
    }

    #[test]
    fn a_listener_off_loopback_needs_consent() {
        assert!(from(&[("RFE_HTTP_ADDR", "0.0.0.0:8080")]).is_err());
        let config =
            from(&[("RFE_HTTP_ADDR", "0.0.0.0:8080"), ("RFE_INSECURE", "1")]).expect("consent").config;
        assert_eq!(config.unknown_sources(), UnknownSources::Reject);
        assert!(config.allowed_private_hosts().is_empty());
    }

    #[test]
    fn a_backend_of_a_later_version_is_refused_instead_of_ignored() {
        let error = from(&[("RFE_POSTGRES_URL", "postgres://x")]).expect_err("refused").to_string();
        assert!(error.contains("RFE_POSTGRES_URL") && !error.contains("postgres://x"), "{error}");
    }
}
