//! Pushed events as rows, for every kind that takes them.

use std::collections::BTreeMap;

use polars::prelude::*;
use prost_types::Struct;
use rfe_model::{SourceSpec, letter::BadRecord, structure, time};
use rfe_proto::{
    dlq::{DeadLetter, Position},
    ingest::Event,
};
use serde_json::json;

use crate::{
    Chunk, ReadContext,
    error::code,
    flaw::Flaw,
    json_table::{JsonColumns, JsonTable},
};

const JSON_TYPE: &str = "application/json";

/// Takes events apart.
pub(crate) fn decode(spec: &SourceSpec, context: &ReadContext, events: &[Event]) -> Chunk {
    let mut known = JsonColumns::new(spec, context);
    decode_with(&mut known, events)
}

/// Takes events apart, with columns known from chunks before.
pub(crate) fn decode_with(known: &mut JsonColumns, events: &[Event]) -> Chunk {
    let mut table = JsonTable::new(known);
    let mut raw = Raw::new(events.len());
    let mut bad = Vec::new();
    for event in events {
        let pushed = std::str::from_utf8(&event.payload)
            .map_err(|error| Flaw::decode(code::NOT_JSON, format!("the body is not JSON: {error}")))
            .and_then(|text| table.push(text));
        match pushed {
            Ok(()) => raw.push(event),
            Err(flaw) => bad.push(bad_record(flaw, event)),
        }
    }
    Chunk {
        columns: table.finish(),
        raw: raw.finish(),
        bad,
        read: events.len() as u64,
        bytes_read: events.iter().map(|event| event.payload.len() as u64).sum(),
        ..Chunk::default()
    }
}

/// Takes the event of a letter apart again.
pub(crate) fn decode_letter(
    spec: &SourceSpec,
    context: &ReadContext,
    letter: &DeadLetter,
    raw: &[u8],
) -> Chunk {
    let kept = letter.context.as_ref().map(structure::from_struct).unwrap_or_default();
    let headers = kept["headers"].as_object().into_iter().flatten();
    let received = kept["received_at"].as_str().and_then(|text| text.parse::<jiff::Timestamp>().ok());
    let event = Event {
        event_id: letter.event_id.clone(),
        payload: raw.to_vec(),
        content_type: kept["content_type"].as_str().unwrap_or_default().to_owned(),
        headers: headers
            .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
            .collect(),
        received_time: received.map(time::to_proto).or(letter.first_seen),
    };
    decode(spec, context, &[event])
}

fn bad_record(flaw: Flaw, event: &Event) -> BadRecord {
    BadRecord {
        event_id: event.event_id.clone(),
        ..flaw.into_bad(event.payload.clone(), Position::default(), Some(letter_context(event)))
    }
}

fn letter_context(event: &Event) -> Struct {
    let received = event.received_time.as_ref().and_then(time::from_proto).map(|at| at.to_string());
    structure::to_struct(&json!({
        "content_type": content_type(event),
        "headers": event.headers,
        "received_at": received,
    }))
}

fn content_type(event: &Event) -> &str {
    if event.content_type.is_empty() { JSON_TYPE } else { &event.content_type }
}

/// The columns of `raw.<dataset>`.
struct Raw {
    event_id: StringChunkedBuilder,
    received_at: PrimitiveChunkedBuilder<Int64Type>,
    content_type: StringChunkedBuilder,
    headers: StringChunkedBuilder,
    body: BinaryChunkedBuilder,
}

impl Raw {
    fn new(rows: usize) -> Self {
        let text = |name: &'static str| StringChunkedBuilder::new(PlSmallStr::from_static(name), rows);
        Self {
            event_id: text("_event_id"),
            received_at: PrimitiveChunkedBuilder::new(PlSmallStr::from_static("_received_at"), rows),
            content_type: text("content_type"),
            headers: text("headers"),
            body: BinaryChunkedBuilder::new(PlSmallStr::from_static("body"), rows),
        }
    }

    fn push(&mut self, event: &Event) {
        let headers: BTreeMap<_, _> = event.headers.iter().collect();
        self.event_id.append_value(&event.event_id);
        self.received_at.append_option(event.received_time.as_ref().map(time::micros_from_proto));
        self.content_type.append_value(content_type(event));
        self.headers.append_value(json!(headers).to_string());
        self.body.append_value(&event.payload);
    }

    fn finish(self) -> DataFrame {
        let received = self.received_at.finish().into_datetime(TimeUnit::Microseconds, Some(TimeZone::UTC));
        DataFrame::new_infer_height(vec![
            self.event_id.finish().into_series().into_column(),
            received.into_series().into_column(),
            self.content_type.finish().into_series().into_column(),
            self.headers.finish().into_series().into_column(),
            self.body.finish().into_series().into_column(),
        ])
        .expect("five columns of one length and different names")
    }
}
