//! Environment variables (CONTRACT §11).

use rfe_model::name::nearest;
use serde_json::{Value as Json, json};

use super::ConfigError;

enum Form {
    Text,
    // Where nothing is as good as unset, as compose files pass it on.
    TextOrUnset,
    Number,
    Flag,
    CommaList,
    PathList,
}

const SETTINGS: &[(&str, &str, Form)] = &[
    ("RFE_DATA_DIR", "/data_dir", Form::Text),
    ("RFE_HTTP_ADDR", "/http_addr", Form::Text),
    ("RFE_EDGE_ADDR", "/http_addr", Form::Text),
    ("RFE_GRPC_ADDR", "/grpc_addr", Form::Text),
    ("RFE_INGEST_ADDR", "/mesh/ingest_addr", Form::Text),
    ("RFE_METADATA_ADDR", "/mesh/metadata_addr", Form::Text),
    ("RFE_SCHEDULER_ADDR", "/mesh/scheduler_addr", Form::Text),
    ("RFE_DLQ_ADDR", "/mesh/dlq_addr", Form::Text),
    ("RFE_QUERY_ADDR", "/mesh/query_addr", Form::Text),
    ("RFE_WORKER_ADDR", "/mesh/worker_addr", Form::Text),
    ("RFE_INGEST_URL", "/mesh/ingest_url", Form::TextOrUnset),
    ("RFE_METADATA_URL", "/mesh/metadata_url", Form::TextOrUnset),
    ("RFE_SCHEDULER_URL", "/mesh/scheduler_url", Form::TextOrUnset),
    ("RFE_DLQ_URL", "/mesh/dlq_url", Form::TextOrUnset),
    ("RFE_QUERY_URL", "/mesh/query_url", Form::TextOrUnset),
    ("RFE_WORKER_URL", "/mesh/worker_url", Form::TextOrUnset),
    ("RFE_ANNOUNCE_SECONDS", "/mesh/announce_seconds", Form::Number),
    ("RFE_WORKER_PULL_SLOTS", "/worker/pull_slots", Form::Number),
    ("RFE_WORKER_EVENT_SLOTS", "/worker/event_slots", Form::Number),
    ("RFE_INSECURE", "/insecure", Form::Flag),
    ("RFE_TOKENS_FILE", "/door/tokens_file", Form::TextOrUnset),
    ("RFE_TOKEN", "/door/token", Form::TextOrUnset),
    ("RFE_TLS_CERT", "/door/tls_cert", Form::TextOrUnset),
    ("RFE_TLS_KEY", "/door/tls_key", Form::TextOrUnset),
    ("RFE_TLS_CLIENT_CA", "/door/tls_client_ca", Form::TextOrUnset),
    ("RFE_TLS_CA", "/door/tls_ca", Form::TextOrUnset),
    ("RFE_TLS_CLIENT_CERT", "/door/tls_client_cert", Form::TextOrUnset),
    ("RFE_TLS_CLIENT_KEY", "/door/tls_client_key", Form::TextOrUnset),
    ("RFE_DRAIN_SECONDS", "/drain_seconds", Form::Number),
    ("RFE_LOG", "/log", Form::Text),
    ("RFE_LOG_FORMAT", "/log_format", Form::TextOrUnset),
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "/otlp_endpoint", Form::TextOrUnset),
    ("RFE_POSTGRES_URL", "/registry/url", Form::TextOrUnset),
    ("MINIO_ENDPOINT", "/lake/endpoint", Form::TextOrUnset),
    ("MINIO_ACCESS_KEY", "/lake/access_key", Form::TextOrUnset),
    ("MINIO_SECRET_KEY", "/lake/secret_key", Form::TextOrUnset),
    ("RFE_S3_REGION", "/lake/region", Form::TextOrUnset),
    ("MINIO_BUCKET_RAW", "/lake/bucket_raw", Form::TextOrUnset),
    ("MINIO_BUCKET_PROCESSED", "/lake/bucket_processed", Form::TextOrUnset),
    ("MINIO_BUCKET_DEAD_LETTER", "/lake/bucket_dead_letter", Form::TextOrUnset),
    ("RFE_QUERY_CACHE_BYTES", "/query/cache_bytes", Form::Number),
    ("RFE_COMPACT_FILES", "/upkeep/compact_files", Form::Number),
    ("RFE_COMPACT_SMALL_BYTES", "/upkeep/compact_small_bytes", Form::Number),
    ("RFE_COMPACT_TARGET_BYTES", "/upkeep/compact_target_bytes", Form::Number),
    ("RFE_COMPACT_SECONDS", "/upkeep/compact_every_seconds", Form::Number),
    ("RFE_SNAPSHOT_HOURS", "/upkeep/snapshot_hours", Form::Number),
    ("RFE_ORPHAN_HOURS", "/upkeep/orphan_hours", Form::Number),
    ("RFE_COLLECT_SECONDS", "/upkeep/collect_every_seconds", Form::Number),
    ("RFE_REDIS_URL", "/queue/url", Form::TextOrUnset),
    ("REDIS_QUEUE_NAME", "/queue/name", Form::TextOrUnset),
    ("RFE_QUEUE_MAX_JOBS", "/queue/max_jobs", Form::Number),
    ("RFE_QUEUE_MAX_BYTES", "/queue/max_bytes", Form::Number),
    ("RFE_QUEUE_SOURCE_MAX_JOBS", "/queue/source_max_jobs", Form::Number),
    ("RFE_QUEUE_SOURCE_MAX_BYTES", "/queue/source_max_bytes", Form::Number),
    ("RFE_SPOOL_BYTES", "/spool/bytes", Form::Number),
    ("RFE_SPOOL_SECONDS", "/spool/seconds", Form::Number),
    ("RFE_LEASE_SECONDS", "/queue/lease_seconds", Form::Number),
    ("RFE_BATCH_MAX_ROWS", "/batch/max_rows", Form::Number),
    ("RFE_BATCH_MAX_AGE_MS", "/batch/max_age_ms", Form::Number),
    ("MAX_JOB_ATTEMPTS", "/retry/attempts", Form::Number),
    ("BACKOFF_BASE_SECONDS", "/retry/base_seconds", Form::Number),
    ("BACKOFF_CAP_SECONDS", "/retry/cap_seconds", Form::Number),
    ("RFE_SOURCE_ROOTS", "/sources/roots", Form::PathList),
    ("RFE_ALLOW_PRIVATE_HOSTS", "/sources/allow_private_hosts", Form::CommaList),
    ("RFE_EDGE_UNKNOWN_SOURCES", "/edge/unknown_sources", Form::Text),
    ("SCHEDULE_INTERVAL_SECONDS", "/demo/schedule_interval_seconds", Form::Number),
    ("RFE_CRASH_POINT", "/drill/crash_point", Form::Text),
    ("RFE_FREEZE_POINT", "/drill/freeze_point", Form::Text),
];

// Read by clients, by the Makefile or by `load` itself.
const ELSEWHERE: &[&str] = &[
    "RFE_CONFIG",
    "RFE_URL",
    "RFE_CACHE",
    "RFE_BIN",
    "RFE_REGENERATE",
    "RFE_POSTGRES_BIN",
    "RFE_REDIS_BIN",
    "RFE_MINIO",
    "RFE_VERSITYGW",
];

/// Applies the variables to the settings; returns warnings.
pub(super) fn apply(variables: &[(String, String)], settings: &mut Json) -> Result<Vec<String>, ConfigError> {
    let mut warnings = Vec::new();
    for (name, value) in variables {
        match SETTINGS.iter().find(|(known, ..)| known == name) {
            Some((_, _, Form::TextOrUnset)) if value.is_empty() => {}
            Some((_, pointer, form)) => set(settings, pointer, read(name, value, form)?),
            None if name.starts_with("RFE_") && !ELSEWHERE.contains(&name.as_str()) => {
                warnings.push(unknown(name));
            }
            None => {}
        }
        if name.starts_with("RFE_")
            && name.ends_with("_ADDR")
            && SETTINGS.iter().any(|(known, ..)| known == name)
            && value.parse::<std::net::SocketAddr>().is_err()
        {
            return Err(ConfigError::Setting(format!(
                "{name}: `{value}` is no address; write it like 127.0.0.1:8080"
            )));
        }
        if name == "RFE_EDGE_UNKNOWN_SOURCES" && !matches!(value.as_str(), "create" | "reject") {
            return Err(ConfigError::Setting(format!("{name}: `{value}` is none of create, reject")));
        }
    }
    Ok(warnings)
}

fn unknown(name: &str) -> String {
    let known = SETTINGS.iter().map(|(known, ..)| *known).chain(ELSEWHERE.iter().copied());
    match nearest(name, known) {
        Some(nearest) => format!("{name} is no setting; did you mean {nearest}?"),
        None => format!("{name} is no setting"),
    }
}

fn read(name: &str, value: &str, form: &Form) -> Result<Json, ConfigError> {
    let wrong = |what: &str| ConfigError::Setting(format!("{name}: `{value}` is no {what}"));
    Ok(match form {
        Form::Text | Form::TextOrUnset => json!(value),
        Form::Number => match (value.parse::<u64>(), value.parse::<f64>()) {
            (Ok(whole), _) => json!(whole),
            (_, Ok(number)) if number.is_finite() => json!(number),
            _ => return Err(wrong("number")),
        },
        Form::Flag => match value {
            "1" | "true" => json!(true),
            "" | "0" | "false" => json!(false),
            _ => return Err(wrong("flag; write 1 or 0")),
        },
        Form::CommaList => list(value.split(',')),
        Form::PathList => list(value.split(':')),
    })
}

fn list<'a>(parts: impl Iterator<Item = &'a str>) -> Json {
    parts.map(str::trim).filter(|part| !part.is_empty()).collect()
}

fn set(settings: &mut Json, pointer: &str, value: Json) {
    let (parent, key) = pointer.rsplit_once('/').unwrap_or(("", pointer));
    if let Some(Json::Object(section)) = settings.pointer_mut(parent) {
        section.insert(key.to_owned(), value);
    }
}
