//! What a ticket carries, so that GetFlightInfo and DoGet see the same snapshot whichever process answers.

use bytes::Bytes;
use prost::Message;

use crate::error::QueryError;

/// A statement with its snapshot.
#[derive(Clone, PartialEq, Message)]
pub struct Pinned {
    /// The text; it passes the gate again.
    #[prost(string, tag = "1")]
    pub sql: String,
    /// The snapshot; 0 is the newest.
    #[prost(uint64, tag = "2")]
    pub snapshot: u64,
    /// Parameters as an Arrow IPC stream of one batch.
    #[prost(bytes = "bytes", tag = "3")]
    pub parameters: Bytes,
    /// By which a cancel finds it.
    #[prost(string, tag = "4")]
    pub id: String,
}

impl Pinned {
    /// A statement under a new id.
    pub fn new(sql: String, snapshot: u64, parameters: Bytes) -> Self {
        Self { sql, snapshot, parameters, id: uuid::Uuid::new_v4().to_string() }
    }

    /// Reads the handle of a ticket.
    pub fn read(handle: &[u8]) -> Result<Self, QueryError> {
        Self::decode(handle)
            .map_err(|error| QueryError::Field("ticket", format!("is none of this service: {error}")))
    }
}
