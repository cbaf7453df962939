//! Reading a body within its limit and the process's budget.

use std::sync::Arc;

use axum::body::Body;
use http::{HeaderMap, header};
use http_body_util::BodyExt as _;
use rfe_model::{ErrorCode, Fault, fault::reason};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

// What a request costs besides its bytes, roughly.
const OVERHEAD: u32 = 2 << 10;
const FIRST_CAPACITY: u64 = 64 << 10;

/// The bytes of bodies that the process may hold.
#[derive(Debug, Clone)]
pub(crate) struct Budget(Arc<Semaphore>);

/// A body, and its share of the budget.
#[derive(Debug)]
pub(crate) struct Held {
    /// The body.
    pub(crate) bytes: Vec<u8>,
    /// Gives the share back when it is dropped.
    pub(crate) share: OwnedSemaphorePermit,
}

// === impl Budget ===

impl Budget {
    pub(crate) fn new(bytes: u32) -> Self {
        Self(Arc::new(Semaphore::new(bytes as usize)))
    }

    fn take(&self, bytes: u32) -> Result<OwnedSemaphorePermit, Fault> {
        self.0.clone().try_acquire_many_owned(bytes).map_err(|_| {
            Fault::new(
                ErrorCode::ResourceExhausted,
                reason::QUEUE_FULL,
                "as many webhooks are under way as the edge may hold",
            )
        })
    }
}

/// Reads a body of at most `limit` bytes. The budget is charged as bytes arrive, so that a large Content-Length alone costs nothing.
pub(crate) async fn read(
    headers: &HeaderMap,
    mut body: Body,
    limit: u64,
    budget: &Budget,
) -> Result<Held, Fault> {
    let declared = content_length(headers);
    if declared.is_some_and(|length| length > limit) {
        return Err(too_large(limit));
    }
    let mut share = budget.take(OVERHEAD)?;
    let mut bytes = Vec::with_capacity(declared.unwrap_or(0).min(FIRST_CAPACITY) as usize);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| unreadable(&error))?;
        let Ok(data) = frame.into_data() else { continue };
        if bytes.len() as u64 + data.len() as u64 > limit {
            return Err(too_large(limit));
        }
        share.merge(budget.take(u32::try_from(data.len()).unwrap_or(u32::MAX))?);
        bytes.extend_from_slice(&data);
    }
    Ok(Held { bytes, share })
}

/// A body as the text of one JSON value.
pub(crate) fn json(bytes: &[u8]) -> Result<&str, Fault> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        not_json(format!("the body is not JSON: byte {} is not UTF-8", error.valid_up_to()))
    })?;
    serde_json::from_str::<serde::de::IgnoredAny>(text)
        .map_err(|error| not_json(format!("the body is not one JSON value: {error}")))?;
    Ok(text)
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn too_large(limit: u64) -> Fault {
    let message = format!(
        "the body is larger than {limit} bytes; `config.max_body` of the source sets the limit, up to 25MiB"
    );
    Fault::new(ErrorCode::InvalidArgument, reason::BODY_TOO_LARGE, message)
}

fn not_json(message: String) -> Fault {
    Fault::new(ErrorCode::InvalidArgument, reason::BODY_NOT_JSON, message)
}

fn unreadable(error: &axum::Error) -> Fault {
    Fault::invalid("body", format!("could not be read to its end: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn sent(bytes: Vec<u8>, limit: u64, budget: &Budget) -> Result<Held, Fault> {
        let frames = futures::stream::iter(
            bytes.chunks(7).map(|chunk| Ok::<_, std::io::Error>(chunk.to_vec())).collect::<Vec<_>>(),
        );
        read(&HeaderMap::new(), Body::from_stream(frames), limit, budget).await
    }

    #[tokio::test]
    async fn the_limit_holds_without_a_content_length() {
        let budget = Budget::new(1 << 20);
        assert_eq!(sent(vec![b'1'; 100], 100, &budget).await.expect("within").bytes.len(), 100);
        assert_eq!(
            sent(vec![b'1'; 101], 100, &budget).await.expect_err("refused").reason,
            reason::BODY_TOO_LARGE
        );
    }

    #[tokio::test]
    async fn the_budget_is_given_back_when_a_body_is_dropped() {
        let budget = Budget::new(OVERHEAD + 100);
        let first = sent(vec![b'1'; 100], 1000, &budget).await.expect("within");
        assert_eq!(sent(vec![b'1'; 1], 1000, &budget).await.expect_err("refused").reason, reason::QUEUE_FULL);
        drop(first);
        assert!(sent(vec![b'1'; 1], 1000, &budget).await.is_ok());
    }

    #[test]
    fn a_body_is_one_json_value_in_utf8() {
        for good in ["{}", " 5 ", "null", "\"a\"", "[1,{\"a\":1}]"] {
            assert!(json(good.as_bytes()).is_ok(), "{good}");
        }
        for bad in [&b""[..], b"{", b"{} {}", b"a=1", b"\"\xff\"", b"{'a':1}"] {
            assert_eq!(json(bad).expect_err("refused").reason, reason::BODY_NOT_JSON);
        }
        assert!(json(b"{\n \"a\": x}").expect_err("refused").message.contains("line 2 column 7"));
    }
}
