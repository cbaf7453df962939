//! Making dead letters (CONTRACT §10).

use prost_types::Struct;
use rfe_proto::dlq::{DeadLetter, Position};

use crate::{id, time};

/// Above this, a letter's bytes are stored in the bucket and referred to.
pub const MAX_INLINE_RAW: usize = 16 << 10;
/// Above this, a letter's bytes are cut; the object that they came from is in `position`.
pub const MAX_RAW: usize = 1 << 20;

/// Where a failure happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Reading the source.
    Read,
    /// Taking a record apart.
    Decode,
    /// Checking a value against its type.
    Validate,
    /// Checking against the schema policy.
    Contract,
    /// Writing and committing.
    Write,
}

impl Stage {
    /// As the contract writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Decode => "decode",
            Self::Validate => "validate",
            Self::Contract => "contract",
            Self::Write => "write",
        }
    }
}

/// A record that can't be landed, before it is a letter.
#[derive(Debug, Clone, PartialEq)]
pub struct BadRecord {
    /// Where it happened.
    pub stage: Stage,
    /// The reason as a constant, such as `RAGGED_ROW`.
    pub code: &'static str,
    /// The reason for a person; the value at fault, never a secret.
    pub message: String,
    /// The field at fault.
    pub field_path: String,
    /// File or URL, line, record, page.
    pub position: Position,
    /// The record's exact bytes.
    pub raw: Vec<u8>,
    /// The event's id, if it is an event.
    pub event_id: String,
    /// What replay needs.
    pub context: Option<Struct>,
}

impl BadRecord {
    /// Makes the letter. The id of an event's letter is derived from source and event id; that of another record from run,
    /// place and reason, so that a repeated attempt meets the same letter.
    pub fn into_letter(self, source: &str, run_id: &str, attempt: u32, schema_version: u32) -> DeadLetter {
        let place =
            u64::from(self.position.page) << 40 | u64::from(self.position.line.max(self.position.record));
        let id = if self.event_id.is_empty() {
            id::record_letter(run_id, &self.position.file, place, &self.message)
        } else {
            id::event_letter(source, &self.event_id)
        };
        let (raw, truncated, sha256) = cut(self.raw);
        let now = time::now_proto();
        DeadLetter {
            id,
            kind: "record".to_owned(),
            source: source.to_owned(),
            run_id: run_id.to_owned(),
            stage: self.stage.as_str().to_owned(),
            code: self.code.to_owned(),
            message: self.message,
            field_path: self.field_path,
            position: Some(self.position),
            attempts: attempt,
            first_seen: Some(now),
            last_seen: Some(now),
            schema_version,
            event_id: self.event_id,
            context: self.context,
            raw_base64: raw,
            raw_truncated: truncated,
            raw_sha256: sha256,
            state: "open".to_owned(),
            ..DeadLetter::default()
        }
    }
}

/// The letter of a job that gave up.
pub fn of_job(
    source: &str,
    run_id: &str,
    stage: Stage,
    code: &str,
    message: &str,
    attempts: u32,
) -> DeadLetter {
    let now = time::now_proto();
    DeadLetter {
        id: id::job_letter(run_id),
        kind: "job".to_owned(),
        source: source.to_owned(),
        run_id: run_id.to_owned(),
        stage: stage.as_str().to_owned(),
        code: code.to_owned(),
        message: message.to_owned(),
        attempts,
        first_seen: Some(now),
        last_seen: Some(now),
        raw_sha256: id::sha256_hex(&[]),
        state: "open".to_owned(),
        ..DeadLetter::default()
    }
}

fn cut(mut raw: Vec<u8>) -> (Vec<u8>, bool, String) {
    let sha256 = id::sha256_hex(&raw);
    let truncated = raw.len() > MAX_RAW;
    raw.truncate(MAX_RAW);
    (raw, truncated, sha256)
}
