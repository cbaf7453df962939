//! Ends a call whose `grpc-timeout` passed before its answer began.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use rfe_model::{ErrorCode, Fault, fault::reason};
use tonic::body::Body;
use tower::Service;

use crate::status_from_fault;

/// The service with deadlines kept.
#[derive(Debug, Clone)]
pub struct Deadline<S>(pub S);

impl<S, B> Service<http::Request<B>> for Deadline<S>
where
    S: Service<http::Request<B>, Response = http::Response<Body>>,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
{
    type Response = http::Response<Body>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        let limit = request.headers().get("grpc-timeout").and_then(|value| parse(value.to_str().ok()?));
        let call = self.0.call(request);
        Box::pin(async move {
            let Some(limit) = limit else { return call.await };
            match tokio::time::timeout(limit, call).await {
                Ok(answer) => answer,
                Err(_) => Ok(exceeded(limit)),
            }
        })
    }
}

fn exceeded(limit: Duration) -> http::Response<Body> {
    let message = format!("the call took longer than its deadline of {limit:?}");
    status_from_fault(Fault::new(ErrorCode::DeadlineExceeded, reason::DEADLINE_EXCEEDED, message)).into_http()
}

// gRPC over HTTP/2: at most eight digits and one letter.
/// Reads the value of a `grpc-timeout` header.
pub fn parse(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let number: u64 = (digits.len() <= 8).then(|| digits.parse().ok())??;
    Some(match unit {
        "H" => Duration::from_secs(number * 3600),
        "M" => Duration::from_secs(number * 60),
        "S" => Duration::from_secs(number),
        "m" => Duration::from_millis(number),
        "u" => Duration::from_micros(number),
        "n" => Duration::from_nanos(number),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_read_as_grpc_writes_them() {
        assert_eq!(parse("5S"), Some(Duration::from_secs(5)));
        assert_eq!(parse("250m"), Some(Duration::from_millis(250)));
        assert_eq!(parse("123456789S"), None);
        assert_eq!(parse("S"), None);
        assert_eq!(parse(""), None);
    }
}
