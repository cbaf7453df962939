//! One accepted call as it stands in a segment: a header with both checksums, then a protobuf body.

use prost::Message as _;
use rfe_proto::ingest::Event;
use rfe_queue::NewEvents;

use super::SpoolError;

/// Magic, length of the body, number, checksum of the body, checksum of the header.
pub(super) const HEADER_BYTES: usize = 24;
/// Where a frame begins; a reader that met damage looks for the next one.
pub(super) const MAGIC: [u8; 4] = *b"rFe\x1f";
/// No body is longer: one event of 25 MiB with its headers, with room to spare.
const MAX_BODY_BYTES: u32 = 64 << 20;

const ID: u32 = 1;
const SOURCE: u32 = 2;
const TRACE: u32 = 3;
const ACCEPTED: u32 = 4;
const EVENTS: u32 = 5;

/// The body of a frame.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Body {
    #[prost(string, tag = "1")]
    pub(super) id: String,
    #[prost(string, tag = "2")]
    pub(super) source: String,
    #[prost(string, tag = "3")]
    pub(super) trace: String,
    /// In µs since the Unix epoch.
    #[prost(int64, tag = "4")]
    pub(super) accepted: i64,
    #[prost(message, repeated, tag = "5")]
    pub(super) events: Vec<Event>,
}

/// What stands before a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) body_bytes: u32,
    pub(super) number: u64,
    pub(super) body_checksum: u32,
}

/// An encoded frame that has no number yet: that is given by whoever writes it.
#[derive(Debug)]
pub(super) struct Encoded {
    bytes: Vec<u8>,
    body_checksum: u32,
}

// === impl Body ===

impl Body {
    /// The call as the queue takes it.
    pub(super) fn into_call(self) -> NewEvents {
        NewEvents { id: self.id, source: self.source, events: self.events, trace: self.trace }
    }
}

// === impl Header ===

impl Header {
    fn encode(self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[..4].copy_from_slice(&MAGIC);
        bytes[4..8].copy_from_slice(&self.body_bytes.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.number.to_le_bytes());
        bytes[16..20].copy_from_slice(&self.body_checksum.to_le_bytes());
        let checksum = crc32fast::hash(&bytes[..20]);
        bytes[20..].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    /// The header that stands here; `None` if none does.
    pub(super) fn decode(bytes: &[u8; HEADER_BYTES]) -> Option<Self> {
        let (covered, checksum) = bytes.split_at(20);
        let header = Self {
            body_bytes: u32::from_le_bytes(covered[4..8].try_into().ok()?),
            number: u64::from_le_bytes(covered[8..16].try_into().ok()?),
            body_checksum: u32::from_le_bytes(covered[16..20].try_into().ok()?),
        };
        let whole = covered[..4] == MAGIC && checksum == crc32fast::hash(covered).to_le_bytes();
        (whole && header.body_bytes <= MAX_BODY_BYTES).then_some(header)
    }

    /// The body of this header; `None` if these bytes are not what was written.
    pub(super) fn body(self, bytes: &[u8]) -> Option<Body> {
        if crc32fast::hash(bytes) != self.body_checksum {
            return None;
        }
        Body::decode(bytes).ok()
    }
}

// === impl Encoded ===

impl Encoded {
    /// Encodes a call. `accepted` is in µs since the Unix epoch. Fails if it is too large.
    pub(super) fn new(call: &NewEvents, accepted: i64) -> Result<Self, SpoolError> {
        let payload: usize = call.events.iter().map(|event| event.encoded_len() + 8).sum();
        let mut bytes = Vec::with_capacity(HEADER_BYTES + payload + 200);
        bytes.resize(HEADER_BYTES, 0);
        prost::encoding::string::encode(ID, &call.id, &mut bytes);
        prost::encoding::string::encode(SOURCE, &call.source, &mut bytes);
        prost::encoding::string::encode(TRACE, &call.trace, &mut bytes);
        prost::encoding::int64::encode(ACCEPTED, &accepted, &mut bytes);
        prost::encoding::message::encode_repeated(EVENTS, &call.events, &mut bytes);
        let body = &bytes[HEADER_BYTES..];
        if body.len() > MAX_BODY_BYTES as usize {
            return Err(SpoolError::TooLarge(body.len() as u64));
        }
        let body_checksum = crc32fast::hash(body);
        Ok(Self { bytes, body_checksum })
    }

    /// How many bytes the frame has.
    pub(super) fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// The whole frame under its number.
    pub(super) fn numbered(&mut self, number: u64) -> &[u8] {
        let body_bytes = (self.bytes.len() - HEADER_BYTES) as u32;
        let header = Header { body_bytes, number, body_checksum: self.body_checksum };
        self.bytes[..HEADER_BYTES].copy_from_slice(&header.encode());
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call() -> NewEvents {
        let event = |id: &str| Event {
            event_id: id.to_owned(),
            payload: b"{\"a\": 1}".to_vec(),
            content_type: "application/json".to_owned(),
            headers: [("x".to_owned(), "y".to_owned())].into(),
            received_time: Some(rfe_model::time::proto_from_micros(7)),
        };
        NewEvents {
            id: rfe_model::id::new(),
            source: "clicks".to_owned(),
            events: vec![event("a"), event("b")],
            trace: "00-1-2-01".to_owned(),
        }
    }

    fn header(frame: &[u8]) -> Option<Header> {
        Header::decode(frame[..HEADER_BYTES].try_into().expect("a header's length"))
    }

    #[test]
    fn what_was_accepted_is_read_again() {
        let call = call();
        let mut encoded = Encoded::new(&call, 42).expect("it fits");
        let frame = encoded.numbered(9).to_vec();
        let header = header(&frame).expect("a header");
        assert_eq!((header.number, header.body_bytes as usize), (9, frame.len() - HEADER_BYTES));
        let body = header.body(&frame[HEADER_BYTES..]).expect("a body");
        assert_eq!(body.accepted, 42);
        assert_eq!(body.into_call(), call);
    }

    #[test]
    fn no_changed_byte_goes_unseen() {
        let mut encoded = Encoded::new(&call(), 42).expect("it fits");
        let frame = encoded.numbered(1).to_vec();
        for at in 0..frame.len() {
            let mut damaged = frame.clone();
            damaged[at] ^= 0x20;
            let read = header(&damaged).and_then(|header| header.body(&damaged[HEADER_BYTES..]));
            assert_eq!(read, None, "byte {at}");
        }
    }
}
