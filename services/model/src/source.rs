//! The source spec. Its keys are those of `sources.yaml` (CONTRACT §3); the wire form is `rfe.metadata.v1.Source`.

mod merge;
mod retention;
mod wire;

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use serde_json::Value as Json;

use crate::{SqlType, Violation, backoff::Backoff, duration, name};

pub use retention::RetentionSpec;

/// What a commit does to the dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// The new run's files begin and all visible until then end.
    Replace,
    /// Rows are added.
    Append,
    /// Rows past a cursor are added.
    Incremental,
    /// Rows are merged by key.
    Merge,
}

/// What drift of the schema does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SchemaPolicy {
    /// Makes a new version.
    #[default]
    Evolve,
    /// Fails the run.
    Freeze,
    /// Leaves out new columns, and records with values that do not fit; both are counted.
    Discard,
    /// Records that bring new columns or values that do not fit become dead letters.
    Quarantine,
}

impl SchemaPolicy {
    /// As `sources.yaml` writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Evolve => "evolve",
            Self::Freeze => "freeze",
            Self::Discard => "discard",
            Self::Quarantine => "quarantine",
        }
    }
}

/// What a bad record does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum BadRowPolicy {
    /// Fails the run.
    Fail,
    /// Becomes a dead letter while there are no more than this.
    Quarantine {
        /// More fail the run.
        max_rows: u64,
        /// A larger share fails the run, from 1,000 records on.
        max_share: f64,
    },
}

impl Default for BadRowPolicy {
    fn default() -> Self {
        Self::Quarantine { max_rows: 1000, max_share: 0.1 }
    }
}

impl BadRowPolicy {
    /// True if so many bad records of so many read are too many.
    pub fn is_exceeded(&self, bad: u64, read: u64) -> bool {
        match self {
            Self::Fail => bad > 0,
            Self::Quarantine { max_rows, max_share } => {
                bad > *max_rows || (read >= 1000 && bad as f64 > *max_share * read as f64)
            }
        }
    }
}

/// How failed attempts are repeated, where it differs from the server's settings.
#[derive(Debug, Clone, Copy, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RetrySpec {
    /// Attempts in all.
    pub attempts: Option<u32>,
    /// First delay.
    #[serde(with = "duration::text")]
    pub base: Option<Duration>,
    /// Longest delay.
    #[serde(with = "duration::text")]
    pub cap: Option<Duration>,
}

impl RetrySpec {
    /// The backoff, with the server's values where the spec is silent.
    pub fn backoff(&self, server: Backoff) -> Backoff {
        Backoff {
            attempts: self.attempts.unwrap_or(server.attempts),
            base: self.base.unwrap_or(server.base),
            cap: self.cap.unwrap_or(server.cap),
        }
    }
}

/// What happens at an instant while the firing before still runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Overlap {
    /// The instant passes.
    #[default]
    Skip,
    /// One waits.
    BufferOne,
    /// All wait.
    BufferAll,
}

/// What happens to instants that passed while no scheduler ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Misfire {
    /// They pass.
    Skip,
    /// The latest is made up for.
    #[default]
    Latest,
    /// All are.
    All,
}

/// When a source is read. Exactly one of `every` and `cron`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ScheduleSpec {
    /// At the multiples of this since the Unix epoch.
    #[serde(with = "duration::text")]
    pub every: Option<Duration>,
    /// By a cron expression.
    pub cron: Option<String>,
    /// IANA zone of `cron`.
    pub timezone: Option<String>,
    /// Overlap.
    pub overlap: Overlap,
    /// Misfire.
    pub misfire: Misfire,
}

impl ScheduleSpec {
    /// The time between two readings, as it is at an instant.
    pub fn period(&self, at: jiff::Timestamp) -> Option<Duration> {
        let by_cron = || crate::cron::period(self.cron.as_deref()?, self.timezone.as_deref(), at);
        self.every.or_else(by_cron)
    }
}

/// How JSON becomes records and columns.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct JsonSpec {
    /// `ndjson` or `array`.
    pub format: Option<String>,
    /// JSON pointer of the records.
    pub records: Option<String>,
    /// More columns by JSON pointer.
    pub paths: BTreeMap<String, String>,
}

/// How rows are merged.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MergeSpec {
    /// The columns that identify a row.
    pub key: Vec<String>,
    /// The column whose largest value wins.
    pub order_by: Option<String>,
    /// The column that says a row is deleted.
    pub deleted: Option<String>,
}

/// A named, declared thing to read.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceSpec {
    /// Its name, and its dataset's.
    pub name: String,
    /// csv, parquet, json, avro, rest, synthetic, webhook.
    pub kind: String,
    /// What the kind needs; its keys are checked by the kind.
    pub config: Json,
    /// Mode.
    pub mode: Mode,
    /// Declared types.
    pub columns: BTreeMap<String, SqlType>,
    /// Schema policy.
    pub schema_policy: SchemaPolicy,
    /// Bad rows.
    pub on_bad_row: BadRowPolicy,
    /// Retry.
    pub retry: RetrySpec,
    /// Schedule.
    pub schedule: Option<ScheduleSpec>,
    /// JSON.
    pub json: JsonSpec,
    /// Merge.
    pub merge: Option<MergeSpec>,
    /// Retention.
    pub retention: RetentionSpec,
}

/// The spec as `sources.yaml` writes it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: String,
    kind: String,
    #[serde(default)]
    config: Option<Json>,
    mode: Option<Mode>,
    #[serde(default)]
    columns: BTreeMap<String, TypeName>,
    #[serde(default)]
    schema_policy: SchemaPolicy,
    #[serde(default)]
    on_bad_row: BadRowPolicy,
    #[serde(default)]
    retry: RetrySpec,
    schedule: Option<ScheduleSpec>,
    #[serde(default)]
    json: JsonSpec,
    merge: Option<MergeSpec>,
    #[serde(default)]
    retention: RetentionSpec,
}

#[derive(Debug)]
struct TypeName(SqlType);

impl<'de> Deserialize<'de> for TypeName {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map(Self).map_err(D::Error::custom)
    }
}

impl<'de> Deserialize<'de> for BadRowPolicy {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "snake_case")]
        enum Form {
            Fail,
            Quarantine(#[serde(default)] Limits),
        }
        #[derive(Deserialize, Default)]
        #[serde(deny_unknown_fields, default)]
        struct Limits {
            max_rows: Option<u64>,
            max_share: Option<f64>,
        }
        let limits = match Form::deserialize(from)? {
            Form::Fail => return Ok(Self::Fail),
            Form::Quarantine(limits) => limits,
        };
        Ok(Self::quarantine(limits.max_rows, limits.max_share))
    }
}

impl BadRowPolicy {
    fn quarantine(max_rows: Option<u64>, max_share: Option<f64>) -> Self {
        Self::Quarantine { max_rows: max_rows.unwrap_or(1000), max_share: max_share.unwrap_or(0.1) }
    }
}

// === impl SourceSpec ===

impl SourceSpec {
    /// Reads one entry of `sources` as written in YAML or JSON.
    ///
    /// # Errors
    /// Names the field within the entry.
    pub fn from_written(value: &Json) -> Result<Self, Violation> {
        let written: Written = crate::kind::decode(value)?;
        let spec = Self {
            mode: written.mode.unwrap_or_else(|| default_mode(&written.kind)),
            name: written.name,
            kind: written.kind,
            config: written.config.unwrap_or_else(|| Json::Object(serde_json::Map::new())),
            columns: written.columns.into_iter().map(|(name, TypeName(kind))| (name, kind)).collect(),
            schema_policy: written.schema_policy,
            on_bad_row: written.on_bad_row,
            retry: written.retry,
            schedule: written.schedule,
            json: written.json,
            merge: written.merge,
            retention: written.retention,
        };
        Ok(spec)
    }

    /// The type that is declared for a column. Names of columns do not differ by case alone.
    pub fn declared(&self, column: &str) -> Option<&SqlType> {
        self.columns.iter().find(|(name, _)| name.eq_ignore_ascii_case(column)).map(|(_, kind)| kind)
    }

    /// True if the spec itself brings the column: declared, or taken from a JSON path.
    pub fn asks_for(&self, column: &str) -> bool {
        self.declared(column).is_some()
            || self.json.paths.keys().any(|name| name.eq_ignore_ascii_case(column))
    }

    /// Checks everything but `config`, which its kind checks.
    ///
    /// # Errors
    /// Every field at fault.
    pub fn check(&self) -> Result<(), Vec<Violation>> {
        let mut wrong = Vec::new();
        if let Err(reason) = name::check_source(&self.name) {
            wrong.push(Violation::new("name", reason));
        }
        if let Some(schedule) = &self.schedule {
            check_schedule(schedule, &mut wrong);
        }
        retention::check(self.retention, &mut wrong);
        if self.retry.attempts == Some(0) {
            wrong.push(Violation::new("retry.attempts", "0 attempts read nothing; at least 1"));
        }
        if let BadRowPolicy::Quarantine { max_share, .. } = self.on_bad_row
            && !(0.0..=1.0).contains(&max_share)
        {
            wrong.push(Violation::new(
                "on_bad_row.quarantine.max_share",
                format!("{max_share} is no share; between 0 and 1"),
            ));
        }
        if self.takes_events() && self.mode != Mode::Append {
            wrong.push(Violation::new(
                "mode",
                format!("a {} source makes events; its mode is append", self.kind),
            ));
        }
        match (&self.merge, self.mode) {
            (merge, Mode::Merge) => merge::check(merge.as_ref(), &mut wrong),
            (Some(_), _) => wrong
                .push(Violation::new("merge", "means nothing in this mode; set `mode: merge`, or remove it")),
            (None, _) => {}
        }
        if wrong.is_empty() { Ok(()) } else { Err(wrong) }
    }

    /// True if SubmitEvents and webhooks may name it.
    pub fn takes_events(&self) -> bool {
        matches!(self.kind.as_str(), "webhook" | "synthetic")
    }

    /// True if a job reads it.
    pub fn is_pulled(&self) -> bool {
        self.kind != "webhook"
    }

    /// A spec with everything at its default, for tests.
    pub fn sample(name: &str, kind: &str) -> Self {
        Self {
            name: name.to_owned(),
            kind: kind.to_owned(),
            config: Json::Object(serde_json::Map::new()),
            mode: default_mode(kind),
            columns: BTreeMap::new(),
            schema_policy: SchemaPolicy::Evolve,
            on_bad_row: BadRowPolicy::default(),
            retry: RetrySpec::default(),
            schedule: None,
            json: JsonSpec::default(),
            merge: None,
            retention: RetentionSpec::default(),
        }
    }
}

fn default_mode(kind: &str) -> Mode {
    match kind {
        "webhook" | "synthetic" => Mode::Append,
        _ => Mode::Replace,
    }
}

fn check_schedule(schedule: &ScheduleSpec, wrong: &mut Vec<Violation>) {
    match (&schedule.every, &schedule.cron) {
        (None, None) => wrong.push(Violation::new("schedule", "needs `every: 5m` or `cron: \"0 6 * * *\"`")),
        (Some(_), Some(_)) => wrong.push(Violation::new("schedule", "has both `every` and `cron`; keep one")),
        (Some(every), None) if *every < Duration::from_secs(1) => {
            wrong.push(Violation::new("schedule.every", "is less than 1s"));
        }
        _ => {}
    }
    if let Some(cron) = &schedule.cron
        && let Err(reason) = crate::cron::parse(cron)
    {
        wrong.push(Violation::new("schedule.cron", reason));
    }
    if let Some(zone) = &schedule.timezone
        && jiff::tz::TimeZone::get(zone).is_err()
    {
        wrong.push(Violation::new(
            "schedule.timezone",
            format!("`{zone}` is no IANA time zone, such as Europe/Berlin"),
        ));
    }
}
