//! What every call carries: the time that is left, a request id, the trace.

use std::time::{Duration, Instant};

use http::{HeaderMap, HeaderName, HeaderValue};
use rfe_model::{ErrorCode, Fault, fault::reason};
use tonic::Status;

use super::method::Method;
use crate::{
    call::{Call, REQUEST_ID, TIMEOUT, new_id},
    layer::deadline,
    status_from_fault,
    telemetry::trace,
};

/// How long a call that has one answer may take, unless its caller says otherwise.
pub const DEFAULT_DEADLINE: Duration = Duration::from_secs(30);

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// The limits of a call that is about to be made.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limit {
    /// How much time it has.
    pub(super) time: Duration,
    /// When that is over.
    pub(super) until: Instant,
}

/// Stamps the headers of a call. What the caller set stays, but nobody gets more time than the call has that this one is a part of.
pub(super) fn stamp(headers: &mut HeaderMap, method: Method) -> Option<Limit> {
    let around = Call::current();
    if !headers.contains_key(REQUEST_ID) {
        headers.insert(REQUEST_ID, around.request_id.clone().unwrap_or_else(new_id));
    }
    if !headers.contains_key(TRACEPARENT)
        && let Ok(value) = HeaderValue::from_str(&trace::current_traceparent())
        && !value.is_empty()
    {
        headers.insert(TRACEPARENT, value);
    }
    let own = headers.get(TIMEOUT).and_then(|value| deadline::parse(value.to_str().ok()?));
    let own = own.or_else(|| (method == Method::Unary).then_some(DEFAULT_DEADLINE));
    let time = own.into_iter().chain(around.left()).min()?;
    headers.insert(TIMEOUT, written(time));
    Instant::now().checked_add(time).map(|until| Limit { time, until })
}

/// Writes how much time is left before another try.
pub(super) fn renew(headers: &mut HeaderMap, limit: Limit) {
    headers.insert(TIMEOUT, written(limit.until.saturating_duration_since(Instant::now())));
}

/// The error of a call that took too long.
pub(super) fn exceeded(limit: Limit) -> Status {
    let message = format!("the call took longer than its deadline of {:?}", limit.time);
    status_from_fault(Fault::new(ErrorCode::DeadlineExceeded, reason::DEADLINE_EXCEEDED, message))
}

// At most eight digits and a unit, so long times lose precision, never their size.
fn written(time: Duration) -> HeaderValue {
    const MOST: u128 = 99_999_999;
    let text = if time.as_micros() <= MOST {
        format!("{}u", time.as_micros())
    } else if time.as_millis() <= MOST {
        format!("{}m", time.as_millis())
    } else {
        format!("{}S", time.as_secs().min(99_999_999))
    };
    HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static("30S"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timeout(headers: &HeaderMap) -> Option<Duration> {
        deadline::parse(headers.get(TIMEOUT)?.to_str().ok()?)
    }

    #[test]
    fn a_call_with_one_answer_has_a_deadline_and_a_stream_has_none() {
        let mut headers = HeaderMap::new();
        assert_eq!(stamp(&mut headers, Method::Unary).expect("a limit").time, DEFAULT_DEADLINE);
        assert_eq!(timeout(&headers), Some(DEFAULT_DEADLINE));
        assert!(headers.contains_key(REQUEST_ID));
        for method in [Method::Answers, Method::Requests, Method::Unknown] {
            assert!(stamp(&mut HeaderMap::new(), method).is_none(), "{method:?}");
        }
    }

    #[tokio::test]
    async fn nobody_gets_more_time_than_the_call_around() {
        let mut outer = HeaderMap::new();
        outer.insert(TIMEOUT, HeaderValue::from_static("2S"));
        outer.insert(REQUEST_ID, HeaderValue::from_static("outer"));
        Call::of(&outer)
            .scope(async {
                for given in [None, Some("10S")] {
                    let mut headers = HeaderMap::new();
                    if let Some(given) = given {
                        headers.insert(TIMEOUT, HeaderValue::from_static(given));
                    }
                    let limit = stamp(&mut headers, Method::Answers).expect("the outer one's");
                    assert!(limit.time <= Duration::from_secs(2) && limit.time > Duration::from_secs(1));
                    assert_eq!(headers[REQUEST_ID], "outer");
                }
                let mut headers = HeaderMap::new();
                headers.insert(TIMEOUT, HeaderValue::from_static("10m"));
                assert_eq!(
                    stamp(&mut headers, Method::Unary).expect("its own").time,
                    Duration::from_millis(10)
                );
            })
            .await;
    }

    #[test]
    fn times_are_written_as_they_are_read() {
        for time in
            [Duration::ZERO, Duration::from_micros(7), Duration::from_secs(90), Duration::from_secs(86_400)]
        {
            assert_eq!(deadline::parse(written(time).to_str().expect("text")), Some(time));
        }
    }
}
