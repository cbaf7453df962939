//! Between [`SourceSpec`] and `rfe.metadata.v1.Source`.

use std::time::Duration;

use rfe_proto::metadata as pb;

use super::{
    BadRowPolicy, JsonSpec, MergeSpec, Misfire, Mode, Overlap, RetentionSpec, RetrySpec, ScheduleSpec,
    SchemaPolicy, SourceSpec, default_mode,
};
use crate::{Violation, structure};

const HOUR: f64 = 3600.0;
const DAY: f64 = 24.0 * HOUR;

impl From<&SourceSpec> for pb::Source {
    fn from(spec: &SourceSpec) -> Self {
        Self {
            name: spec.name.clone(),
            kind: spec.kind.clone(),
            config: Some(structure::to_struct(&spec.config)),
            mode: mode_to_proto(spec.mode).into(),
            columns: spec.columns.iter().map(|(name, kind)| (name.clone(), kind.to_string())).collect(),
            schema_policy: policy_to_proto(spec.schema_policy).into(),
            on_bad_row: Some(bad_row_to_proto(spec.on_bad_row)),
            retry: Some(pb::RetryPolicy {
                attempts: spec.retry.attempts.unwrap_or(0),
                base_seconds: spec.retry.base.map_or(0.0, |base| base.as_secs_f64()),
                cap_seconds: spec.retry.cap.map_or(0.0, |cap| cap.as_secs_f64()),
            }),
            schedule: spec.schedule.as_ref().map(schedule_to_proto),
            json: Some(pb::JsonOptions {
                format: spec.json.format.clone().unwrap_or_default(),
                records: spec.json.records.clone().unwrap_or_default(),
                paths: spec.json.paths.clone().into_iter().collect(),
            }),
            merge: spec.merge.as_ref().map(|merge| pb::MergeOptions {
                key: merge.key.clone(),
                order_by: merge.order_by.clone().unwrap_or_default(),
                deleted: merge.deleted.clone().unwrap_or_default(),
            }),
            retention: Some(pb::RetentionPolicy {
                raw_days: spec.retention.raw.map_or(0.0, |kept| kept.as_secs_f64() / DAY),
                snapshot_hours: spec.retention.snapshots.map_or(0.0, |kept| kept.as_secs_f64() / HOUR),
            }),
            ..Self::default()
        }
    }
}

impl TryFrom<&pb::Source> for SourceSpec {
    type Error = Violation;

    fn try_from(source: &pb::Source) -> Result<Self, Violation> {
        let mut columns = std::collections::BTreeMap::new();
        for (name, text) in &source.columns {
            let parsed = text.parse().map_err(|reason| Violation::new(format!("columns.{name}"), reason))?;
            columns.insert(name.clone(), parsed);
        }
        Ok(Self {
            name: source.name.clone(),
            kind: source.kind.clone(),
            config: source
                .config
                .as_ref()
                .map_or_else(|| serde_json::Value::Object(serde_json::Map::new()), structure::from_struct),
            mode: match source.mode() {
                pb::Mode::Unspecified => default_mode(&source.kind),
                pb::Mode::Replace => Mode::Replace,
                pb::Mode::Append => Mode::Append,
                pb::Mode::Incremental => Mode::Incremental,
                pb::Mode::Merge => Mode::Merge,
            },
            columns,
            schema_policy: match source.schema_policy() {
                pb::SchemaPolicy::Unspecified | pb::SchemaPolicy::Evolve => SchemaPolicy::Evolve,
                pb::SchemaPolicy::Freeze => SchemaPolicy::Freeze,
                pb::SchemaPolicy::Discard => SchemaPolicy::Discard,
                pb::SchemaPolicy::Quarantine => SchemaPolicy::Quarantine,
            },
            on_bad_row: bad_row_from_proto(source.on_bad_row),
            retry: retry_from_proto(source.retry)?,
            schedule: source.schedule.as_ref().map(schedule_from_proto).transpose()?,
            json: source.json.as_ref().map(json_from_proto).unwrap_or_default(),
            merge: source.merge.as_ref().map(|merge| MergeSpec {
                key: merge.key.clone(),
                order_by: filled(&merge.order_by),
                deleted: filled(&merge.deleted),
            }),
            retention: retention_from_proto(source.retention)?,
        })
    }
}

fn mode_to_proto(mode: Mode) -> pb::Mode {
    match mode {
        Mode::Replace => pb::Mode::Replace,
        Mode::Append => pb::Mode::Append,
        Mode::Incremental => pb::Mode::Incremental,
        Mode::Merge => pb::Mode::Merge,
    }
}

fn policy_to_proto(policy: SchemaPolicy) -> pb::SchemaPolicy {
    match policy {
        SchemaPolicy::Evolve => pb::SchemaPolicy::Evolve,
        SchemaPolicy::Freeze => pb::SchemaPolicy::Freeze,
        SchemaPolicy::Discard => pb::SchemaPolicy::Discard,
        SchemaPolicy::Quarantine => pb::SchemaPolicy::Quarantine,
    }
}

fn bad_row_to_proto(policy: BadRowPolicy) -> pb::BadRowPolicy {
    match policy {
        BadRowPolicy::Fail => pb::BadRowPolicy { fail: true, max_rows: None, max_share: None },
        BadRowPolicy::Quarantine { max_rows, max_share } => {
            pb::BadRowPolicy { fail: false, max_rows: Some(max_rows), max_share: Some(max_share) }
        }
    }
}

fn bad_row_from_proto(policy: Option<pb::BadRowPolicy>) -> BadRowPolicy {
    match policy {
        None => BadRowPolicy::default(),
        Some(policy) if policy.fail => BadRowPolicy::Fail,
        Some(policy) => BadRowPolicy::quarantine(policy.max_rows, policy.max_share),
    }
}

fn retry_from_proto(retry: Option<pb::RetryPolicy>) -> Result<RetrySpec, Violation> {
    let retry = retry.unwrap_or_default();
    Ok(RetrySpec {
        attempts: (retry.attempts > 0).then_some(retry.attempts),
        base: seconds("retry.base_seconds", retry.base_seconds)?,
        cap: seconds("retry.cap_seconds", retry.cap_seconds)?,
    })
}

fn retention_from_proto(retention: Option<pb::RetentionPolicy>) -> Result<RetentionSpec, Violation> {
    let retention = retention.unwrap_or_default();
    Ok(RetentionSpec {
        raw: kept("retention.raw_days", retention.raw_days, DAY)?,
        snapshots: kept("retention.snapshot_hours", retention.snapshot_hours, HOUR)?,
    })
}

// In whole milliseconds: days and hours as doubles come back as what they were made of.
fn kept(path: &str, value: f64, unit: f64) -> Result<Option<Duration>, Violation> {
    if value == 0.0 {
        return Ok(None);
    }
    let wrong = |_| Violation::new(path, format!("{value} is no length of time; 0 means the default"));
    let exact = Duration::try_from_secs_f64(value * unit).map_err(wrong)?;
    Ok(Some(Duration::from_millis((exact.as_secs_f64() * 1000.0).round() as u64)))
}

fn schedule_to_proto(schedule: &ScheduleSpec) -> pb::SourceSchedule {
    pb::SourceSchedule {
        every_seconds: schedule.every.map_or(0.0, |every| every.as_secs_f64()),
        cron: schedule.cron.clone().unwrap_or_default(),
        timezone: schedule.timezone.clone().unwrap_or_default(),
        overlap: match schedule.overlap {
            Overlap::Skip => "skip",
            Overlap::BufferOne => "buffer_one",
            Overlap::BufferAll => "buffer_all",
        }
        .to_owned(),
        misfire: match schedule.misfire {
            Misfire::Skip => "skip",
            Misfire::Latest => "latest",
            Misfire::All => "all",
        }
        .to_owned(),
    }
}

fn schedule_from_proto(schedule: &pb::SourceSchedule) -> Result<ScheduleSpec, Violation> {
    Ok(ScheduleSpec {
        every: seconds("schedule.every_seconds", schedule.every_seconds)?,
        cron: filled(&schedule.cron),
        timezone: filled(&schedule.timezone),
        overlap: match schedule.overlap.as_str() {
            "" | "skip" => Overlap::Skip,
            "buffer_one" => Overlap::BufferOne,
            "buffer_all" => Overlap::BufferAll,
            other => {
                return Err(Violation::new(
                    "schedule.overlap",
                    format!("`{other}` is none of skip, buffer_one, buffer_all"),
                ));
            }
        },
        misfire: match schedule.misfire.as_str() {
            "" | "latest" => Misfire::Latest,
            "skip" => Misfire::Skip,
            "all" => Misfire::All,
            other => {
                return Err(Violation::new(
                    "schedule.misfire",
                    format!("`{other}` is none of skip, latest, all"),
                ));
            }
        },
    })
}

fn json_from_proto(json: &pb::JsonOptions) -> JsonSpec {
    JsonSpec {
        format: filled(&json.format),
        records: filled(&json.records),
        paths: json.paths.clone().into_iter().collect(),
    }
}

fn filled(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

fn seconds(path: &str, value: f64) -> Result<Option<Duration>, Violation> {
    if value == 0.0 {
        return Ok(None);
    }
    Duration::try_from_secs_f64(value)
        .map(Some)
        .map_err(|_| Violation::new(path, format!("{value} is no number of seconds")))
}
