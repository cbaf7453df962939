//! What a running call hands on to the calls that it makes: its request id, and the time that is left.

use std::time::{Duration, Instant};

use http::{HeaderMap, HeaderName, HeaderValue};
use uuid::Uuid;

use crate::layer::deadline;

/// The header of the request id.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The header of the time that is left.
pub const TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");

const LONGEST_ID: usize = 128;

tokio::task_local! {
    static CURRENT: Call;
}

/// A call that is being answered.
#[derive(Debug, Clone, Default)]
pub struct Call {
    /// Its id, which logs of all roles show.
    pub request_id: Option<HeaderValue>,
    /// When its caller gives up.
    pub deadline: Option<Instant>,
}

impl Call {
    /// The call that this task answers; an empty one outside of any.
    pub fn current() -> Self {
        CURRENT.try_with(Self::clone).unwrap_or_default()
    }

    /// The call of some headers. An id that is missing, long or strange is replaced by a new one.
    pub fn of(headers: &HeaderMap) -> Self {
        let request_id = headers.get(REQUEST_ID).filter(|id| sound(id)).cloned().unwrap_or_else(new_id);
        let limit = headers.get(TIMEOUT).and_then(|value| deadline::parse(value.to_str().ok()?));
        Self {
            request_id: Some(request_id),
            deadline: limit.and_then(|limit| Instant::now().checked_add(limit)),
        }
    }

    /// Runs a future as a part of this call.
    pub async fn scope<F: Future>(self, future: F) -> F::Output {
        CURRENT.scope(self, future).await
    }

    /// The time that is left; none without a deadline.
    pub fn left(&self) -> Option<Duration> {
        self.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()))
    }
}

/// A new request id.
pub fn new_id() -> HeaderValue {
    let mut buffer = Uuid::encode_buffer();
    let text = Uuid::now_v7().hyphenated().encode_lower(&mut buffer);
    HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static("none"))
}

fn sound(id: &HeaderValue) -> bool {
    !id.is_empty() && id.len() <= LONGEST_ID && id.to_str().is_ok_and(|id| !id.contains(char::is_whitespace))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_call_is_known_within_its_scope_only() {
        assert!(Call::current().request_id.is_none());
        let mut headers = HeaderMap::new();
        headers.insert(REQUEST_ID, HeaderValue::from_static("abc"));
        headers.insert(TIMEOUT, HeaderValue::from_static("5S"));
        let within = Call::of(&headers).scope(async { Call::current() }).await;
        assert_eq!(within.request_id, Some(HeaderValue::from_static("abc")));
        let left = within.left().expect("a deadline");
        assert!(left > Duration::from_secs(4) && left <= Duration::from_secs(5), "{left:?}");
        assert!(Call::current().request_id.is_none());
    }

    #[test]
    fn a_strange_id_is_replaced() {
        for id in ["", "a b", &"x".repeat(129)] {
            let mut headers = HeaderMap::new();
            headers.insert(REQUEST_ID, HeaderValue::from_str(id).expect("a header"));
            let kept = Call::of(&headers).request_id.expect("an id");
            assert_eq!(kept.len(), 36, "`{id}` became {kept:?}");
        }
    }
}
