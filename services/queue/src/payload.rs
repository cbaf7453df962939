//! Payloads of jobs of events, the same in every store: one encoded `rfe.ingest.v1.EventList` a job.

use prost::Message as _;
use rfe_proto::ingest::{Event, EventList};
use sha2::{Digest as _, Sha256};

use crate::QueueError;

/// A job carries no more events.
pub const MAX_JOB_EVENTS: usize = 1000;
/// A job carries no more bytes of payload, unless one event alone has more.
pub const MAX_JOB_BYTES: usize = 1 << 20;

// The tag of field 1 of `EventList`, length-delimited: encoded events that stand one after the other are an encoded list.
const EVENT_TAG: u8 = 0x0a;

/// An event as a part of an encoded list.
pub(crate) fn encode(event: &Event) -> Vec<u8> {
    let length = event.encoded_len();
    let mut bytes = Vec::with_capacity(length + 6);
    bytes.push(EVENT_TAG);
    prost::encoding::encode_varint(length as u64, &mut bytes);
    event.encode_raw(&mut bytes);
    bytes
}

/// Some of the events of a job's payload.
///
/// # Errors
/// If the payload does not hold them.
pub(crate) fn decode(job: &str, body: &[u8], first: usize, count: usize) -> Result<Vec<Event>, QueueError> {
    let list = EventList::decode(body)
        .map_err(|error| QueueError::Corrupt(format!("the payload of job {job}: {error}")))?;
    let events: Vec<Event> = list.events.into_iter().skip(first).take(count).collect();
    if events.len() == count {
        return Ok(events);
    }
    Err(QueueError::Corrupt(format!("the payload of job {job} has too few events")))
}

/// What is remembered of an id: enough of its SHA-256 that nobody finds another id with the same.
pub(crate) fn digest(event_id: &str) -> [u8; 16] {
    let digest = Sha256::digest(event_id.as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    bytes
}
