//! Bytes of letters that lie in the lake because they are too large for the registry.

use std::sync::Arc;

use rfe_lake::{Bucket, Lake, LakeError};
use rfe_model::{ErrorCode, Fault, fault::reason};
use rfe_proto::dlq::DeadLetter;

/// Fetches them.
#[derive(Debug, Clone)]
pub(crate) struct RawBytes {
    lake: Arc<dyn Lake>,
}

impl RawBytes {
    /// From this lake.
    pub(crate) fn new(lake: Arc<dyn Lake>) -> Self {
        Self { lake }
    }

    /// The letter with its bytes, wherever they lie.
    pub(crate) async fn fill(&self, letter: DeadLetter) -> Result<DeadLetter, Fault> {
        if letter.raw_ref.is_empty() {
            return Ok(letter);
        }
        match self.lake.get(Bucket::DeadLetter, &letter.raw_ref).await {
            Ok(bytes) => Ok(DeadLetter { raw_base64: bytes.into(), ..letter }),
            Err(error @ LakeError::Store { .. }) => {
                Err(Fault::new(ErrorCode::Unavailable, reason::BACKEND_UNAVAILABLE, error.to_string()))
            }
            Err(error) => Err(Fault::internal(format!("the bytes of letter `{}`: {error}", letter.id))),
        }
    }
}
