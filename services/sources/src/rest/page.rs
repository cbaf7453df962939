//! The records of a page, as places in its text.

use std::{collections::VecDeque, ops::Range};

use bytes::Bytes;
use rfe_model::letter::{BadRecord, Stage};
use rfe_proto::dlq::Position;
use serde_json::value::RawValue;

use crate::{
    Chunk, ReadError,
    error::code,
    http::Answer,
    json_document,
    json_rows::{JsonRows, Place},
    json_table::{JsonColumns, JsonTable},
};

/// A page whose records are not all taken yet.
#[derive(Debug)]
pub(super) struct Page {
    number: u64,
    label: String,
    body: Bytes,
    records: VecDeque<Range<usize>>,
    taken: u64,
    bytes_pending: u64,
}

impl Page {
    /// Finds the records of an answer.
    pub(super) fn parse(
        number: u64,
        label: &str,
        answer: Answer,
        records: Option<&str>,
    ) -> Result<Self, ReadError> {
        let body = answer.body;
        let not_json = |reason: &str| {
            let kind = if answer.content_type.is_empty() { "no content type" } else { &answer.content_type };
            let message =
                format!("page {number} of `{label}` is not JSON ({}, {kind}): {reason}", answer.status);
            ReadError::permanent(Stage::Decode, code::NOT_JSON, message)
        };
        let places = {
            let text = std::str::from_utf8(&body).map_err(|error| not_json(&error.to_string()))?;
            let text = text.strip_prefix('\u{feff}').unwrap_or(text);
            let whole: &RawValue =
                serde_json::from_str(text).map_err(|error| not_json(&error.to_string()))?;
            let start = body.as_ptr() as usize;
            let place = |raw: &RawValue| {
                let first = raw.get().as_ptr() as usize - start;
                first..first + raw.get().len()
            };
            json_document::find(whole, records)
                .map_err(|reason| {
                    let message = format!("page {number} of `{label}`: {reason}");
                    ReadError::permanent(Stage::Decode, code::RECORDS_NOT_FOUND, message)
                })?
                .into_iter()
                .map(place)
                .collect()
        };
        let bytes_pending = body.len() as u64;
        Ok(Self { number, label: label.to_owned(), body, records: places, taken: 0, bytes_pending })
    }

    /// Records that are left.
    pub(super) fn len(&self) -> u64 {
        self.records.len() as u64
    }

    /// The next records, up to so many bytes.
    pub(super) fn chunk(&mut self, known: &mut JsonColumns, chunk_bytes: usize) -> Chunk {
        let mut table = JsonTable::new(known);
        let mut rows = JsonRows::new(Place::Page);
        let mut bad: Vec<BadRecord> = Vec::new();
        let (mut bytes, mut read) = (0, 0);
        while let Some(place) = self.records.front().cloned() {
            if read > 0 && bytes + place.len() > chunk_bytes {
                break;
            }
            self.records.pop_front();
            self.taken += 1;
            read += 1;
            bytes += place.len();
            let record = &self.body[place];
            // The body was checked to be UTF-8 whole.
            let text = std::str::from_utf8(record).unwrap_or_default();
            match table.push(text) {
                Ok(()) => rows.push_record(self.number, self.taken, text),
                Err(flaw) => bad.push(flaw.into_bad(record.to_vec(), self.position(), None)),
            }
        }
        Chunk {
            raw: rows.finish(),
            columns: table.finish(),
            bad,
            read,
            bytes_read: std::mem::take(&mut self.bytes_pending),
            ..Chunk::default()
        }
    }

    fn position(&self) -> Position {
        let short = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        Position {
            file: self.label.clone(),
            page: short(self.number),
            record: short(self.taken),
            ..Position::default()
        }
    }
}
