//! How enumerations and nested values stand in columns.

use std::collections::BTreeMap;

use rfe_model::{structure, time};
use rfe_proto::metadata as pb;
use serde::{Deserialize, Serialize};
use sqlx::Row as _;

use super::{
    driver::{Instant, Row},
    text::plain,
};
use crate::{RegistryError, Result};

pub(super) fn kind_text(kind: pb::RunKind) -> &'static str {
    match kind {
        pb::RunKind::Unspecified => "unspecified",
        pb::RunKind::Pull => "pull",
        pb::RunKind::Events => "events",
        pb::RunKind::Replay => "replay",
        pb::RunKind::Backfill => "backfill",
        pb::RunKind::Compaction => "compaction",
    }
}

pub(super) fn kind_from(text: &str) -> pb::RunKind {
    match text {
        "pull" => pb::RunKind::Pull,
        "events" => pb::RunKind::Events,
        "replay" => pb::RunKind::Replay,
        "backfill" => pb::RunKind::Backfill,
        "compaction" => pb::RunKind::Compaction,
        _ => pb::RunKind::Unspecified,
    }
}

pub(super) fn state_text(state: pb::RunState) -> &'static str {
    match state {
        pb::RunState::Unspecified => "unspecified",
        pb::RunState::Queued => "queued",
        pb::RunState::Running => "running",
        pb::RunState::Retrying => "retrying",
        pb::RunState::Succeeded => "succeeded",
        pb::RunState::Failed => "failed",
        pb::RunState::Cancelled => "cancelled",
    }
}

pub(super) fn state_from(text: &str) -> pb::RunState {
    match text {
        "queued" => pb::RunState::Queued,
        "running" => pb::RunState::Running,
        "retrying" => pb::RunState::Retrying,
        "succeeded" => pb::RunState::Succeeded,
        "failed" => pb::RunState::Failed,
        "cancelled" => pb::RunState::Cancelled,
        _ => pb::RunState::Unspecified,
    }
}

pub(super) fn layer_text(layer: pb::Layer) -> &'static str {
    match layer {
        pb::Layer::Raw => "raw",
        pb::Layer::Processed | pb::Layer::Unspecified => "processed",
    }
}

pub(super) fn layer_from(text: &str) -> pb::Layer {
    if text == "raw" { pb::Layer::Raw } else { pb::Layer::Processed }
}

pub(super) fn mode_text(mode: pb::Mode) -> &'static str {
    match mode {
        pb::Mode::Unspecified | pb::Mode::Replace => "replace",
        pb::Mode::Append => "append",
        pb::Mode::Incremental => "incremental",
        pb::Mode::Merge => "merge",
    }
}

/// The mode of a text; `None` of one that is none.
pub(super) fn mode_from(text: &str) -> Option<pb::Mode> {
    [pb::Mode::Replace, pb::Mode::Append, pb::Mode::Incremental, pb::Mode::Merge]
        .into_iter()
        .find(|mode| mode_text(*mode) == text)
}

pub(super) fn policy_text(policy: pb::SchemaPolicy) -> &'static str {
    match policy {
        pb::SchemaPolicy::Unspecified | pb::SchemaPolicy::Evolve => "evolve",
        pb::SchemaPolicy::Freeze => "freeze",
        pb::SchemaPolicy::Discard => "discard",
        pb::SchemaPolicy::Quarantine => "quarantine",
    }
}

/// A column as the JSON of a schema writes it.
#[derive(Debug, Serialize, Deserialize)]
struct WrittenColumn {
    id: u32,
    name: String,
    r#type: String,
    #[serde(default)]
    declared: bool,
    #[serde(default)]
    missing: bool,
    #[serde(default)]
    exceeds_double: bool,
}

pub(super) fn columns_text(columns: &[pb::Column]) -> String {
    let written: Vec<WrittenColumn> = columns
        .iter()
        .map(|column| WrittenColumn {
            id: column.id,
            name: column.name.clone(),
            r#type: column.r#type.clone(),
            declared: column.declared,
            missing: column.missing,
            exceeds_double: column.exceeds_double,
        })
        .collect();
    json_text(&written)
}

pub(super) fn columns_from(text: &str) -> Result<Vec<pb::Column>> {
    let written: Vec<WrittenColumn> = json_from(text)?;
    Ok(written
        .into_iter()
        .map(|column| pb::Column {
            id: column.id,
            name: column.name,
            r#type: column.r#type,
            declared: column.declared,
            missing: column.missing,
            exceeds_double: column.exceeds_double,
        })
        .collect())
}

/// A left-out column as the JSON of a schema writes it.
#[derive(Debug, Serialize, Deserialize)]
struct WrittenLeftOut {
    name: String,
    r#type: String,
    run_id: String,
    time: jiff::Timestamp,
}

pub(super) fn left_out_text(columns: &[pb::LeftOutColumn]) -> String {
    let written: Vec<WrittenLeftOut> = columns
        .iter()
        .map(|column| WrittenLeftOut {
            name: column.name.clone(),
            r#type: column.r#type.clone(),
            run_id: column.run_id.clone(),
            time: column.time.as_ref().and_then(time::from_proto).unwrap_or_default(),
        })
        .collect();
    if written.is_empty() { String::new() } else { json_text(&written) }
}

pub(super) fn left_out_from(text: &str) -> Result<Vec<pb::LeftOutColumn>> {
    let written: Vec<WrittenLeftOut> = if text.is_empty() { Vec::new() } else { json_from(text)? };
    Ok(written
        .into_iter()
        .map(|column| pb::LeftOutColumn {
            name: column.name,
            r#type: column.r#type,
            run_id: column.run_id,
            time: Some(time::to_proto(column.time)),
        })
        .collect())
}

pub(super) fn discarded_text(columns: &[pb::DiscardedColumn]) -> String {
    let by_name: BTreeMap<&str, i64> =
        columns.iter().map(|column| (column.name.as_str(), column.values)).collect();
    if by_name.is_empty() { String::new() } else { json_text(&by_name) }
}

pub(super) fn discarded_from(text: &str) -> Result<Vec<pb::DiscardedColumn>> {
    let by_name: BTreeMap<String, i64> = if text.is_empty() { BTreeMap::new() } else { json_from(text)? };
    Ok(by_name.into_iter().map(|(name, values)| pb::DiscardedColumn { name, values }).collect())
}

pub(super) fn struct_text(value: &prost_types::Struct) -> String {
    structure::from_struct(value).to_string()
}

pub(super) fn struct_from(text: &str) -> Result<prost_types::Struct> {
    Ok(structure::to_struct(&json_from(text)?))
}

pub(super) fn json_text<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("lists of texts and columns have a JSON form")
}

pub(super) fn json_from<T: serde::de::DeserializeOwned>(text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|error| RegistryError::Corrupt(error.to_string()))
}

/// A text.
pub(super) fn text(row: &Row, column: &str) -> Result<String> {
    Ok(plain(row.try_get(column)?))
}

/// The instant now.
pub(super) fn now() -> Instant {
    Instant(time::now_micros())
}

/// An instant that may be NULL.
pub(super) fn instant(row: &Row, column: &str) -> Result<Option<prost_types::Timestamp>> {
    Ok(row.try_get::<Option<Instant>, _>(column)?.map(|at| time::proto_from_micros(at.0)))
}

/// An instant that may be unset.
pub(super) fn micros(at: Option<&prost_types::Timestamp>) -> Option<Instant> {
    at.map(time::micros_from_proto).map(Instant)
}

/// A number that the registry wrote as unsigned.
pub(super) fn unsigned<T: TryFrom<i64>>(row: &Row, column: &str) -> Result<T> {
    let value: i64 = row.try_get(column)?;
    T::try_from(value).map_err(|_| RegistryError::Corrupt(format!("{column} is {value}")))
}

/// A number as the databases hold it; counts beyond 2^63 do not occur.
pub(super) fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
