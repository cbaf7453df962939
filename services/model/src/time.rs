//! Instants between the three forms that they have: jiff, protobuf and microseconds.

use jiff::Timestamp;

/// As protobuf.
pub fn to_proto(at: Timestamp) -> prost_types::Timestamp {
    let nanos = at.as_nanosecond();
    prost_types::Timestamp {
        seconds: nanos.div_euclid(1_000_000_000) as i64,
        nanos: nanos.rem_euclid(1_000_000_000) as i32,
    }
}

/// From protobuf; one out of range is `None`.
pub fn from_proto(at: &prost_types::Timestamp) -> Option<Timestamp> {
    Timestamp::new(at.seconds, at.nanos).ok()
}

/// Microseconds since the Unix epoch as protobuf.
pub fn proto_from_micros(micros: i64) -> prost_types::Timestamp {
    prost_types::Timestamp {
        seconds: micros.div_euclid(1_000_000),
        nanos: (micros.rem_euclid(1_000_000) * 1000) as i32,
    }
}

/// Protobuf as microseconds since the Unix epoch.
pub fn micros_from_proto(at: &prost_types::Timestamp) -> i64 {
    at.seconds * 1_000_000 + i64::from(at.nanos) / 1000
}

/// Now, in microseconds since the Unix epoch.
pub fn now_micros() -> i64 {
    Timestamp::now().as_microsecond()
}

/// Now, as protobuf in whole microseconds.
pub fn now_proto() -> prost_types::Timestamp {
    proto_from_micros(now_micros())
}
