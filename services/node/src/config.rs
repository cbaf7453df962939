//! Configuration: defaults < file (`RFE_CONFIG`) < environment < flags.

mod backends;
mod door;
mod environment;
mod mesh;
mod queue;
mod sections;
mod server_url;

use std::{net::SocketAddr, path::PathBuf};

use rfe_mesh::{telemetry::LogFormat, tokens::listener::may_listen};
use rfe_model::{Violation, kind::decode};
use serde::Deserialize;
use serde_json::Value as Json;

pub use backends::{Hidden, LakeSection, RegistrySection};
pub use door::{DoorSection, Keys};
pub use mesh::MeshSection;
pub use queue::{QueueSection, SpoolSection};
pub use sections::{
    BatchSection, DemoSection, DrillSection, EdgeSection, QuerySection, RetrySection, SourcesSection,
    UnknownSources, UpkeepSection, WorkerSection,
};

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
    /// How a line of the log is written.
    pub log_format: LogFormat,
    /// The OTLP gRPC endpoint that gets the spans.
    pub otlp_endpoint: Option<String>,
    /// Who is let in.
    pub door: DoorSection,
    /// The registry.
    pub registry: RegistrySection,
    /// The lake.
    pub lake: LakeSection,
    /// The queue.
    pub queue: QueueSection,
    /// What ingest keeps of the queue.
    pub spool: SpoolSection,
    /// The roles as services.
    pub mesh: MeshSection,
    /// What workers do at the same time.
    pub worker: WorkerSection,
    /// Batches of events.
    pub batch: BatchSection,
    /// Retries.
    pub retry: RetrySection,
    /// What sources may reach.
    pub sources: SourcesSection,
    /// The webhook edge.
    pub edge: EdgeSection,
    /// SQL.
    pub query: QuerySection,
    /// What keeps datasets fast and the lake small.
    pub upkeep: UpkeepSection,
    /// The demo.
    pub demo: DemoSection,
    /// Drills.
    pub drill: DrillSection,
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
    let mut warnings = environment::apply(&variables, &mut settings)?;
    if let Some(data) = &flags.data_dir {
        settings["data_dir"] = Json::String(data.to_string_lossy().into_owned());
    }
    let config: Config = decode(&settings).map_err(|wrong| at("configuration", &wrong))?;
    config.check()?;
    warnings.extend(config.lake.warning());
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
            may_listen(name, address, self.door.tokens_file.is_some(), self.insecure)
                .map_err(ConfigError::Setting)?;
        }
        if self.retry.attempts == 0 {
            return wrong("retry.attempts: 0 attempts read nothing; at least 1".to_owned());
        }
        for (name, seconds) in [
            ("drain_seconds", self.drain_seconds),
            ("queue.lease_seconds", self.queue.lease_seconds),
            ("spool.seconds", self.spool.seconds),
            ("mesh.announce_seconds", self.mesh.announce_seconds),
            ("retry.base_seconds", self.retry.base_seconds),
            ("retry.cap_seconds", self.retry.cap_seconds),
            ("demo.schedule_interval_seconds", self.demo.schedule_interval_seconds),
            ("upkeep.compact_every_seconds", self.upkeep.compact_every_seconds),
            ("upkeep.collect_every_seconds", self.upkeep.collect_every_seconds),
            ("upkeep.snapshot_hours", self.upkeep.snapshot_hours * 3600.0),
            ("upkeep.orphan_hours", self.upkeep.orphan_hours * 3600.0),
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
        if self.worker.pull_slots == 0 || self.worker.event_slots == 0 {
            return wrong("worker.pull_slots and worker.event_slots: at least 1".to_owned());
        }
        if self.batch.max_rows == 0 {
            return wrong("batch.max_rows: at least 1".to_owned());
        }
        self.door.check().map_err(ConfigError::Setting)?;
        self.registry.check().map_err(ConfigError::Setting)?;
        self.queue.check().map_err(ConfigError::Setting)?;
        self.lake.check().map_err(ConfigError::Setting)
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
        let refused = from(&[("RFE_HTTP_ADDR", "0.0.0.0:8080")]).expect_err("open").to_string();
        assert!(refused.contains("RFE_TOKENS_FILE") && refused.contains("RFE_INSECURE=1"), "{refused}");
        assert!(from(&[("RFE_HTTP_ADDR", "0.0.0.0:8080"), ("RFE_TOKENS_FILE", "/t.toml")]).is_ok());
        let config =
            from(&[("RFE_HTTP_ADDR", "0.0.0.0:8080"), ("RFE_INSECURE", "1")]).expect("consent").config;
        assert_eq!(config.unknown_sources(), UnknownSources::Reject);
        assert!(config.allowed_private_hosts().is_empty());
    }

    #[test]
    fn half_of_what_tls_needs_is_refused() {
        for (variables, told) in [
            (&[("RFE_TLS_CERT", "/a.pem")][..], "RFE_TLS_KEY"),
            (&[("RFE_TLS_KEY", "/a.key")], "RFE_TLS_CERT"),
            (&[("RFE_TLS_CLIENT_KEY", "/a.key")], "RFE_TLS_CLIENT_CERT"),
            (&[("RFE_TLS_CLIENT_CA", "/ca.pem")], "RFE_TLS_CERT"),
        ] {
            let error = from(variables).expect_err(told).to_string();
            assert!(error.contains(told), "{error}");
        }
        let config = from(&[("RFE_TOKEN", "rfe_s3cret"), ("RFE_TLS_CA", "")]).expect("loads").config;
        assert!(!format!("{config:?}").contains("s3cret"), "{config:?}");
        assert_eq!(config.door.dial().token.as_deref(), Some("rfe_s3cret"));
    }

    #[test]
    fn who_is_asked_for_tokens_and_has_none_is_told() {
        let door = |variables| from(variables).expect("loads").config.door;
        assert!(door(&[("RFE_TOKENS_FILE", "/t.toml")]).has_token_for_others().is_err());
        let both = [("RFE_TOKENS_FILE", "/t.toml"), ("RFE_TOKEN", "x")];
        assert!(door(&both).has_token_for_others().is_ok() && door(&[]).has_token_for_others().is_ok());
    }

    #[test]
    fn redis_replaces_the_embedded_queue_and_its_password_is_never_shown() {
        assert_eq!(
            from(&[("RFE_REDIS_URL", "")]).expect("loads").config.queue.redis().map(|it| it.name),
            None
        );
        let config = from(&[
            ("RFE_REDIS_URL", "redis://:s3cret@redis/1"),
            ("REDIS_QUEUE_NAME", "mine"),
            ("RFE_QUEUE_MAX_JOBS", "500"),
            ("RFE_QUEUE_SOURCE_MAX_BYTES", "70"),
            ("RFE_SPOOL_BYTES", "1000"),
            ("RFE_SPOOL_SECONDS", "5"),
        ]);
        let config = config.expect("loads").config;
        assert!(!format!("{config:?}").contains("s3cret"), "{config:?}");
        assert_eq!(config.queue.shown().as_deref(), Some("redis:6379/1"));
        let redis = config.queue.redis().expect("Redis");
        assert_eq!((redis.name.as_str(), redis.max_source_jobs, redis.max_source_bytes), ("mine", 500, 70));
        assert_eq!((config.spool.bytes, config.spool.seconds), (1000, 5.0));
        let error = from(&[("RFE_REDIS_URL", "postgres://:s3cret@x")]).expect_err("refused").to_string();
        assert!(error.contains("RFE_REDIS_URL") && !error.contains("s3cret"), "{error}");
    }

    #[test]
    fn backends_replace_the_embedded_parts_and_an_empty_variable_is_none() {
        let config = from(&[("RFE_POSTGRES_URL", ""), ("MINIO_ENDPOINT", "")]).expect("loads").config;
        assert!(config.registry.url.is_none() && config.lake.s3().is_none());
        let config = from(&[
            ("RFE_POSTGRES_URL", "postgres://metadata:secret@db/metadata"),
            ("MINIO_ENDPOINT", "http://minio:9000"),
            ("MINIO_ACCESS_KEY", "key"),
            ("MINIO_SECRET_KEY", "hidden"),
            ("MINIO_BUCKET_RAW", "my-raw"),
            ("RFE_QUERY_CACHE_BYTES", "1000"),
        ]);
        let config = config.expect("loads").config;
        assert_eq!(config.registry.shown().as_deref(), Some("db:5432/metadata"));
        let lake = config.lake.s3().expect("it is on S3");
        assert_eq!((lake.buckets.raw.as_str(), lake.buckets.dead_letter.as_str()), ("my-raw", "dead-letter"));
        assert_eq!((lake.region.as_str(), config.query.cache_bytes), ("us-east-1", 1000));
        let debugged = format!("{config:?}");
        assert!(!debugged.contains("secret@") && !debugged.contains("hidden"), "{debugged}");
    }

    #[test]
    fn a_half_set_or_malformed_backend_is_refused_and_no_secret_is_told() {
        const KEYS: [(&str, &str); 2] = [("MINIO_ACCESS_KEY", "akey"), ("MINIO_SECRET_KEY", "s3cr3t")];
        const ENDPOINT: (&str, &str) = ("MINIO_ENDPOINT", "http://minio:9000");
        let cases: [(&[(&str, &str)], &str); 12] = [
            (&[ENDPOINT, KEYS[0]], "MINIO_SECRET_KEY"),
            (&[ENDPOINT, KEYS[1]], "MINIO_ACCESS_KEY"),
            (&[ENDPOINT], "MINIO_ACCESS_KEY"),
            (&KEYS, "MINIO_ENDPOINT"),
            (&[("MINIO_ENDPOINT", "minio:9000"), KEYS[0], KEYS[1]], "http://minio:9000"),
            (&[("MINIO_ENDPOINT", "ftp://minio"), KEYS[0], KEYS[1]], "http"),
            (&[("MINIO_ENDPOINT", "http://a:s3cr3t@minio"), KEYS[0], KEYS[1]], "MINIO_ACCESS_KEY"),
            (&[("MINIO_ENDPOINT", "http://minio/raw"), KEYS[0], KEYS[1]], "MINIO_BUCKET_RAW"),
            (&[ENDPOINT, KEYS[0], KEYS[1], ("MINIO_BUCKET_RAW", "Raw")], "MINIO_BUCKET_RAW"),
            (&[ENDPOINT, KEYS[0], KEYS[1], ("MINIO_BUCKET_RAW", "processed")], "MINIO_BUCKET_PROCESSED"),
            (&[("RFE_POSTGRES_URL", "mysql://a:s3cr3t@db/x")], "postgres://"),
            (&[("RFE_POSTGRES_URL", "postgres://metadata:s3cr3t/x@db/metadata")], "%2F"),
        ];
        for (variables, told) in cases {
            let error = from(variables).expect_err("refused").to_string();
            assert!(error.contains(told) && !error.contains("s3cr3t"), "{variables:?}: {error}");
        }
    }

    #[test]
    fn bucket_names_without_an_object_store_are_a_warning() {
        let loaded = from(&[("MINIO_BUCKET_RAW", "my-raw")]).expect("loads");
        assert!(loaded.warnings[0].contains("MINIO_ENDPOINT"), "{:?}", loaded.warnings);
    }
}
